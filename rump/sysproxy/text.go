package sysproxy

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// Text is what the other side says for people. It is decoded to what a terminal
// only prints: lines and tabs stay, what else could steer one is written as
// \x1b.
type Text string

// UnmarshalJSON decodes a string.
func (t *Text) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	*t = Text(printable(s))
	return nil
}

func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\t' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
