package netbsd

import (
	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// A Namespace is what kind of extended attributes; see extattr(9).
type Namespace int

const (
	UserAttributes   Namespace = 1
	SystemAttributes Namespace = 2 // root's
)

// Extattrs is the extended attributes of something in a namespace; see
// extattr_get_file(2).
type Extattrs struct {
	space  Namespace
	suffix string // of the calls' names
	call   func(name string, args ...backends.Arg) (uintptr, error)
}

// FileExtattrs is the attributes of what a path leads to.
func FileExtattrs(p *sys.Process, path string, space Namespace) *Extattrs {
	return pathExtattrs(p, path, space, "file")
}

// LinkExtattrs is the attributes of a symbolic link itself.
func LinkExtattrs(p *sys.Process, path string, space Namespace) *Extattrs {
	return pathExtattrs(p, path, space, "link")
}

func pathExtattrs(p *sys.Process, path string, space Namespace, suffix string) *Extattrs {
	return &Extattrs{space, suffix, func(name string, args ...backends.Arg) (uintptr, error) {
		str, err := sys.CString(path)
		if err != nil {
			return 0, p.Fail(name, path, err)
		}
		return p.Call(name, append([]backends.Arg{str}, args...)...)
	}}
}

// OpenExtattrs is the attributes of an open file.
func OpenExtattrs(f *sys.File, space Namespace) *Extattrs { return &Extattrs{space, "fd", f.Call} }

// MaxExtattr bounds the value of an attribute, and the list of names, in bytes.
const MaxExtattr = 64 << 10

// Get is the value of an attribute.
func (e *Extattrs) Get(name string) ([]byte, error) {
	str, err := sys.CString(name)
	if err != nil {
		return nil, err
	}
	return e.read("extattr_get_"+e.suffix, integer(e.space), str)
}

func (e *Extattrs) read(call string, args ...backends.Arg) ([]byte, error) {
	b := make([]byte, MaxExtattr)
	n, err := e.call(call, append(args, backends.Mem(b, backends.Out), integer(len(b)))...)
	if err != nil {
		return nil, err
	}
	return b[:min(int(n), len(b))], nil
}

// Set makes an attribute, or replaces it.
func (e *Extattrs) Set(name string, value []byte) error {
	str, err := sys.CString(name)
	if err != nil {
		return err
	}
	if value == nil {
		value = []byte{}
	}
	_, err = e.call("extattr_set_"+e.suffix, integer(e.space), str, backends.Mem(value, backends.In), integer(len(value)))
	return err
}

// Delete removes an attribute.
func (e *Extattrs) Delete(name string) error {
	str, err := sys.CString(name)
	if err != nil {
		return err
	}
	_, err = e.call("extattr_delete_"+e.suffix, integer(e.space), str)
	return err
}

// List is the names of the attributes.
func (e *Extattrs) List() ([]string, error) {
	b, err := e.read("extattr_list_"+e.suffix, integer(e.space))
	var names []string
	for len(b) > 0 { // each behind its length
		n := min(int(b[0]), len(b)-1)
		names = append(names, string(b[1:1+n]))
		b = b[1+n:]
	}
	return names, err
}

// StartExtattrs begins to keep extended attributes on an FFS of version 1, in
// files below its directory .attribute, which has directories user and system;
// see extattrctl(8).
func StartExtattrs(p *sys.Process, mount string) error {
	const start = 1 // UFS_EXTATTR_CMD_START
	return pathCall(p, "extattrctl", mount, backends.Int(start), backends.Arg{}, backends.Int(0), backends.Arg{})
}
