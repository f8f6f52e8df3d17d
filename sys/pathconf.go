package sys

import "github.com/anykernel/anykernel/backends"

var (
	opPathconf  = newOp("pathconf")
	opFpathconf = newOp("fpathconf")
)

// A PathVariable is a limit or an option of a file; see pathconf(3). The
// values are those of the BSDs; Linux has no such call.
type PathVariable uint8

const (
	PC_LINK_MAX         PathVariable = 1 // names that a file may have
	PC_MAX_CANON        PathVariable = 2 // bytes in a line of a terminal
	PC_MAX_INPUT        PathVariable = 3 // bytes in the input queue of a terminal
	PC_NAME_MAX         PathVariable = 4 // bytes in a name
	PC_PATH_MAX         PathVariable = 5 // bytes in a path, with its NUL
	PC_PIPE_BUF         PathVariable = 6 // bytes that a pipe takes as a whole
	PC_CHOWN_RESTRICTED PathVariable = 7 // 1: only the superuser gives files away
	PC_NO_TRUNC         PathVariable = 8 // 1: names that are too long are refused
	PC_VDISABLE         PathVariable = 9 // the character that switches off a terminal's special ones
)

var pathVariables = flagTable{
	name:   "path variables",
	prefix: "PC_",
	flags: []flag{
		{"LINK_MAX", uint64(PC_LINK_MAX), 15},
		{"MAX_CANON", uint64(PC_MAX_CANON), 15},
		{"MAX_INPUT", uint64(PC_MAX_INPUT), 15},
		{"NAME_MAX", uint64(PC_NAME_MAX), 15},
		{"PATH_MAX", uint64(PC_PATH_MAX), 15},
		{"PIPE_BUF", uint64(PC_PIPE_BUF), 15},
		{"CHOWN_RESTRICTED", uint64(PC_CHOWN_RESTRICTED), 15},
		{"NO_TRUNC", uint64(PC_NO_TRUNC), 15},
		{"VDISABLE", uint64(PC_VDISABLE), 15},
	},
}

// ParsePathVariable reads a name such as "name_max". The error is a
// [*NameError].
func ParsePathVariable(text string) (PathVariable, error) {
	v, err := pathVariables.parse(text)
	return PathVariable(v), err
}

// String is the variable by name.
func (v PathVariable) String() string { return pathVariables.format(uint64(v)) }

// Pathconf is the value of a variable for the file at path; see pathconf(3).
func (p *Process) Pathconf(path string, v PathVariable) (int64, error) {
	if !p.k.tab.has(opPathconf) {
		st, err := p.Statfs(path)
		if err != nil {
			return 0, err
		}
		n, err := st.pathVariable(v)
		return n, p.wrap("pathconf", path, err)
	}
	s := newScratch()
	defer s.free()
	str, err := s.str(path)
	if err != nil {
		return 0, p.wrap("pathconf", path, err)
	}
	n, err := p.call(opPathconf, str, backends.Int(uintptr(v)))
	return int64(n), p.wrap("pathconf", path, err)
}

// Pathconf is the value of a variable for the open file; see fpathconf(3).
func (f *File) Pathconf(v PathVariable) (int64, error) {
	if f.p.k.tab.has(opFpathconf) {
		n, err := f.call("pathconf", opFpathconf, backends.Int(uintptr(v)))
		return int64(n), err
	}
	st, err := f.Statfs()
	if err != nil {
		return 0, err
	}
	n, err := st.pathVariable(v)
	return n, f.fail("pathconf", err)
}

// pathVariable is what the C library of Linux makes of it.
func (s *Statfs) pathVariable(v PathVariable) (int64, error) {
	switch v {
	case PC_LINK_MAX:
		if n, ok := linkMax[s.Type]; ok {
			return n, nil
		}
		return 127, nil
	case PC_MAX_CANON, PC_MAX_INPUT:
		return 255, nil
	case PC_NAME_MAX:
		return int64(s.NameMax), nil
	case PC_PATH_MAX, PC_PIPE_BUF:
		return 4096, nil
	case PC_CHOWN_RESTRICTED, PC_NO_TRUNC:
		return 1, nil
	case PC_VDISABLE:
		return 0, nil
	}
	return 0, &NameError{Table: "path variables", Name: v.String()}
}

// linkMax is the names that a file may have, by file system of Linux, where
// that is not the least that it promises.
var linkMax = map[string]int64{
	"btrfs": 65535, "ext4": 65000, "f2fs": 32000, "reiserfs": 64535, "ufs": 32000, "xfs": 1<<31 - 1,
}
