package sys

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"syscall"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

// ErrNotSupported matches every error that says that a kernel, or its ABI,
// has nothing of the kind.
var ErrNotSupported = backends.ErrNotSupported

// An Error is an error that a kernel returned from a call.
type Error struct {
	Op     string    // the call, such as "open"
	Path   string    // what it was about, such as a path or an address; may be empty
	Errno  abi.Errno // the number that the kernel gave, in its own ABI
	ABI    *abi.ABI  // the ABI of the number
	Kernel string    // the kernel that answered, as it was opened
	// Cause is why a call was interrupted, where Errno is EINTR: the error of
	// its context. Otherwise nil.
	Cause error
}

// Name is the symbolic name that the kernel's OS gives the number, such as
// "ENOENT".
func (e *Error) Name() string {
	if info, ok := e.ABI.Errno(e.Errno); ok {
		return info.Name
	}
	return e.Errno.Error()
}

// Message is what strerror(3) of the kernel's OS says of the number.
func (e *Error) Message() string {
	if info, ok := e.ABI.Errno(e.Errno); ok {
		return info.Message
	}
	return "unknown error"
}

// Portable is the number in the numbering of this package, 0 where it has
// none of that name.
func (e *Error) Portable() Errno { return portableErrno(e.ABI, e.Errno) }

// Error is one line: kernel, call, subject, message and name.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Kernel + ": " + e.Op)
	if e.Path != "" {
		b.WriteString(" " + e.Path)
	}
	b.WriteString(": " + e.Message() + " (" + e.Name() + ")")
	if e.Cause != nil {
		b.WriteString(": " + e.Cause.Error())
	}
	return b.String()
}

// Unwrap is Cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is reports whether target means the same: an [Errno] of this package, an
// error of io/fs, or, where the kernel speaks the ABI of the host's OS, a
// syscall.Errno.
func (e *Error) Is(target error) bool {
	switch t := target.(type) {
	case Errno:
		return e.Portable() == t
	case syscall.Errno:
		return e.ABI.OS == runtime.GOOS && uintptr(t) == uintptr(e.Errno)
	}
	return e.Portable().Is(target)
}

// Timeout reports whether the call gave up because time ran out. It is part
// of net.Error.
func (e *Error) Timeout() bool {
	switch e.Portable() {
	case EAGAIN, ETIMEDOUT:
		return true
	}
	return e.Cause != nil && errors.Is(e.Cause, context.DeadlineExceeded)
}

// Temporary reports whether the same call may succeed later. It is part of
// net.Error.
func (e *Error) Temporary() bool {
	switch e.Portable() {
	case EINTR, EMFILE, ENFILE, ECONNRESET, ECONNABORTED:
		return true
	}
	return e.Timeout()
}

// Errno is a portable error number: the name of an error, whatever number a
// kernel gives it. It is an error itself, for use with errors.Is.
type Errno uint16

// Error is the message, in Linux's words where Linux has the error.
func (e Errno) Error() string {
	if i, ok := errnoIndex[e]; ok {
		return errnoTable[i].message
	}
	return abi.Errno(e).Error()
}

// String is the name, such as "ENOENT".
func (e Errno) String() string {
	if i, ok := errnoIndex[e]; ok {
		return errnoTable[i].name
	}
	return abi.Errno(e).Error()
}

// Is reports whether target is the error of io/fs or of this module that e
// means.
func (e Errno) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		return e == ENOENT
	case fs.ErrExist:
		return e == EEXIST || e == ENOTEMPTY
	case fs.ErrPermission:
		return e == EACCES || e == EPERM
	case os.ErrDeadlineExceeded:
		return e == ETIMEDOUT
	case ErrNotSupported:
		return e == ENOSYS || e == ENOTSUP || e == EOPNOTSUPP
	}
	return false
}

// ParseErrno finds a portable error number by name, such as "ENOENT" or
// "NOENT", in any case.
func ParseErrno(name string) (Errno, error) {
	upper := strings.ToUpper(strings.TrimSpace(name))
	for _, n := range []string{upper, "E" + upper} {
		if e, ok := errnoByName[n]; ok {
			return e, nil
		}
	}
	return 0, &NameError{Table: "error numbers", Name: name}
}

type errnoEntry struct {
	errno         Errno
	name, message string
}

var (
	errnoIndex  = make(map[Errno]int, len(errnoTable))
	errnoByName = make(map[string]Errno, len(errnoTable))
)

func init() {
	for i, e := range errnoTable {
		if _, dup := errnoIndex[e.errno]; !dup {
			errnoIndex[e.errno] = i
		}
		errnoByName[e.name] = e.errno
	}
}

func portableErrno(a *abi.ABI, e abi.Errno) Errno {
	info, ok := a.Errno(e)
	if !ok {
		return 0
	}
	return errnoByName[info.Name]
}

// A NameError says that a text form has a name that its table does not.
type NameError struct {
	Table string   // such as "open flags"
	Name  string   // the name as it was written
	Known []string // the names that the table has; may be nil
}

func (e *NameError) Error() string {
	s := e.Table + " have no \"" + e.Name + "\""
	if len(e.Known) > 0 {
		s += "; there are " + strings.Join(e.Known, ", ")
	}
	return s
}
