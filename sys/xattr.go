package sys

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

// xattrOps are the calls on extended attributes for one way to name a file.
type xattrOps struct{ get, set, list, remove op }

var (
	xattrByPath = xattrOps{newOp("getxattr"), newOp("setxattr"), newOp("listxattr"), newOp("removexattr")}
	xattrByLink = xattrOps{newOp("lgetxattr"), newOp("lsetxattr"), newOp("llistxattr"), newOp("lremovexattr")}
	xattrByFile = xattrOps{newOp("fgetxattr"), newOp("fsetxattr"), newOp("flistxattr"), newOp("fremovexattr")}
)

// XattrFlags say whether an attribute may be there already; see setxattr(2).
type XattrFlags uint8

const (
	XATTR_CREATE  XattrFlags = 1 // fail where the attribute exists
	XATTR_REPLACE XattrFlags = 2 // fail where it does not
)

var xattrFlags = flagTable{
	name:   "xattr flags",
	prefix: "XATTR_",
	flags: []flag{
		{name: "CREATE", value: uint64(XATTR_CREATE)},
		{name: "REPLACE", value: uint64(XATTR_REPLACE)},
	},
}

// ParseXattrFlags reads flags by name, such as "create". The error is a
// [*NameError].
func ParseXattrFlags(text string) (XattrFlags, error) {
	v, err := xattrFlags.parse(text)
	return XattrFlags(v), err
}

// String is the flags by name.
func (f XattrFlags) String() string { return xattrFlags.format(uint64(f)) }

// An xattrLayout is how an ABI passes the flags of setxattr.
type xattrLayout struct {
	flags bitTranslation
	at    int // the position of the flags
}

func newXattrLayout(a *abi.ABI) xattrLayout {
	l := xattrLayout{flags: xattrFlags.translation(a), at: 4}
	if a.OS == "darwin" { // a position in resource forks comes first
		l.at = 5
	}
	return l
}

// Xattrs are the extended attributes of a file: those of a path, of a symbolic
// link, or of an open file. The value does not hold them: each call asks the
// kernel.
type Xattrs struct {
	ops  *xattrOps
	p    Process
	path string
	f    *File
}

// Xattrs is the extended attributes of the file at path.
func (p *Process) Xattrs(path string) Xattrs { return Xattrs{ops: &xattrByPath, p: *p, path: path} }

// Lxattrs is Xattrs of a symbolic link itself.
func (p *Process) Lxattrs(path string) Xattrs { return Xattrs{ops: &xattrByLink, p: *p, path: path} }

// Xattrs is the extended attributes of the open file.
func (f *File) Xattrs() Xattrs { return Xattrs{ops: &xattrByFile, p: f.view(), path: f.name, f: f} }

// maxXattr bounds a value and the list of names, in bytes: what Linux allows.
const maxXattr = 64 << 10

// Get is the value of an attribute, such as "user.mime_type"; see
// getxattr(2).
func (x Xattrs) Get(name string) ([]byte, error) {
	s := newScratch()
	defer s.free()
	str, err := s.str(name)
	if err != nil {
		return nil, x.fail("getxattr", name, err)
	}
	b, err := x.read(s, x.ops.get, str)
	return b, x.fail("getxattr", name, err)
}

// Set gives an attribute a value; see setxattr(2).
func (x Xattrs) Set(name string, value []byte, flags XattrFlags) error {
	l := &x.p.k.tab.files.xattr
	native, err := l.flags.native(uint64(flags))
	if err != nil {
		return x.fail("setxattr", name, err)
	}
	s := newScratch()
	defer s.free()
	str, err := s.str(name)
	if err != nil {
		return x.fail("setxattr", name, err)
	}
	args := [backends.MaxArgs]backends.Arg{1: str, 2: backends.Mem(value, backends.In), 3: backends.Int(uintptr(len(value)))}
	args[l.at] = backends.Int(uintptr(native))
	_, err = x.call(s, x.ops.set, args[:l.at+1])
	return x.fail("setxattr", name, err)
}

// Remove takes an attribute away; see removexattr(2).
func (x Xattrs) Remove(name string) error {
	s := newScratch()
	defer s.free()
	str, err := s.str(name)
	if err == nil {
		_, err = x.call(s, x.ops.remove, []backends.Arg{1: str})
	}
	return x.fail("removexattr", name, err)
}

// List is the names of the attributes, sorted; see listxattr(2).
func (x Xattrs) List() ([]string, error) {
	s := newScratch()
	defer s.free()
	b, err := x.read(s, x.ops.list)
	if err != nil {
		return nil, x.fail("listxattr", "", err)
	}
	var names []string
	for name := range strings.SplitSeq(string(b), "\x00") {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Map is all attributes that the process may read, with their values.
func (x Xattrs) Map() (map[string][]byte, error) {
	names, err := x.List()
	if err != nil {
		return nil, err
	}
	m := map[string][]byte{}
	for _, name := range names {
		v, err := x.Get(name)
		if errors.Is(err, ENODATA) || errors.Is(err, ENOATTR) { // removed since
			continue
		}
		if err != nil {
			return m, err
		}
		m[name] = v
	}
	return m, nil
}

// Replace makes the attributes of the name spaces that m has, such as
// "user.", those of m: it creates, replaces and removes.
func (x Xattrs) Replace(m map[string][]byte) error {
	old, err := x.List()
	if err != nil {
		return err
	}
	space := map[string]bool{"user": true}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		prefix, _, _ := strings.Cut(name, ".")
		space[prefix] = true
		if err := x.Set(name, m[name], 0); err != nil {
			return err
		}
	}
	for _, name := range old {
		prefix, _, _ := strings.Cut(name, ".")
		if _, keep := m[name]; keep || !space[prefix] {
			continue
		}
		if err := x.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// read makes a call that fills a buffer of the size that it then says, with
// more room while that is too small.
func (x *Xattrs) read(s *scratch, o op, args ...backends.Arg) ([]byte, error) {
	all := append([]backends.Arg{{}}, args...)
	for size := 256; ; size *= 16 {
		b := make([]byte, min(size, maxXattr))
		n, err := x.call(s, o, append(all, backends.Mem(b, backends.Out), backends.Int(uintptr(len(b)))))
		if err == nil {
			return b[:min(int(n), len(b))], nil
		}
		if len(b) == maxXattr || !x.isTooSmall(err) {
			return nil, err
		}
	}
}

func (x *Xattrs) isTooSmall(err error) bool {
	var e abi.Errno
	return errors.As(err, &e) && portableErrno(x.p.k.tab.abi, e) == ERANGE
}

// call makes a call whose first argument is the file.
func (x *Xattrs) call(s *scratch, o op, args []backends.Arg) (uintptr, error) {
	if x.f != nil {
		if err := x.f.acquire(); err != nil {
			return 0, err
		}
		defer x.f.release()
		args[0] = backends.Int(uintptr(x.f.num))
		return x.p.call(o, args...)
	}
	str, err := s.str(x.path)
	if err != nil {
		return 0, err
	}
	args[0] = str
	return x.p.call(o, args...)
}

func (x *Xattrs) fail(call, name string, err error) error {
	if err == nil {
		return nil
	}
	if name != "" {
		name = fmt.Sprintf("%s of ", name)
	}
	return x.p.wrap(call, name+x.path, err)
}
