package main

import (
	"bufio"
	"embed"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

//go:embed names/*.txt
var nameFiles embed.FS

// names turns x/sys's names into C's; see the heads of the tables.
type names struct {
	types    map[string]string // x/sys's input → C
	prefixes map[string]string // C structure → prefix of its fields
	fields   map[string]string // "structure.GoField" → C names
	aligns   map[string]string // C structure → type that it is aligned as
	used     map[string]bool
}

func readNames(goos string) (*names, error) {
	path := "names/" + goos + ".txt"
	text, err := nameFiles.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseNames(path, string(text))
}

func parseNames(path, text string) (*names, error) {
	n := &names{
		types: map[string]string{}, prefixes: map[string]string{}, fields: map[string]string{},
		aligns: map[string]string{}, used: map[string]bool{},
	}
	lines := bufio.NewScanner(strings.NewReader(text))
	for i := 1; lines.Scan(); i++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		w := strings.Fields(line)
		switch {
		case len(w) == 0:
		case len(w) == 3 && w[1] == "=":
			n.types[w[0]] = w[2]
		case len(w) == 3 && w[1] == "align":
			n.aligns[w[0]] = w[2]
		case len(w) == 2 && strings.Contains(w[0], "."):
			n.fields[w[0]] = w[1]
		case len(w) == 2:
			n.prefixes[w[0]] = w[1]
		default:
			return nil, fmt.Errorf("%s:%d: not understood: %s", path, i, line)
		}
	}
	return n, lines.Err()
}

// constant is the name in C of a constant, "" for one that is left out.
func (n *names) constant(c string) string {
	name, ok := n.types[c]
	if !ok {
		return c
	}
	n.used[c] = true
	if name == "-" {
		return ""
	}
	return name
}

// errno is the name of an error number.
func (n *names) errno(c string) string {
	if name, ok := n.fields["errno."+c]; ok {
		n.used["errno."+c] = true
		return name
	}
	return c
}

// align is the type that a structure is aligned as, where its fields in Go do
// not show it.
func (n *names) align(structure, arch string) (typ string, ok bool) {
	for _, key := range []string{structure + "@" + arch, structure} {
		if typ, ok = n.aligns[key]; ok {
			n.used["align "+key] = true
			return typ, true
		}
	}
	return "", false
}

// structure is the name in C of a structure, without "struct"; "" for what is
// none in C.
func (n *names) structure(c, arch string) string {
	for _, tag := range []string{"struct_", "union_"} {
		c = strings.TrimPrefix(c, tag)
	}
	for _, key := range []string{c + "@" + arch, c} {
		if s, ok := n.types[key]; ok {
			n.used[key] = true
			if s == "-" {
				return ""
			}
			return s
		}
	}
	return strings.TrimPrefix(c, "my_")
}

// A fieldName is what a Go field is in C: its names (several for members of a
// union, none for padding) and the size where it is not the Go field's.
type fieldName struct {
	names []string
	size  int
}

func (n *names) field(structure, goName string) (fieldName, error) {
	c, ok := n.fields[structure+"."+goName]
	if !ok {
		c = n.mechanical(structure, goName)
	}
	n.used[structure+"."+goName] = true
	n.used[structure] = true
	if c == "-" {
		return fieldName{}, nil
	}
	text, size, sized := strings.Cut(c, ":")
	f := fieldName{names: strings.Split(text, "|")}
	if sized {
		v, err := strconv.Atoi(size)
		if err != nil {
			return fieldName{}, fmt.Errorf("%s.%s: size %q: %w", structure, goName, size, err)
		}
		f.size = v
	}
	return f, nil
}

// mechanical undoes what cgo -godefs does to the names of fields.
func (n *names) mechanical(structure, goName string) string {
	if goName == "_" || strings.HasPrefix(goName, "Pad_cgo_") {
		return "-"
	}
	if rest, ok := strings.CutPrefix(goName, "X_"); ok {
		return "_" + rest
	}
	first, size := utf8.DecodeRuneInString(goName)
	return n.prefixes[structure] + string(unicode.ToLower(first)) + goName[size:]
}

// unused lists the entries that no structure of any architecture needed, which
// are mistakes.
func (n *names) unused() []string {
	var list []string
	for _, m := range []map[string]string{n.types, n.prefixes, n.fields} {
		for k := range m {
			if !n.used[k] {
				list = append(list, k)
			}
		}
	}
	for k := range n.aligns {
		if !n.used["align "+k] {
			list = append(list, k+" align")
		}
	}
	return list
}
