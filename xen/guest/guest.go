package guest

import (
	"errors"
	"os"

	"github.com/anykernel/anykernel/xen/internal/shm"
)

// ErrNotGuest says that this program does not run on the shim.
var ErrNotGuest = errors.New("this program does not run in a bare guest")

// What an interrupt comes from, instead of a line.
const (
	Message = -1 // message signalled: the device writes the vector
	Upcall  = -2 // Xen's event channels, all of them
)

// Operations of the platform call (xen/shim/src/platform.h).
const (
	opVersion = iota
	opKind
	opHypercall
	opMemory
	opMap
	opInterrupt
	opPortRead
	opPortWrite
	opSharedInfo
	opSuspend
	opEnd
)

// version is that of the calls that this package makes.
const version = 1

// Present reports whether this program runs on the shim.
func Present() bool { return present() }

// OnXen reports whether this program runs on the shim in a domain of Xen.
func OnXen() bool {
	kind, err := call(opKind, 0, 0, 0, 0)
	return err == nil && kind == 1
}

// Memory makes regions that devices can reach, physically contiguous, of up
// to 4 MiB. It is an shm.Allocator.
type Memory struct{}

var _ shm.Allocator = Memory{}

// Alloc makes a region of at least size bytes, zeroed; its address is the
// physical one. It is never given back.
func (Memory) Alloc(size int) (shm.Region, error) { return alloc(size) }

// Map maps size bytes at a physical address that is not memory: registers of
// a device, or a page of Xen's, which is cached.
func Map(physical uint64, size int, cached bool) (shm.Region, error) {
	return mapPhysical(physical, size, cached)
}

// SharedInfo maps the page that Xen shares with this domain (struct
// shared_info).
func SharedInfo() (shm.Region, error) { return sharedInfo() }

// Interrupt makes a file that tells of interrupts: each Read of 8 bytes waits
// for the next, and gives how many there were since the last, as eventfd(2)
// does. The source is a line of the I/O APIC, edge-triggered, or [Message] or
// [Upcall]. vector is what a device has to write for a message.
func Interrupt(source int) (f *os.File, vector byte, err error) { return interrupt(source) }

// Suspend lets Xen's toolstack save this domain, and returns when it goes on:
// as a new domain, whose event channels, grants and connections have to be made
// again, or as the same one where the suspension was called off.
func Suspend() (renewed bool, err error) {
	cancelled, err := call(opSuspend, 0, 0, 0, 0)
	return err == nil && cancelled == 0, err
}

// Reasons for a domain's end that its toolstack asked for (public/sched.h).
const (
	Poweroff = 0
	Reboot   = 1
)

// EndAs sets the reason that Xen is told when the program ends. Without it,
// that is a poweroff for status 0 and a crash for any other.
func EndAs(reason int) error {
	_, err := call(opEnd, uintptr(reason), 0, 0, 0)
	return err
}

// Hypercall calls Xen. Pointers among the arguments are to memory from
// [Memory.Alloc], by their place in this program: see [Pointer]. The result is
// Xen's, negative for an error, which has the number of Linux's.
func Hypercall(nr uint64, args ...uint64) (int64, error) { return hypercall(nr, args) }

// Pointer is the address of a region in this program, as hypercalls want it.
func Pointer(r shm.Region) uint64 { return pointer(r) }

// PortRead reads from a port of width 1, 2 or 4 bytes.
func PortRead(port uint16, width int) (uint32, error) {
	v, err := call(opPortRead, uintptr(port), uintptr(width), 0, 0)
	return uint32(v), err
}

// PortWrite writes to a port of width 1, 2 or 4 bytes.
func PortWrite(port uint16, width int, value uint32) error {
	_, err := call(opPortWrite, uintptr(port), uintptr(width), uintptr(value), 0)
	return err
}
