package sys

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// The bits of a mode, the same in every Unix.
const (
	modeType   = 0o170000
	modeSetuid = 0o4000
	modeSetgid = 0o2000
	modeSticky = 0o1000
)

// fileTypes are the types of files as a mode has them.
var fileTypes = []struct {
	bits uint32
	mode fs.FileMode
	name string
	char byte // as ls(1) shows it
}{
	{0o100000, 0, "file", '-'},
	{0o040000, fs.ModeDir, "directory", 'd'},
	{0o120000, fs.ModeSymlink, "link", 'l'},
	{0o020000, fs.ModeDevice | fs.ModeCharDevice, "character device", 'c'},
	{0o060000, fs.ModeDevice, "block device", 'b'},
	{0o010000, fs.ModeNamedPipe, "fifo", 'p'},
	{0o140000, fs.ModeSocket, "socket", 's'},
}

// permissionBits are the bits of a mode besides those of the type and rwx.
var permissionBits = []struct {
	bit  uint32
	mode fs.FileMode
}{
	{modeSetuid, fs.ModeSetuid}, {modeSetgid, fs.ModeSetgid}, {modeSticky, fs.ModeSticky},
}

// modeBits is the permission part of a mode as every Unix has it: 12 bits.
func modeBits(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	for _, p := range permissionBits {
		if m&p.mode != 0 {
			bits |= p.bit
		}
	}
	return bits
}

// typeBits is the type part of a mode as every Unix has it.
func typeBits(m fs.FileMode) (bits uint32, ok bool) {
	for _, t := range fileTypes {
		if m.Type() == t.mode {
			return t.bits, true
		}
	}
	return 0, false
}

// modeOf is the mode that a kernel gave as bits. A type that no Unix has in
// common with the others is irregular.
func modeOf(bits uint32) fs.FileMode {
	m := fs.FileMode(bits & 0o777)
	for _, p := range permissionBits {
		if bits&p.bit != 0 {
			m |= p.mode
		}
	}
	for _, t := range fileTypes {
		if bits&modeType == t.bits {
			return m | t.mode
		}
	}
	return m | fs.ModeIrregular
}

// ModeOf is the mode that a kernel gave as bits, as in a structure of its own.
func ModeOf(bits uint32) fs.FileMode { return modeOf(bits) }

// ModeBits is the permission part of a mode as every Unix has it: 12 bits.
func ModeBits(m fs.FileMode) uint32 { return modeBits(m) }

// TypeName is the type of a file in words: "file", "directory", "link",
// "character device", "block device", "fifo" or "socket"; "unknown" for
// anything else.
func TypeName(m fs.FileMode) string {
	for _, t := range fileTypes {
		if m.Type() == t.mode {
			return t.name
		}
	}
	return "unknown"
}

// FormatMode is a mode as ls(1) shows it, such as "-rw-r--r--" or
// "drwxrwxrwt".
func FormatMode(m fs.FileMode) string {
	b := []byte("?rwxrwxrwx")
	for _, t := range fileTypes {
		if m.Type() == t.mode {
			b[0] = t.char
		}
	}
	for i := range 9 {
		if m&(1<<(8-i)) == 0 {
			b[1+i] = '-'
		}
	}
	for _, s := range []struct {
		mode fs.FileMode
		at   int
		char byte
	}{{fs.ModeSetuid, 3, 's'}, {fs.ModeSetgid, 6, 's'}, {fs.ModeSticky, 9, 't'}} {
		if m&s.mode == 0 {
			continue
		}
		if b[s.at] == '-' { // upper case: without the permission to execute
			s.char -= 'a' - 'A'
		}
		b[s.at] = s.char
	}
	return string(b)
}

// modeNames are the permissions by the names of <sys/stat.h>.
var modeNames = flagTable{
	name:   "modes",
	prefix: "S_I",
	flags: []flag{
		{name: "RWXU", value: 0o700},
		{name: "RUSR", value: 0o400},
		{name: "WUSR", value: 0o200},
		{name: "XUSR", value: 0o100},
		{name: "RWXG", value: 0o070},
		{name: "RGRP", value: 0o040},
		{name: "WGRP", value: 0o020},
		{name: "XGRP", value: 0o010},
		{name: "RWXO", value: 0o007},
		{name: "ROTH", value: 0o004},
		{name: "WOTH", value: 0o002},
		{name: "XOTH", value: 0o001},
		{name: "SUID", value: modeSetuid},
		{name: "SGID", value: modeSetgid},
		{name: "SVTX", value: modeSticky},
		// Longer forms that <sys/stat.h> has only behind the prefix.
		{name: "IRWXU", value: 0o700},
		{name: "IRWXG", value: 0o070},
		{name: "IRWXO", value: 0o007},
	},
}

// ParseMode reads the permissions of a file in any of three forms: octal
// ("0644"), the names of <sys/stat.h> ("rwxu, rgrp", "S_IRWXU|S_IRGRP"), or
// the symbolic form of chmod(1) ("u=rw,g=r"), which starts from no
// permissions. The error is a [*NameError].
func ParseMode(text string) (fs.FileMode, error) { return ChangeMode(0, text) }

// ChangeMode is a mode after the change that text describes, as chmod(1)
// makes it: "go-w", "u+s,a+X", "g=u"; or one of the absolute forms of
// [ParseMode], which set all 12 bits. No umask applies: "+x" is "a+x". The
// type of m stays.
func ChangeMode(m fs.FileMode, text string) (fs.FileMode, error) {
	text = strings.TrimSpace(text)
	var bits uint32
	switch {
	case text != "" && text[0] >= '0' && text[0] <= '9':
		n, err := strconv.ParseUint(strings.TrimPrefix(text, "0o"), 8, 32)
		if err != nil || n > 0o7777 {
			return 0, &NameError{Table: "octal modes up to 07777", Name: text}
		}
		bits = uint32(n)
	case strings.ContainsAny(text, "+-="):
		n, err := changeBits(modeBits(m), m.IsDir(), text)
		if err != nil {
			return 0, err
		}
		bits = n
	default:
		n, err := modeNames.parse(text)
		if err != nil {
			return 0, err
		}
		bits = uint32(n) & 0o7777
	}
	return m.Type() | modeOf(bits|0o100000), nil
}

// changeBits applies the clauses of chmod(1) to the 12 bits of a mode.
func changeBits(bits uint32, isDir bool, text string) (uint32, error) {
	for clause := range strings.SplitSeq(text, ",") {
		rest := strings.TrimSpace(clause)
		who := strings.IndexAny(rest, "+-=")
		if who < 0 {
			return 0, &NameError{Table: "symbolic modes", Name: clause, Known: []string{"[ugoa][+-=][rwxXstugo]"}}
		}
		mask, err := classMask(rest[:who])
		if err != nil {
			return 0, err
		}
		for rest = rest[who:]; rest != ""; {
			action := rest[0]
			n := strings.IndexAny(rest[1:], "+-=")
			if n < 0 {
				n = len(rest) - 1
			}
			set, err := permissions(rest[1:1+n], bits, isDir)
			if err != nil {
				return 0, err
			}
			switch action {
			case '+':
				bits |= set & mask
			case '-':
				bits &^= set & mask
			case '=':
				bits = bits&^mask | set&mask
			}
			rest = rest[1+n:]
		}
	}
	return bits, nil
}

// classMask is the bits that belong to the classes of users in who; none
// means all.
func classMask(who string) (uint32, error) {
	if who == "" {
		return 0o7777, nil
	}
	var mask uint32
	for i := range len(who) {
		switch who[i] {
		case 'u':
			mask |= 0o4700
		case 'g':
			mask |= 0o2070
		case 'o':
			mask |= 0o1007
		case 'a':
			mask |= 0o7777
		default:
			return 0, &NameError{Table: "classes of users", Name: who[i : i+1], Known: []string{"u", "g", "o", "a"}}
		}
	}
	return mask, nil
}

// permissions is what the letters of a clause mean, for every class: the mask
// of the clause picks those that count.
func permissions(letters string, bits uint32, isDir bool) (uint32, error) {
	var set uint32
	for i := range len(letters) {
		switch letters[i] {
		case 'r':
			set |= 0o444
		case 'w':
			set |= 0o222
		case 'x':
			set |= 0o111
		case 'X':
			if isDir || bits&0o111 != 0 {
				set |= 0o111
			}
		case 's':
			set |= modeSetuid | modeSetgid
		case 't':
			set |= modeSticky
		case 'u':
			set |= (bits >> 6 & 7) * 0o111
		case 'g':
			set |= (bits >> 3 & 7) * 0o111
		case 'o':
			set |= (bits & 7) * 0o111
		default:
			return 0, &NameError{Table: "permissions", Name: fmt.Sprintf("%c", letters[i]), Known: []string{"r", "w", "x", "X", "s", "t", "u", "g", "o"}}
		}
	}
	return set, nil
}
