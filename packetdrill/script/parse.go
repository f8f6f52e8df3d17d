package script

import (
	"fmt"
	"strings"
)

// Parse reads a script. The name is what errors call the file.
func Parse(name, text string) (*Script, error) {
	if len(text) > MaxSize {
		return nil, fmt.Errorf("%s: a script of %d bytes: at most %d", name, len(text), MaxSize)
	}
	s := &scanner{text: text, line: 1}
	if strings.HasPrefix(text, "#!") {
		s.until("\n")
	}
	script := s.script()
	if s.err != nil {
		return nil, &Error{name, s.at, s.err}
	}
	return script, nil
}

func (s *scanner) script() *Script {
	script := &Script{}
	for s.take("--") {
		script.Options = append(script.Options, s.option())
	}
	if s.peek("`") {
		script.Init = s.command()
	}
	for !s.end() {
		if s.peek("`") {
			script.Cleanup = s.command()
			if !s.end() {
				s.fail("a command without a time stands at the end, but here follows %s", s.rest())
			}
			break
		}
		if len(script.Events) == MaxEvents {
			s.fail("more than %d events", MaxEvents)
			break
		}
		script.Events = append(script.Events, s.event())
	}
	return script
}

// option is what stands behind --: a line's rest.
func (s *scanner) option() Option {
	o := Option{Line: s.line, Key: s.word()}
	if !s.take("=") {
		return o
	}
	if c := s.peekByte(); c == '"' || c == '`' {
		o.Value = s.quoted(c)
		return o
	}
	o.Value = s.run(func(c byte) bool { return c > ' ' })
	return o
}

func (s *scanner) command() *Command {
	c := &Command{Line: s.line}
	c.Text = s.quoted('`')
	return c
}

func (s *scanner) event() Event {
	e := Event{Line: s.line, Time: s.time()}
	switch {
	case s.err != nil:
	case s.peek("<") || s.peek(">"):
		e.Packet = s.packet()
	case s.peek("`"):
		e.Command = s.command()
	case s.peek("%{"):
		e.Code = s.code()
	default:
		e.Call = s.call(&e.Time)
	}
	return e
}

func (s *scanner) code() *Code {
	c := &Code{Line: s.line}
	s.want("%{")
	i := strings.Index(s.text[s.pos:], "}%")
	if i < 0 {
		s.fail("no }%% at the end")
		return c
	}
	c.Text = s.text[s.pos : s.pos+i]
	s.skip(i + 2)
	return c
}

func (s *scanner) time() Time {
	if s.take("*") {
		return Time{Any: true}
	}
	t := Time{Relative: s.take("+")}
	if c := s.peekByte(); !isDigit(c) && c != '.' {
		s.fail("want a time, such as +0.1, before %s", s.rest())
		return t
	}
	t.From = s.seconds()
	t.To = t.From
	if s.take("~") {
		if s.take("+") != t.Relative {
			s.fail("a range of times whose ends count from different moments")
		}
		t.To = s.seconds()
		if t.To < t.From {
			s.fail("a range of times that ends before it begins")
		}
	}
	return t
}

// call is a system call, such as 0...0.2 read(3, ..., 10) = 10.
func (s *scanner) call(t *Time) *Call {
	c := &Call{}
	if s.take("...") {
		c.Blocks = true
		c.Until = s.seconds()
	}
	c.Name = s.word()
	s.want("(")
	c.Args = s.list(")", 0)
	s.want("=")
	c.Result = s.value(0)
	if isWordStart(s.peekByte()) {
		c.Errno = s.word()
	}
	if s.peek("(") {
		s.quoted(')')
	}
	if t.Any && c.Blocks {
		s.fail("a call that waits needs a time")
	}
	return c
}

// list is values up to an end.
func (s *scanner) list(end string, depth int) []Value {
	var l []Value
	if s.take(end) {
		return l
	}
	for s.err == nil {
		l = append(l, s.value(depth+1))
		if s.take(end) {
			return l
		}
		s.want(",")
	}
	return l
}

// value is an expression.
func (s *scanner) value(depth int) Value {
	if depth > MaxDepth {
		s.fail("expressions in each other, more than %d deep", MaxDepth)
		return Value{}
	}
	v := s.primary(depth)
	for s.err == nil && s.take("|") {
		if v.Kind != Or {
			v = Value{Kind: Or, List: []Value{v}}
		}
		v.List = append(v.List, s.primary(depth))
	}
	return v
}

func (s *scanner) primary(depth int) Value {
	c := s.peekByte()
	switch {
	case s.take("..."):
		return Value{Kind: Ellipsis}
	case isDigit(c) || c == '-':
		return Value{Kind: Number, Number: s.number()}
	case c == '"':
		v := Value{Kind: String, Text: s.quoted('"')}
		v.More = s.take("...")
		return v
	case s.take("["):
		return Value{Kind: Array, List: s.list("]", depth)}
	case s.take("{"):
		return Value{Kind: Struct, List: s.members(depth)}
	case isWordStart(c):
		v := Value{Kind: Word, Text: s.word()}
		if s.take("(") {
			v.Kind = Function
			v.List = s.list(")", depth)
		}
		return v
	}
	s.fail("want an expression before %s", s.rest())
	return Value{}
}

// members is what stands in braces: names with their values, or values alone.
func (s *scanner) members(depth int) []Value {
	var l []Value
	if s.take("}") {
		return l
	}
	for s.err == nil {
		v := s.value(depth + 1)
		if s.take("=") {
			if v.Kind != Word && v.Kind != Function {
				s.fail("want the name of a member before =")
			}
			v = Value{Kind: Member, Text: v.Text, Of: v.List, List: []Value{s.value(depth + 1)}}
		}
		l = append(l, v)
		if s.take("}") {
			return l
		}
		s.want(",")
	}
	return l
}
