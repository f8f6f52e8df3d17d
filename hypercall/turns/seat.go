package turns

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/anykernel/anykernel/hypercall"
)

// Machines have their addresses from here on, in the order of their seats, so
// that a run has the same addresses every time: kernels take entropy from
// whatever they find, and find pointers, too. So there is one world in a
// process at a time; others wait for its end.
const (
	firstAddress = 0x1000_0000_0000
	maxSeats     = 256
)

var oneWorld sync.Mutex

// Seat implements hypercall.Scheduler.
func (s *Scheduler) Seat(name string) (hypercall.Seat, error) {
	if len(s.names) == maxSeats {
		return hypercall.Seat{}, fmt.Errorf("more than %d kernels in one world", maxSeats)
	}
	return s.seat(name), nil
}

func (s *Scheduler) seat(name string) hypercall.Seat {
	id := len(s.names)
	s.names = append(s.names, name)
	seed := derive(s.seed, fmt.Sprint("machine ", id))
	return hypercall.Seat{
		ID:      id,
		Seed:    binary.LittleEndian.Uint64(seed[:]),
		Preempt: s.opts.Preempt,
		Address: firstAddress + uintptr(id)*hypercall.SeatSize,
		Epoch:   s.opts.Start,
		Elapsed: s.now,
	}
}

// Join implements hypercall.Scheduler.
func (s *Scheduler) Join(at hypercall.Seat, m hypercall.Machine) {
	s.machines = append(s.machines, &machine{Machine: m, seat: at, name: s.names[at.ID], who: "kernel " + s.names[at.ID]})
}

// Leave implements hypercall.Scheduler.
func (s *Scheduler) Leave(at hypercall.Seat) {
	s.machines = slices.DeleteFunc(s.machines, func(m *machine) bool { return m.seat.ID == at.ID })
}
