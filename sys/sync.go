package sys

import (
	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

var (
	opFsync          = newOp("fsync")
	opFdatasync      = newOp("fdatasync")
	opSync           = newOp("sync")
	opFadvise        = newOp("fadvise64")
	opPosixFadvise   = paddedOp(1, "__posix_fadvise50", "posix_fadvise")
	opFallocate      = newOp("fallocate")
	opPosixFallocate = paddedOp(1, "posix_fallocate")
)

// Sync writes the file's data and attributes to its device; see fsync(2).
func (f *File) Sync() error {
	_, err := f.call("fsync", opFsync)
	return err
}

// Datasync is Sync without the attributes that reading back does not need;
// see fdatasync(2).
func (f *File) Datasync() error {
	_, err := f.call("fdatasync", opFdatasync)
	return err
}

// Sync writes what all file systems have in memory to their devices; see
// sync(2).
func (p *Process) Sync() error {
	_, err := p.call(opSync)
	return p.wrap("sync", "", err)
}

// Advice tells a kernel how a file will be used. The values are those of
// every Unix.
type Advice uint8

const (
	POSIX_FADV_NORMAL     Advice = 0
	POSIX_FADV_RANDOM     Advice = 1
	POSIX_FADV_SEQUENTIAL Advice = 2
	POSIX_FADV_WILLNEED   Advice = 3
	POSIX_FADV_DONTNEED   Advice = 4
	POSIX_FADV_NOREUSE    Advice = 5
)

var adviceNames = flagTable{
	name:   "advice",
	prefix: "POSIX_FADV_",
	flags: []flag{
		{"NORMAL", uint64(POSIX_FADV_NORMAL), 7},
		{"RANDOM", uint64(POSIX_FADV_RANDOM), 7},
		{"SEQUENTIAL", uint64(POSIX_FADV_SEQUENTIAL), 7},
		{"WILLNEED", uint64(POSIX_FADV_WILLNEED), 7},
		{"DONTNEED", uint64(POSIX_FADV_DONTNEED), 7},
		{"NOREUSE", uint64(POSIX_FADV_NOREUSE), 7},
	},
}

// ParseAdvice reads a name such as "willneed". The error is a [*NameError].
func ParseAdvice(text string) (Advice, error) {
	v, err := adviceNames.parse(text)
	return Advice(v), err
}

// String is the advice by name.
func (a Advice) String() string { return adviceNames.format(uint64(a)) }

// Advise tells the kernel how size bytes from off will be used, all behind
// off where size is 0; see posix_fadvise(2).
func (f *File) Advise(off, size int64, a Advice) error {
	args := []backends.Arg{backends.Int(uintptr(off)), backends.Int(uintptr(size)), backends.Int(uintptr(a))}
	if f.p.k.tab.has(opFadvise) {
		_, err := f.call("fadvise", opFadvise, args...)
		return err
	}
	return f.callForErrno("fadvise", opPosixFadvise, args...)
}

// Allocate makes sure that size bytes from off have room on the device, and
// makes the file as large as that; see posix_fallocate(3).
func (f *File) Allocate(off, size int64) error {
	if f.p.k.tab.has(opFallocate) {
		_, err := f.call("fallocate", opFallocate, backends.Int(0), backends.Int(uintptr(off)), backends.Int(uintptr(size)))
		return err
	}
	return f.callForErrno("fallocate", opPosixFallocate, backends.Int(uintptr(off)), backends.Int(uintptr(size)))
}

// callForErrno makes a call that gives its error as its result.
func (f *File) callForErrno(name string, o op, args ...backends.Arg) error {
	r, err := f.call(name, o, args...)
	if err == nil && r != 0 {
		err = f.fail(name, abi.Errno(r))
	}
	return err
}
