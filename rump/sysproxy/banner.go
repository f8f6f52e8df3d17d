package sysproxy

import (
	"bufio"
	"fmt"
	"strings"
)

// MaxBanner is the most that a banner may have, in bytes, with its end.
const MaxBanner = 95

const (
	protocol = "RUMPSP-0.4-"
	ours     = " anykernel/1"
)

// A Banner is what a server says when a client connects: which system it
// serves, as uname(3) has it.
type Banner struct {
	OS      string // "NetBSD", "Linux"
	Release string
	Machine string // "amd64"
	Calls   bool   // the server takes a Call
}

// String is the banner as it is sent, with the end of the line.
func (b Banner) String() string {
	s := protocol + b.OS + "-" + b.Release + "/" + b.Machine
	end := "\n"
	if b.Calls {
		end = ours + end
	}
	return s[:min(len(s), MaxBanner-len(end))] + end
}

// ParseBanner reads a banner.
func ParseBanner(text string) (Banner, error) {
	bad := func(what string) (Banner, error) {
		return Banner{}, fmt.Errorf("sysproxy: the server's banner %.100q %s", text, what)
	}
	if len(text) > MaxBanner {
		return bad("is too long")
	}
	line, ended := strings.CutSuffix(text, "\n")
	rest, known := strings.CutPrefix(line, protocol)
	if !ended || !known || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
		return bad("is not one of protocol 0.4")
	}
	var b Banner
	rest, b.Calls = strings.CutSuffix(rest, ours)
	var ok1, ok2 bool
	b.OS, rest, ok1 = strings.Cut(rest, "-")
	b.Release, b.Machine, ok2 = strings.Cut(rest, "/")
	if !ok1 || !ok2 || b.OS == "" || b.Release == "" || b.Machine == "" {
		return bad("names no system")
	}
	return b, nil
}

// readBanner reads up to the end of the first line.
func readBanner(r *bufio.Reader) (Banner, error) {
	var text []byte
	for len(text) <= MaxBanner {
		c, err := r.ReadByte()
		if err != nil {
			return Banner{}, fmt.Errorf("sysproxy: no banner: %w", err)
		}
		if text = append(text, c); c == '\n' {
			break
		}
	}
	return ParseBanner(string(text))
}
