package main

import (
	"bufio"
	"embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/anykernel/anykernel/sys/abi"
)

//go:embed ioctls/*.txt
var ioctlFiles embed.FS

// ioctls are the table of one OS; the heads of the files say how they read.
type ioctls struct {
	path    string
	pattern *regexp.Regexp // of the names, where numbers tell all but the type
	rules   []ioctlRule
	entries map[string]ioctlEntry
	needed  map[string]bool // entries whose "!" is true on some architecture
	seen    map[string]bool // entries that some architecture has
}

// An ioctlRule is the type of the arguments of a group that have its size.
type ioctlRule struct {
	group byte
	typ   string
}

type ioctlEntry struct {
	dir     abi.Direction
	typ     string
	deviant bool // the number says otherwise
}

func readIoctls(goos string) (*ioctls, error) {
	path := "ioctls/" + goos + ".txt"
	text, err := ioctlFiles.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseIoctls(path, string(text))
}

func parseIoctls(path, text string) (*ioctls, error) {
	t := &ioctls{path: path, entries: map[string]ioctlEntry{}, needed: map[string]bool{}, seen: map[string]bool{}}
	lines := bufio.NewScanner(strings.NewReader(text))
	for i := 1; lines.Scan(); i++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if w := strings.Fields(line); len(w) > 0 {
			if err := t.line(w); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, i, err)
			}
		}
	}
	return t, lines.Err()
}

func (t *ioctls) line(w []string) (err error) {
	switch {
	case w[0] == "NAME" && len(w) == 2:
		t.pattern, err = regexp.Compile(w[1])
		return err
	case t.pattern != nil && len(w) == 2 && len(w[0]) == 1:
		t.rules = append(t.rules, ioctlRule{group: w[0][0], typ: w[1]})
		return nil
	case t.pattern != nil && len(w) == 2:
		t.entries[w[0]] = ioctlEntry{typ: strings.TrimPrefix(w[1], "-")}
		return nil
	case t.pattern != nil || len(w) < 2 || len(w) > 3:
		return fmt.Errorf("not understood")
	}
	var e ioctlEntry
	var dir string
	if dir, e.deviant = strings.CutSuffix(w[1], "!"); len(w) == 3 {
		e.typ = w[2]
	}
	for e.dir = abi.IoctlNone; e.dir.String() != dir; e.dir++ {
		if e.dir == abi.IoctlValue {
			return fmt.Errorf("no direction %s", dir)
		}
	}
	if _, twice := t.entries[w[0]]; twice {
		return fmt.Errorf("%s is there twice", w[0])
	}
	t.entries[w[0]] = e
	return nil
}

// list is the ioctls of an ABI that has its other tables already.
func (t *ioctls) list(a *abi.ABI) ([]abi.IoctlInfo, error) {
	if t.pattern != nil {
		return t.byNumber(a), nil
	}
	var list []abi.IoctlInfo
	for _, name := range slices.Sorted(maps.Keys(t.entries)) {
		e := t.entries[name]
		number, ok := a.Const(name)
		if !ok {
			continue
		}
		t.seen[name] = true
		size, ok := a.SizeOf(e.typ)
		if !ok && e.dir != abi.IoctlNone {
			return nil, fmt.Errorf("%s: %s/%s has no %q", name, a.OS, a.Arch, e.typ)
		}
		said := a.IoctlNumber(uint32(number))
		if told := said.Dir != abi.IoctlNone; told && (said.Dir != e.dir || said.Size != size) || !told && e.deviant {
			if !e.deviant {
				return nil, fmt.Errorf("%s is %v of %d bytes, its number on %s says %v of %d", name, e.dir, size, a.Arch, said.Dir, said.Size)
			}
			t.needed[name] = true
		}
		list = append(list, abi.IoctlInfo{Name: name, Dir: e.dir, Arg: e.typ})
	}
	return list, nil
}

// byNumber is the ioctls whose numbers tell direction and size.
func (t *ioctls) byNumber(a *abi.ABI) []abi.IoctlInfo {
	var list []abi.IoctlInfo
	for _, c := range a.Consts() {
		number := uint32(c.Value)
		if !t.pattern.MatchString(c.Name) || number>>29 == 0 || c.Value>>32 != 0 {
			continue
		}
		said := a.IoctlNumber(number)
		info := abi.IoctlInfo{Name: c.Name, Dir: said.Dir}
		if e, ok := t.entries[c.Name]; ok {
			t.seen[c.Name] = true
			info.Arg = e.typ
		} else if said.Dir != abi.IoctlNone {
			info.Arg = t.argument(a, byte(number>>8), said.Size)
		}
		list = append(list, info)
	}
	return list
}

func (t *ioctls) argument(a *abi.ABI, group byte, size int) string {
	for _, r := range t.rules {
		if n, ok := a.SizeOf(r.typ); ok && r.group == group && n == size {
			return r.typ
		}
	}
	return ""
}

// unused lists the entries that no architecture has, and the marks that none
// needs.
func (t *ioctls) unused() []string {
	var list []string
	for name, e := range t.entries {
		if !t.seen[name] || e.deviant && !t.needed[name] {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}
