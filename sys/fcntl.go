package sys

import (
	"fmt"

	"github.com/anykernel/anykernel/backends"
)

var opFcntl = newOp("fcntl")

// A fcntlCommand is a command of fcntl(2) that this package gives.
type fcntlCommand uint8

const (
	fGetFD fcntlCommand = iota
	fSetFD
	fGetFL
	fSetFL
	fDupCloexec
	fDup
	fGetOwn
	fSetOwn
	fGetLock
	fSetLock
	fSetLockWait
	fGetLockOFD
	fSetLockOFD
	fSetLockWaitOFD
)

var fcntlNames = [...]string{
	fGetFD: "F_GETFD", fSetFD: "F_SETFD", fGetFL: "F_GETFL", fSetFL: "F_SETFL",
	fDup: "F_DUPFD", fDupCloexec: "F_DUPFD_CLOEXEC", fGetOwn: "F_GETOWN", fSetOwn: "F_SETOWN",
	fGetLock: "F_GETLK", fSetLock: "F_SETLK", fSetLockWait: "F_SETLKW",
	fGetLockOFD: "F_OFD_GETLK", fSetLockOFD: "F_OFD_SETLK", fSetLockWaitOFD: "F_OFD_SETLKW",
}

// closeOnExec is FD_CLOEXEC of every Unix.
const closeOnExec = 1

func (f *File) fcntl(c fcntlCommand, arg backends.Arg) (uintptr, error) {
	native := f.p.k.tab.files.fcntl[c]
	if native < 0 {
		return 0, f.fail("fcntl", fmt.Errorf("%s: %w", fcntlNames[c], ErrNotSupported))
	}
	return f.call("fcntl", opFcntl, backends.Int(uintptr(native)), arg)
}

// Flags is the access mode and the status flags of the open file, such as
// O_RDWR|O_APPEND; F_GETFL of fcntl(2).
func (f *File) Flags() (OpenFlags, error) {
	r, err := f.fcntl(fGetFL, backends.Arg{})
	if err != nil {
		return 0, err
	}
	return OpenFlags(f.p.k.tab.open.portable(uint64(r))), nil
}

// SetFlags sets the status flags of the open file, those of O_APPEND,
// O_ASYNC, O_DIRECT, O_NOATIME and O_NONBLOCK that the kernel lets be changed;
// F_SETFL of fcntl(2).
func (f *File) SetFlags(flags OpenFlags) error {
	native, err := f.p.k.tab.open.native(uint64(flags))
	if err != nil {
		return f.fail("fcntl", err)
	}
	_, err = f.fcntl(fSetFL, backends.Int(uintptr(native)))
	return err
}

// SetNonblock sets whether the file has O_NONBLOCK. What waits for such a file
// waits by the kernel's poller, and costs no thread.
func (f *File) SetNonblock(on bool) error {
	flags, err := f.Flags()
	if err != nil {
		return err
	}
	if on {
		return f.SetFlags(flags | O_NONBLOCK)
	}
	return f.SetFlags(flags &^ O_NONBLOCK)
}

// CloseOnExec reports whether the descriptor closes on exec; F_GETFD of
// fcntl(2).
func (f *File) CloseOnExec() (bool, error) {
	r, err := f.fcntl(fGetFD, backends.Arg{})
	return r&closeOnExec != 0, err
}

// SetCloseOnExec sets whether the descriptor closes on exec; F_SETFD of
// fcntl(2).
func (f *File) SetCloseOnExec(on bool) error {
	arg := backends.Arg{}
	if on {
		arg = backends.Int(closeOnExec)
	}
	_, err := f.fcntl(fSetFD, arg)
	return err
}

// Owner is the process that gets SIGIO and SIGURG for the file, or, negative,
// the process group; F_GETOWN of fcntl(2). 0 is nobody.
func (f *File) Owner() (int, error) {
	r, err := f.fcntl(fGetOwn, backends.Arg{})
	return int(int32(r)), err
}

// SetOwner sets what [File.Owner] gives.
func (f *File) SetOwner(pid int) error {
	_, err := f.fcntl(fSetOwn, backends.Int(uintptr(pid)))
	return err
}

// Dup is another descriptor of the same open file, closed on exec; see
// dup(2). Both share offset and flags.
func (f *File) Dup() (*File, error) { return f.DupFrom(0) }

// DupFrom is [File.Dup] with the lowest free number from min upwards.
func (f *File) DupFrom(min int) (*File, error) {
	r, err := f.fcntl(fDupCloexec, backends.Int(uintptr(min)))
	if err != nil {
		return nil, err
	}
	return f.sibling(int(r)), nil
}
