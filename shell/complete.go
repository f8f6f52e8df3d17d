package shell

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/anykernel/anykernel/applets"
)

// Complete is a line of a program with the word before pos completed as far
// as it is unambiguous, and the new position: the first word to the name of a
// program, others to a path of the kernel. ok is false where there is nothing
// to add.
func (s *Shell) Complete(line string, pos int) (newLine string, newPos int, ok bool) {
	start := strings.LastIndexAny(line[:pos], " \t|;&(<>") + 1
	word := line[start:pos]
	var names []string
	if s.atCommand(line[:start]) && !strings.Contains(word, "/") {
		names = s.programNames(word)
	} else {
		names = s.pathNames(word)
	}
	added := strings.TrimPrefix(commonPrefix(names), word)
	if len(names) == 1 && !strings.HasSuffix(names[0], "/") {
		added += " "
	}
	if added == "" {
		return "", 0, false
	}
	return line[:pos] + added + line[pos:], pos + len(added), true
}

// atCommand reports whether a word behind before is the name of a program.
func (s *Shell) atCommand(before string) bool {
	before = strings.TrimRight(before, " \t")
	return before == "" || strings.ContainsAny(before[len(before)-1:], "|;&(")
}

func (s *Shell) programNames(prefix string) []string {
	var names []string
	for name := range s.added {
		names = append(names, name)
	}
	for _, a := range applets.List() {
		names = append(names, a.Name)
	}
	for name := range commands {
		names = append(names, name)
	}
	names = append(names, "cd", "echo", "exit", "export", "pwd", "read", "test", "wait")
	slices.Sort(names)
	return slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, prefix) })
}

// pathNames is the paths that begin with word; those of directories end in a
// slash.
func (s *Shell) pathNames(word string) []string {
	dir, base := path.Split(word)
	entries, err := s.env.Process.ReadDir(absolute(s.runner.Dir, cmp.Or(dir, ".")))
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, base) || base == "" && strings.HasPrefix(name, ".") {
			continue
		}
		if e.IsDir() {
			name += "/"
		}
		names = append(names, dir+name)
	}
	return names
}

func commonPrefix(names []string) string {
	if len(names) == 0 {
		return ""
	}
	prefix := names[0]
	for _, n := range names[1:] {
		for !strings.HasPrefix(n, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	return prefix
}
