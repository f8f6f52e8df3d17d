package backends

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// MaxSpec bounds the text of a specification, in bytes, as it is given and as
// String writes it.
const MaxSpec = 4096

// A Spec says which kernel to open, in the form that commands and tests take
// as text:
//
//	name [ ":" item { "," item } ] [ "?" key "=" value { "&" key "=" value } ]
//
// An item with "=" is an option, one without is an argument; the part behind
// "?" holds options only. So "sentry:hostname=box" and
// "rump:net,netinet?hostname=box" are both well formed. Names and keys are
// letters, digits, "-", "_" and "."; in arguments and values, any other byte
// may be written as %XX.
type Spec struct {
	Name    string   // the backend
	Args    []string // arguments, such as components, in order
	Options []Option // options, in order; a later one overrides an earlier one of the same key
}

// An Option is one key=value of a Spec.
type Option struct{ Key, Value string }

// A SpecError says what is wrong in a specification.
type SpecError struct {
	Spec   string // the whole text
	Part   string // the part that is wrong
	Reason string // what is wrong with it, and what would be right
}

func (e *SpecError) Error() string {
	if e.Part == "" {
		return fmt.Sprintf("kernel specification %q: %s", e.Spec, e.Reason)
	}
	return fmt.Sprintf("kernel specification %q: %q: %s", e.Spec, e.Part, e.Reason)
}

// ParseSpec parses the text form of a Spec. The error is a [*SpecError].
func ParseSpec(text string) (Spec, error) {
	if len(text) > MaxSpec {
		return Spec{}, &SpecError{Spec: text[:64] + "…", Reason: fmt.Sprintf("longer than %d bytes", MaxSpec)}
	}
	body, query, hasQuery := strings.Cut(text, "?")
	name, items, hasItems := strings.Cut(body, ":")
	s := Spec{Name: name}
	if !isName(name) {
		return Spec{}, &SpecError{text, name, "a backend's name is letters, digits, '-', '_' and '.'"}
	}
	if hasItems {
		for item := range strings.SplitSeq(items, ",") {
			if err := s.parseItem(text, item, false); err != nil {
				return Spec{}, err
			}
		}
	}
	if hasQuery {
		for item := range strings.SplitSeq(query, "&") {
			if err := s.parseItem(text, item, true); err != nil {
				return Spec{}, err
			}
		}
	}
	if len(s.String()) > MaxSpec {
		return Spec{}, &SpecError{Spec: text[:64] + "…", Reason: fmt.Sprintf("longer than %d bytes when escaped", MaxSpec)}
	}
	return s, nil
}

func (s *Spec) parseItem(text, item string, mustBeOption bool) error {
	key, value, isOption := strings.Cut(item, "=")
	switch {
	case item == "":
		return &SpecError{text, item, "an item is empty"}
	case !isOption && mustBeOption:
		return &SpecError{text, item, "behind '?' stand options, key=value"}
	case isOption && !isName(key):
		return &SpecError{text, item, "an option's key is letters, digits, '-', '_' and '.'"}
	case !isOption:
		value = item
	}
	value, err := url.PathUnescape(value)
	if err != nil {
		return &SpecError{text, item, "'%' starts an escape of two hexadecimal digits"}
	}
	if isOption {
		s.Options = append(s.Options, Option{key, value})
	} else {
		s.Args = append(s.Args, value)
	}
	return nil
}

// String is the text form. Parsing it gives an equal Spec.
func (s Spec) String() string {
	var b strings.Builder
	b.WriteString(s.Name)
	sep := byte(':')
	for _, a := range s.Args {
		b.WriteByte(sep)
		b.WriteString(escape(a))
		sep = ','
	}
	if len(s.Args) > 0 {
		sep = '?'
	}
	for _, o := range s.Options {
		b.WriteByte(sep)
		b.WriteString(o.Key + "=" + escape(o.Value))
		if sep == ':' {
			sep = ','
		} else if sep == '?' {
			sep = '&'
		}
	}
	return b.String()
}

// Get is the value of the last option with that key.
func (s Spec) Get(key string) (value string, ok bool) {
	for _, o := range slices.Backward(s.Options) {
		if o.Key == key {
			return o.Value, true
		}
	}
	return "", false
}

func isName(s string) bool {
	for i := range len(s) {
		if !isPlain(s[i]) {
			return false
		}
	}
	return s != ""
}

func isPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
}

func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; isPlain(c) || c == '/' || c == ':' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
