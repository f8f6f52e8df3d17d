package sys

import (
	"fmt"
	"io"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

var opFlock = newOp("flock")

// FlockOp is an operation of flock(2). The values are those of every Unix.
type FlockOp uint8

const (
	LOCK_SH FlockOp = 1 // for many
	LOCK_EX FlockOp = 2 // for one
	LOCK_NB FlockOp = 4 // with the others: do not wait
	LOCK_UN FlockOp = 8
)

var flockOps = flagTable{
	name:   "flock operations",
	prefix: "LOCK_",
	flags: []flag{
		{name: "SH", value: uint64(LOCK_SH)},
		{name: "EX", value: uint64(LOCK_EX)},
		{name: "NB", value: uint64(LOCK_NB)},
		{name: "UN", value: uint64(LOCK_UN)},
	},
}

// ParseFlockOp reads names such as "ex, nb". The error is a [*NameError].
func ParseFlockOp(text string) (FlockOp, error) {
	v, err := flockOps.parse(text)
	return FlockOp(v), err
}

// String is the operation by name.
func (o FlockOp) String() string { return flockOps.format(uint64(o)) }

// Flock locks or unlocks the whole file for all who share the open file; see
// flock(2).
func (f *File) Flock(o FlockOp) error {
	_, err := f.call("flock", opFlock, backends.Int(uintptr(o)))
	return err
}

// LockType is what a [Lock] allows.
type LockType uint8

const (
	F_RDLCK LockType = iota // many may read
	F_WRLCK                 // one may write
	F_UNLCK                 // there is no lock
)

var lockTypeNames = [...]string{"F_RDLCK", "F_WRLCK", "F_UNLCK"}

// String is the type by name.
func (t LockType) String() string {
	if int(t) < len(lockTypeNames) {
		return lockTypeNames[t]
	}
	return fmt.Sprintf("LockType(%d)", uint8(t))
}

// ParseLockType reads a name such as "wrlck". The error is a [*NameError].
func ParseLockType(text string) (LockType, error) {
	v, err := lockTypes.parse(text)
	return LockType(v), err
}

var lockTypes = flagTable{
	name:   "lock types",
	prefix: "F_",
	flags:  []flag{{"RDLCK", uint64(F_RDLCK), 3}, {"WRLCK", uint64(F_WRLCK), 3}, {"UNLCK", uint64(F_UNLCK), 3}},
}

// A Lock is a lock of a part of a file; struct flock of fcntl(2).
type Lock struct {
	Type   LockType
	Whence int   // io.SeekStart, SeekCurrent or SeekEnd: what Start counts from
	Start  int64 // the first byte
	Len    int64 // how many bytes; 0: all behind Start
	PID    int   // the process that holds it, as SetLock's caller need not say; -1 for OFD locks
}

// String is the lock in one line.
func (l Lock) String() string {
	return fmt.Sprintf("%v start %d len %d pid %d", l.Type, l.Start, l.Len, l.PID)
}

// A flockLayout is how an ABI has struct flock.
type flockLayout struct {
	size                            int
	kind, whence, start, length, id abi.Field
	types                           [len(lockTypeNames)]int
}

func newFlockLayout(a *abi.ABI) flockLayout {
	l := layoutOf(a, "flock")
	f := flockLayout{
		size: l.Size,
		kind: l.field("l_type"), whence: l.field("l_whence"),
		start: l.field("l_start"), length: l.field("l_len"), id: l.field("l_pid"),
	}
	for i, name := range lockTypeNames {
		f.types[i] = constOr(a, name, -1)
	}
	return f
}

func (l *flockLayout) encode(s *scratch, o abi.ByteOrder, k *Lock) ([]byte, error) {
	if int(k.Type) >= len(l.types) {
		return nil, fmt.Errorf("there is no lock type %d", k.Type)
	}
	b := s.zeroed(l.size)
	l.kind.PutInt(b, o, int64(l.types[k.Type]))
	l.whence.PutInt(b, o, int64(k.Whence))
	l.start.PutInt(b, o, k.Start)
	l.length.PutInt(b, o, k.Len)
	return b, nil
}

func (l *flockLayout) decode(b []byte, o abi.ByteOrder) Lock {
	k := Lock{
		Whence: int(l.whence.Int(b, o)),
		Start:  l.start.Int(b, o),
		Len:    l.length.Int(b, o),
		PID:    int(l.id.Int(b, o)),
	}
	kind := int(l.kind.Int(b, o))
	for i, t := range l.types {
		if t == kind {
			k.Type = LockType(i)
		}
	}
	return k
}

// SetLock takes, changes or gives back a lock of the process at once; F_SETLK
// of fcntl(2). Where another process is in the way, the error is EAGAIN or
// EACCES.
func (f *File) SetLock(l Lock) error { return f.setLock(fSetLock, &l) }

// SetLockWait is SetLock that waits until nobody is in the way; F_SETLKW.
func (f *File) SetLockWait(l Lock) error { return f.setLock(fSetLockWait, &l) }

// GetLock is the lock that is in the way of l, one of type F_UNLCK where none
// is; F_GETLK.
func (f *File) GetLock(l Lock) (Lock, error) { return f.getLock(fGetLock, &l) }

// SetOpenLock is [File.SetLock] for a lock of the open file rather than of the
// process. Linux and macOS have it as F_OFD_SETLK.
func (f *File) SetOpenLock(l Lock) error { return f.setLock(fSetLockOFD, &l) }

// SetOpenLockWait is SetOpenLock that waits until nobody is in the way.
func (f *File) SetOpenLockWait(l Lock) error { return f.setLock(fSetLockWaitOFD, &l) }

// GetOpenLock is the lock that is in the way of a lock of the open file.
func (f *File) GetOpenLock(l Lock) (Lock, error) { return f.getLock(fGetLockOFD, &l) }

func (f *File) setLock(c fcntlCommand, l *Lock) error {
	s := newScratch()
	defer s.free()
	t := &f.p.k.tab.files
	b, err := t.flock.encode(s, t.order, l)
	if err != nil {
		return f.fail("fcntl", err)
	}
	_, err = f.fcntl(c, backends.Mem(b, backends.In))
	return err
}

func (f *File) getLock(c fcntlCommand, l *Lock) (Lock, error) {
	s := newScratch()
	defer s.free()
	t := &f.p.k.tab.files
	b, err := t.flock.encode(s, t.order, l)
	if err != nil {
		return Lock{}, f.fail("fcntl", err)
	}
	if _, err = f.fcntl(c, backends.Mem(b, backends.InOut)); err != nil {
		return Lock{}, err
	}
	return t.flock.decode(b, t.order), nil
}

// A LockfCommand is a command of lockf(3).
type LockfCommand uint8

const (
	F_ULOCK LockfCommand = iota // give the lock back
	F_LOCK                      // wait for it
	F_TLOCK                     // take it at once, or fail
	F_TEST                      // fail where another process has it
)

var lockfCommands = flagTable{
	name:   "lockf commands",
	prefix: "F_",
	flags: []flag{
		{"ULOCK", uint64(F_ULOCK), 3}, {"LOCK", uint64(F_LOCK), 3},
		{"TLOCK", uint64(F_TLOCK), 3}, {"TEST", uint64(F_TEST), 3},
	},
}

// ParseLockfCommand reads a name such as "tlock". The error is a
// [*NameError].
func ParseLockfCommand(text string) (LockfCommand, error) {
	v, err := lockfCommands.parse(text)
	return LockfCommand(v), err
}

// String is the command by name.
func (c LockfCommand) String() string { return lockfCommands.format(uint64(c)) }

// Lockf locks size bytes from the file's offset, before it where size is
// negative, all behind it where size is 0, for writing; see lockf(3). F_TEST
// fails with a [*LockedError] where another process has the lock.
func (f *File) Lockf(c LockfCommand, size int64) error {
	l := Lock{Type: F_WRLCK, Whence: io.SeekCurrent, Len: size}
	switch c {
	case F_ULOCK:
		l.Type = F_UNLCK
		return f.SetLock(l)
	case F_LOCK:
		return f.SetLockWait(l)
	case F_TLOCK:
		return f.SetLock(l)
	case F_TEST:
		held, err := f.GetLock(l)
		if err == nil && held.Type != F_UNLCK {
			err = f.fail("lockf", &LockedError{held})
		}
		return err
	}
	return f.fail("lockf", fmt.Errorf("there is no command %d", c))
}

// A LockedError says who holds a lock. It is EACCES, as lockf(3) says.
type LockedError struct{ Held Lock }

func (e *LockedError) Error() string { return fmt.Sprintf("process %d holds the lock", e.Held.PID) }

// Is reports whether target is EACCES, or EAGAIN, which POSIX allows as well.
func (e *LockedError) Is(target error) bool { return target == EACCES || target == EAGAIN }
