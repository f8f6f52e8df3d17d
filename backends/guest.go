package backends

import "context"

// A GuestKernel is a kernel that runs processes for callers in other address
// spaces, such as the clients of a server, whom nobody need trust. Backends
// that can do so open one for [Config.Guests].
type GuestKernel interface {
	Kernel
	// System is what the kernel calls itself, as uname(2) has it: the name of
	// the system, its release, and the machine.
	System() (name, release, machine string)
	// NewGuest makes a child of the first process, called name. m is where
	// calls find memory that they did not bring. It is nil for processes
	// whose calls bring all of theirs; a kernel that knows no others refuses
	// one that is not, with [ErrNotSupported].
	NewGuest(ctx context.Context, name string, m GuestMemory) (Guest, error)
}

// A Guest is a process that reaches no memory of this program's, but what its
// calls bring.
//
// All memory of a call, its Args and Refs, comes from one piece that Memory
// lent. Pointers into anything else are bad pointers to the kernel, and so are
// numbers that stand where it expects one. Out and InOut may be ignored: all
// of the piece can be written.
type Guest interface {
	Process
	// Memory lends n bytes, aligned to 16, for one call. They are zero, or
	// what an earlier call of the same process left.
	Memory(n int) ([]byte, error)
	// Release takes back what Memory lent.
	Release(mem []byte)
	// CallTouched is Call, and tells how much of the piece that the call
	// brought the kernel may have written: its first so many bytes.
	CallTouched(c Call) (r0, r1 uintptr, touched int, err error)
	// ForkGuest is Fork. The child has no GuestMemory until SetMemory.
	ForkGuest(ctx context.Context, fds Descriptors) (Guest, error)
	// SetMemory replaces the GuestMemory.
	SetMemory(m GuestMemory)
	// Exec tells the kernel that the process runs another program of that
	// name: calls in flight are interrupted, and descriptors closed that say
	// so.
	Exec(name string) error
}

// GuestMemory is the memory of a process that is somewhere else. The methods
// but Raise may block, and are called while a call of the process is under
// way, by several goroutines at a time.
type GuestMemory interface {
	// CopyIn reads len(p) bytes at an address.
	CopyIn(p []byte, addr uint64) error
	// CopyInString reads up to and with a NUL, or until p is full.
	CopyInString(p []byte, addr uint64) (int, error)
	// CopyOut writes p at an address.
	CopyOut(addr uint64, p []byte) error
	// Map gives the process size bytes of new memory.
	Map(size uint64) (addr uint64, err error)
	// Raise is told of a signal, in the kernel's numbering. It must not
	// block: the kernel may hold locks.
	Raise(signal int)
	// Halt is told that a call of the process halts the kernel and will not
	// return.
	Halt()
}
