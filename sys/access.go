package sys

import "github.com/anykernel/anykernel/backends"

var (
	opFaccessat  = newOp("faccessat")
	opFaccessat2 = newOp("faccessat2", "faccessat")
)

// AccessMode is what [Process.Access] asks for. The values are those of every
// Unix.
type AccessMode uint8

const (
	F_OK AccessMode = 0 // the file exists
	X_OK AccessMode = 1
	W_OK AccessMode = 2
	R_OK AccessMode = 4
)

var accessModes = flagTable{
	name: "access modes",
	flags: []flag{
		{name: "R_OK", value: uint64(R_OK)},
		{name: "W_OK", value: uint64(W_OK)},
		{name: "X_OK", value: uint64(X_OK)},
		{name: "F_OK", value: uint64(F_OK), mask: 7},
	},
}

// ParseAccessMode reads "r", "w", "x" and "f" in any combination, such as
// "rw", or names such as "r_ok, w_ok". The error is a [*NameError].
func ParseAccessMode(text string) (AccessMode, error) {
	var m AccessMode
	for i := range len(text) {
		switch text[i] | 0x20 {
		case 'r':
			m |= R_OK
		case 'w':
			m |= W_OK
		case 'x':
			m |= X_OK
		case 'f':
		default:
			v, err := accessModes.parse(text)
			return AccessMode(v), err
		}
	}
	return m, nil
}

// String is the mode by name, such as "R_OK|W_OK".
func (m AccessMode) String() string { return accessModes.format(uint64(m)) }

// Access reports by its error whether p's real user may use a file; see
// access(2). The answer may be out of date at once: it is for people, not for
// deciding whether to open.
func (p *Process) Access(path string, m AccessMode) error { return p.at(path).access(m, 0) }

// AccessAt is [Process.Access] for a path relative to the directory f.
// AT_EACCESS asks for the effective user, AT_SYMLINK_NOFOLLOW about a link
// itself.
func (f *File) AccessAt(path string, m AccessMode, flags AtFlags) error {
	return f.at(path).access(m, flags)
}

func (l place) access(m AccessMode, flags AtFlags) error {
	if flags == 0 {
		return l.run("access", opFaccessat, backends.Int(uintptr(m)), backends.Int(0))
	}
	native, err := l.p.k.tab.files.at.native(uint64(flags))
	if err != nil {
		return l.fail("access", err)
	}
	return l.run("access", opFaccessat2, backends.Int(uintptr(m)), backends.Int(uintptr(native)))
}
