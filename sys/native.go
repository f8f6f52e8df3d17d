package sys

import (
	"fmt"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

// The calls of an ABI by name are what the packages of single OSes, such as
// sys/linux, are made of.

// Call makes a call that the kernel's own ABI has under a name, such as
// "memfd_create". Arguments are as the ABI wants them. An error has its
// origin; that the ABI has no such call is [ErrNotSupported].
func (p *Process) Call(name string, args ...backends.Arg) (uintptr, error) {
	r, err := p.native(name, args)
	return r, p.wrap(name, "", err)
}

// Call is [Process.Call] for a call whose first argument is the descriptor.
// It stays open for that long.
func (f *File) Call(name string, args ...backends.Arg) (uintptr, error) {
	var r uintptr
	err := f.Use(func(fd int) (err error) {
		p := f.view()
		all := [backends.MaxArgs]backends.Arg{backends.Int(uintptr(fd))}
		r, err = p.native(name, all[:1+copy(all[1:], args)])
		return err
	})
	return r, f.fail(name, err)
}

func (p *Process) native(name string, args []backends.Arg) (uintptr, error) {
	num, ok := p.k.tab.abi.Call(name)
	if !ok {
		return 0, errNoCall
	}
	c := backends.Call{Num: num}
	copy(c.Args[:], args)
	r, _, err := p.Raw(c)
	return r, err
}

// Use keeps f open while do runs with its number. The error is that of do, or
// fs.ErrClosed.
func (f *File) Use(do func(fd int) error) error {
	if err := f.acquire(); err != nil {
		return err
	}
	defer f.release()
	return do(f.num)
}

// Fail gives an error of a raw call its origin: op is the call, subject what
// it was about. nil stays nil.
func (p *Process) Fail(op, subject string, err error) error { return p.wrap(op, subject, err) }

// Fail is [Process.Fail] about f.
func (f *File) Fail(op string, err error) error { return f.fail(op, err) }

// Fcntl makes a command of fcntl(2) that the kernel's own ABI has under that
// name, such as "F_GETPIPE_SZ".
func (f *File) Fcntl(command string, arg backends.Arg) (uintptr, error) {
	native, ok := constant(f.p.k.tab.abi, command)
	if !ok {
		return 0, f.fail("fcntl", fmt.Errorf("%s: %w", command, ErrNotSupported))
	}
	return f.call("fcntl", opFcntl, backends.Int(uintptr(native)), arg)
}

// CString is text with a NUL behind it, for a kernel to read. It refuses text
// that has a NUL inside.
func CString(text string) (backends.Arg, error) {
	if err := checkString(text); err != nil {
		return backends.Arg{}, err
	}
	return backends.Mem(append([]byte(text), 0), backends.In), nil
}

// SameTable reports whether two files are of one table of descriptors, so that
// their numbers mean something in one call.
func (f *File) SameTable(other *File) bool { return f.p.fds == other.p.fds }

// Vectors is bufs as an array of struct iovec, and the references that it
// holds as argument number arg of a call.
func (p *Process) Vectors(bufs [][]byte, d backends.Dir, arg int) (backends.Arg, []backends.Ref) {
	iov, refs, _ := new(scratch).vectors(p.k.tab.abi, bufs, d, arg)
	return backends.Mem(iov, backends.In), refs
}

// Native is the flags in an ABI. The error, [ErrNotSupported], names those
// that it lacks.
func (f OpenFlags) Native(a *abi.ABI) (uint64, error) { return tableOf(a).open.native(uint64(f)) }
