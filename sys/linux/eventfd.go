package linux

import (
	"fmt"
	"io"

	"github.com/anykernel/anykernel/sys"
)

// EventfdFlags are the flags of eventfd(2).
type EventfdFlags uint32

const (
	EFD_SEMAPHORE EventfdFlags = 1 // Get takes 1 rather than all
	EFD_NONBLOCK  EventfdFlags = 0x800
	EFD_CLOEXEC   EventfdFlags = 0x80000
)

var eventfdFlags = sys.NewFlagNames("eventfd flags", "EFD_",
	name("SEMAPHORE", uint64(EFD_SEMAPHORE)), name("NONBLOCK", uint64(EFD_NONBLOCK)), name("CLOEXEC", uint64(EFD_CLOEXEC)))

// ParseEventfdFlags reads flags by name, such as "cloexec". The error is a
// [*sys.NameError].
func ParseEventfdFlags(text string) (EventfdFlags, error) {
	v, err := eventfdFlags.Parse(text)
	return EventfdFlags(v), err
}

// String is the flags by name.
func (f EventfdFlags) String() string { return eventfdFlags.Format(uint64(f)) }

// An Eventfd is a counter that can be waited for; see eventfd(2).
type Eventfd struct{ *sys.File }

// NewEventfd makes a counter with a value to start from.
func NewEventfd(p *sys.Process, value uint32, flags EventfdFlags) (*Eventfd, error) {
	f, err := open(p, "eventfd2", "eventfd", eventfdFlags, uint64(flags), integer(value))
	if err != nil {
		return nil, err
	}
	return &Eventfd{f}, nil
}

// Get waits until the counter is not 0, and takes its value out of it; 1 with
// EFD_SEMAPHORE.
func (e *Eventfd) Get() (uint64, error) { return readUint64(e.File) }

// Add adds to the counter, waiting where that would overflow it. The largest
// number that it takes is 2^64-2.
func (e *Eventfd) Add(n uint64) error {
	var b [8]byte
	e.Process().Kernel().ABI().Order.PutUint64(b[:], n)
	_, err := e.Write(b[:])
	return err
}

// readUint64 reads one number, in the byte order of the ABI.
func readUint64(f *sys.File) (uint64, error) {
	b := make([]byte, 8)
	n, err := f.Read(b)
	if err == nil && n != len(b) {
		err = f.Fail("read", fmt.Errorf("%d bytes: %w", n, io.ErrUnexpectedEOF))
	}
	if err != nil {
		return 0, err
	}
	return f.Process().Kernel().ABI().Order.Uint64(b), nil
}
