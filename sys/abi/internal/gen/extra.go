package main

import (
	"bufio"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/anykernel/anykernel/sys/abi"
)

//go:embed extra/*.txt
var extraFiles embed.FS

// An extra is a structure that x/sys does not have, or not as C has it. The
// files in extra hold them, one type and name a line:
//
//	struct NAME [packed] [: ARCH…]
//		TYPE NAME
//		TYPE NAME[COUNT]
//		TYPE A|B        names of one place
//		union {         members without a name of their own; struct alike
//		}
//
// Types are i8 … u64, long, ulong, ptr, a64, which is an u64 that is aligned on
// 386 too, and structures that are known by then.
// A member for some architectures goes before the one of the same name for the
// others.
// Constants, system calls and errors that x/sys lacks are lines of their own:
//
//	const NAME VALUE [: ARCH…]
//	call NAME NUMBER [: ARCH…]
//	errno NAME NUMBER MESSAGE
//
// An entry for some architectures goes before the one for the others. A
// structure replaces the one that x/sys has; a number must be new.
type extra struct {
	kind    string // "struct", "const", "call" or "errno"
	name    string
	arches  []string // nil for all
	body    *group   // of a structure
	packed  bool
	value   int64
	message string // of an errno
}

// A group is the members of a structure or of a union.
type group struct {
	union   bool
	members []member
}

type member struct {
	typ    string
	names  []string
	count  int      // of an array, -1 for a single one
	arches []string // nil for all
	group  *group   // for a member without a name
}

// readExtras reads the extra structures of an OS.
func readExtras(goos string) ([]extra, error) {
	path := "extra/" + goos + ".txt"
	text, err := extraFiles.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseExtras(path, string(text))
}

func parseExtras(path, text string) ([]extra, error) {
	p := &extraParser{lines: bufio.NewScanner(strings.NewReader(text))}
	for p.next() {
		if err := p.line(); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, p.n, err)
		}
	}
	if len(p.open) > 1 {
		return nil, fmt.Errorf("%s: a brace is not closed", path)
	}
	return p.list, p.lines.Err()
}

// Limits of what is sensible in the files.
const (
	maxCount = 1 << 16 // of an array
	maxDepth = 8       // of braces
)

type extraParser struct {
	lines *bufio.Scanner
	n     int
	words []string
	list  []extra
	open  []*group // those that the next line is in
}

func (p *extraParser) next() bool {
	for p.lines.Scan() {
		p.n++
		line, _, _ := strings.Cut(p.lines.Text(), "#")
		if p.words = strings.Fields(line); len(p.words) > 0 {
			return true
		}
	}
	return false
}

func (p *extraParser) line() error {
	w := p.words
	last := w[len(w)-1]
	switch {
	case slices.Contains(entryKinds, w[0]) && last != "{":
		if len(p.open) > 1 {
			return errors.New("a brace is not closed")
		}
		return p.entry()
	case len(p.open) == 0:
		return errors.New("a member outside a structure")
	case len(p.open) > maxDepth:
		return errors.New("too many braces")
	case last == "{" && len(w) == 2 && (w[0] == "struct" || w[0] == "union"):
		g := &group{union: w[0] == "union"}
		p.add(member{group: g})
		p.open = append(p.open, g)
	case last == "}" && len(w) == 1 && len(p.open) > 1:
		p.open = p.open[:len(p.open)-1]
	case len(w) == 2 || len(w) > 3 && w[2] == ":":
		return p.member()
	default:
		return errors.New("not understood")
	}
	return nil
}

func (p *extraParser) add(m member) {
	g := p.open[len(p.open)-1]
	g.members = append(g.members, m)
}

var entryKinds = []string{"struct", "const", "call", "errno"}

// entry reads the head of a structure, or a number.
func (p *extraParser) entry() error {
	w := p.words
	var e extra
	w, e.arches = cutArches(w)
	p.open = nil
	e.kind = w[0]
	switch {
	case e.kind == "errno" && len(w) > 3:
		e.message = strings.Join(w[3:], " ")
		w = w[:3]
		fallthrough
	case (e.kind == "const" || e.kind == "call") && len(w) == 3:
		e.name = w[1]
		v, err := strconv.ParseInt(w[2], 0, 64)
		if err != nil {
			return err
		}
		e.value = v
	case e.kind == "struct" && (len(w) == 2 || len(w) == 3 && w[2] == "packed"):
		e.name, e.packed, e.body = w[1], len(w) == 3, &group{}
		p.open = []*group{e.body}
	default:
		return errors.New("not understood")
	}
	p.list = append(p.list, e)
	return nil
}

func (p *extraParser) member() error {
	w, arches := cutArches(p.words)
	if len(w) != 2 {
		return errors.New("not understood")
	}
	name, rest, array := strings.Cut(w[1], "[")
	m := member{typ: w[0], names: strings.Split(name, "|"), count: -1, arches: arches}
	if array {
		n, err := strconv.Atoi(strings.TrimSuffix(rest, "]"))
		if err != nil || n < 0 || n > maxCount {
			return fmt.Errorf("%s: no count", w[1])
		}
		m.count = n
	}
	p.add(m)
	return nil
}

// cutArches splits the words of a line from the architectures behind its colon.
func cutArches(w []string) (head, arches []string) {
	if i := slices.Index(w, ":"); i >= 0 {
		return w[:i], w[i+1:]
	}
	return w, nil
}

// applies reports whether an entry for these architectures describes one.
func applies(arches []string, arch string) bool {
	return arches == nil || slices.Contains(arches, arch)
}

// addNumbers adds the extra constants or calls of a target to those of x/sys.
// The number of an error is a constant too.
func addNumbers(t target, list []extra, kind string, numbers map[string]int64) error {
	done := map[string]bool{}
	for i := range list {
		e := &list[i]
		if e.kind != kind && (e.kind != "errno" || kind != "const") || done[e.name] || !applies(e.arches, t.goarch) {
			continue
		}
		done[e.name] = true
		if _, ok := numbers[e.name]; ok {
			return fmt.Errorf("%s/%s: x/sys has %s", t.goos, t.goarch, e.name)
		}
		numbers[e.name] = e.value
	}
	return nil
}

// layoutExtras adds the extra structures of a target to its layouts.
func layoutExtras(t target, list []extra, layouts map[string]abi.Layout) error {
	done := map[string]bool{}
	for i := range list {
		e := &list[i]
		if e.kind != "struct" || done[e.name] || !applies(e.arches, t.goarch) {
			continue
		}
		done[e.name] = true
		l := layouter{target: t, packed: e.packed, known: layouts}
		size, align, err := l.group(e.body, 0)
		if err != nil {
			return fmt.Errorf("struct %s: %w", e.name, err)
		}
		layouts[e.name] = abi.Layout{Name: e.name, Size: size, Align: align, Fields: l.fields}
	}
	return nil
}

// A layouter places members as a C compiler does.
type layouter struct {
	target target
	packed bool
	known  map[string]abi.Layout
	fields []abi.Field
}

// group places a group at an offset that suits it and returns its size and
// alignment.
func (l *layouter) group(g *group, at int) (size, align int, err error) {
	align = 1
	offset, end := at, at
	for _, m := range l.members(g) {
		msize, malign, err := l.measure(m)
		if err != nil {
			return 0, 0, err
		}
		align = max(align, malign)
		if g.union {
			offset = at
		}
		offset = roundUp(offset, malign)
		if err := l.place(m, offset); err != nil {
			return 0, 0, err
		}
		offset += msize
		end = max(end, offset)
	}
	return roundUp(end-at, align), align, nil
}

// members is those of a group on this architecture.
func (l *layouter) members(g *group) []member {
	var list []member
	for _, m := range g.members {
		before := func(o member) bool { return m.group == nil && slices.Equal(o.names, m.names) }
		if applies(m.arches, l.target.goarch) && !slices.ContainsFunc(list, before) {
			list = append(list, m)
		}
	}
	return list
}

// measure is the size and alignment of a member.
func (l *layouter) measure(m member) (size, align int, err error) {
	if m.group != nil {
		scratch := layouter{target: l.target, packed: l.packed, known: l.known}
		return scratch.group(m.group, 0)
	}
	if s, ok := l.known[m.typ]; ok {
		size, align = s.Size, s.Align
	} else if size, align, _, err = l.target.basic(m.typ); err != nil {
		return 0, 0, err
	}
	if m.count >= 0 {
		size *= m.count
	}
	if l.packed {
		align = 1
	}
	return size, align, nil
}

// place appends the fields of a member.
func (l *layouter) place(m member, offset int) error {
	if m.group != nil {
		_, _, err := l.group(m.group, offset)
		return err
	}
	size, _, err := l.measure(m)
	if err != nil {
		return err
	}
	inner, isStruct := l.known[m.typ]
	for _, name := range m.names {
		f := abi.Field{Name: name, Offset: offset, Size: size}
		if !isStruct && m.count < 0 {
			_, _, f.Signed, _ = l.target.basic(m.typ)
		}
		l.fields = append(l.fields, f)
		if !isStruct || m.count >= 0 {
			continue
		}
		for _, f := range inner.Fields {
			f.Name, f.Offset = name+"."+f.Name, offset+f.Offset
			l.fields = append(l.fields, f)
		}
	}
	return nil
}

// basic is the size, alignment and sign of a type of the extra files.
func (t target) basic(typ string) (size, align int, signed bool, err error) {
	switch typ {
	case "ptr", "ulong":
		size = t.pointerSize()
	case "long":
		size, signed = t.pointerSize(), true
	case "a64":
		return 8, 8, false, nil
	default:
		bits, e := strconv.Atoi(typ[1:])
		size, signed = bits/8, typ[0] == 'i'
		if e != nil || !slices.Contains([]int{1, 2, 4, 8}, size) || !signed && typ[0] != 'u' {
			return 0, 0, false, fmt.Errorf("no type %s", typ)
		}
	}
	return size, t.alignOf(size), signed, nil
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
