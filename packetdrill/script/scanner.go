package script

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A scanner reads a script byte by byte. It stops at the first error: from then
// on it is at the end.
type scanner struct {
	text string
	pos  int
	line int
	err  error
	at   int // the line of err
}

// fail keeps the first error.
func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err, s.at = fmt.Errorf(format, args...), s.line
	}
	s.pos = len(s.text)
}

// space skips blanks and comments.
func (s *scanner) space() {
	for s.pos < len(s.text) {
		rest := s.text[s.pos:]
		switch {
		case rest[0] == '\n':
			s.line++
			s.pos++
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r':
			s.pos++
		case strings.HasPrefix(rest, "//"):
			s.until("\n")
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				s.fail("a comment without its end")
				return
			}
			s.skip(2 + end + 2)
		default:
			return
		}
	}
}

// until skips to before the end of the line.
func (s *scanner) until(end string) {
	if i := strings.Index(s.text[s.pos:], end); i >= 0 {
		s.pos += i
	} else {
		s.pos = len(s.text)
	}
}

// skip skips n bytes, and counts lines.
func (s *scanner) skip(n int) {
	s.line += strings.Count(s.text[s.pos:s.pos+n], "\n")
	s.pos += n
}

// peek reports whether the next thing is that, after space.
func (s *scanner) peek(what string) bool {
	s.space()
	return strings.HasPrefix(s.text[s.pos:], what)
}

// take takes the next thing if it is that.
func (s *scanner) take(what string) bool {
	if !s.peek(what) {
		return false
	}
	s.pos += len(what)
	return true
}

// want takes what must come.
func (s *scanner) want(what string) {
	if !s.take(what) {
		s.fail("want %q before %s", what, s.rest())
	}
}

// rest is what comes next, for messages.
func (s *scanner) rest() string {
	s.space()
	rest := s.text[s.pos:]
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	if rest == "" {
		return "the end"
	}
	if len(rest) > 30 {
		rest = rest[:30] + "…"
	}
	return strconv.Quote(rest)
}

func (s *scanner) end() bool {
	s.space()
	return s.pos >= len(s.text)
}

// run takes bytes as long as they are of a class.
func (s *scanner) run(class func(byte) bool) string {
	s.space()
	start := s.pos
	for s.pos < len(s.text) && class(s.text[s.pos]) {
		s.pos++
	}
	return s.text[start:s.pos]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isHex(c byte) bool   { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

func isWordStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

func isWord(c byte) bool { return isWordStart(c) || isDigit(c) }

// peekByte is the next byte after space; 0 at the end.
func (s *scanner) peekByte() byte {
	s.space()
	if s.pos >= len(s.text) {
		return 0
	}
	return s.text[s.pos]
}

// word is a name.
func (s *scanner) word() string {
	if !isWordStart(s.peekByte()) {
		s.fail("want a word before %s", s.rest())
		return ""
	}
	return s.run(isWord)
}

// peekWord is the next word without taking it, "" where none comes.
func (s *scanner) peekWord() string {
	if !isWordStart(s.peekByte()) {
		return ""
	}
	pos := s.pos
	w := s.run(isWord)
	s.pos = pos
	return w
}

// takeWord takes the next word if it is that.
func (s *scanner) takeWord(w string) bool {
	if s.peekWord() != w {
		return false
	}
	s.word()
	return true
}

// number is a number of up to 64 bits, decimal or 0x.
func (s *scanner) number() int64 {
	negative := s.take("-")
	if !isDigit(s.peekByte()) {
		s.fail("want a number before %s", s.rest())
		return 0
	}
	var text string
	base := 10
	if s.take("0x") || s.take("0X") {
		base = 16
		text = s.run(isHex)
	} else {
		text = s.run(isDigit)
	}
	v, err := strconv.ParseUint(text, base, 64)
	if err != nil {
		s.fail("%q is no number: %v", text, err)
	}
	if negative {
		return -int64(v)
	}
	return int64(v)
}

// limited is a number from 0 to max.
func (s *scanner) limited(max int64) int64 {
	v := s.number()
	if v < 0 || v > max {
		s.fail("%d is not between 0 and %d", v, max)
		return 0
	}
	return v
}

// maxTime bounds the times of a script.
const maxTime = 365 * 24 * time.Hour

// seconds is a time such as 0, .1 or 1.25. A second dot ends it: what follows is
// an ellipsis.
func (s *scanner) seconds() time.Duration {
	text := s.run(isDigit)
	if s.pos < len(s.text) && s.text[s.pos] == '.' && !strings.HasPrefix(s.text[s.pos:], "...") {
		s.pos++
		start := s.pos
		for s.pos < len(s.text) && isDigit(s.text[s.pos]) {
			s.pos++
		}
		text += "." + s.text[start:s.pos]
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || v < 0 || v > maxTime.Seconds() {
		s.fail("want a time in seconds before %s", s.rest())
		return 0
	}
	// Times are written in microseconds at most; floats are not exact.
	return time.Duration(v*1e6+0.5) * time.Microsecond
}

// quoted is what stands between two of a byte.
func (s *scanner) quoted(q byte) string {
	s.pos++
	start := s.pos
	for s.pos < len(s.text) && s.text[s.pos] != q {
		if s.text[s.pos] == '\n' {
			s.line++
		}
		s.pos++
	}
	if s.pos >= len(s.text) {
		s.fail("no %q at the end", q)
		return ""
	}
	text := s.text[start:s.pos]
	s.pos++
	return text
}
