// Package hypercalls is the calls that a bare guest makes to Xen, one function
// each (public/xen.h and the headers that it names).
//
// What may be in this room: numbers and argument structures of hypercalls.
// What may not: anything that keeps state beyond the memory for arguments.
package hypercalls

import (
	"fmt"
	"os"
	"sync"
	"syscall"

	"github.com/anykernel/anykernel/xen/guest"
	"github.com/anykernel/anykernel/xen/internal/shm"
)

// Numbers of hypercalls and of their operations.
const (
	callMemory       = 12
	callSched        = 29
	callEventChannel = 32
	callHVM          = 34

	memoryAddToPhysmap = 7
	spaceGrantTable    = 1

	eventClose        = 3
	eventSend         = 4
	eventAllocUnbound = 6
	eventUnmask       = 9

	hvmGetParam = 1

	schedShutdown = 2

	self = 0x7ff0 // DOMID_SELF
)

// Parameters of a domain (public/hvm/params.h).
const (
	ParamStorePage = 1
	ParamStorePort = 2
)

// Xen makes hypercalls. Its methods may be called concurrently.
type Xen struct {
	mu     sync.Mutex
	args   shm.Region
	grants shm.Region
}

// Open fails outside of a domain of Xen.
func Open() (*Xen, error) {
	if !guest.OnXen() {
		return nil, fmt.Errorf("not a domain of Xen: %w", guest.ErrNotGuest)
	}
	args, err := guest.Memory{}.Alloc(64)
	return &Xen{args: args}, err
}

// call makes a hypercall with an operation and a structure of arguments, which
// fill writes and read reads back.
func (x *Xen) call(nr, op uint64, fill, read func(args shm.Region)) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	clear(x.args.Bytes)
	fill(x.args)
	r, err := guest.Hypercall(nr, op, guest.Pointer(x.args))
	if err != nil {
		return err
	}
	if r < 0 {
		return os.NewSyscallError(fmt.Sprintf("hypercall %d, operation %d", nr, op), syscall.Errno(-r))
	}
	if read != nil {
		read(x.args)
	}
	return nil
}

// Param is a parameter of this domain.
func (x *Xen) Param(index uint32) (value uint64, err error) {
	err = x.call(callHVM, hvmGetParam, func(a shm.Region) {
		a.Store32(0, self)
		a.Store32(4, index)
	}, func(a shm.Region) { value = a.Load64(8) })
	return value, err
}

// AllocUnbound makes an event channel that the domain remote may bind to.
func (x *Xen) AllocUnbound(remote uint16) (port uint32, err error) {
	err = x.call(callEventChannel, eventAllocUnbound, func(a shm.Region) {
		a.Store32(0, self|uint32(remote)<<16)
	}, func(a shm.Region) { port = a.Load32(4) })
	return port, err
}

// Send notifies the other side of an event channel.
func (x *Xen) Send(port uint32) error { return x.onPort(eventSend, port) }

// Unmask lets an event channel interrupt.
func (x *Xen) Unmask(port uint32) error { return x.onPort(eventUnmask, port) }

// ClosePort closes an event channel.
func (x *Xen) ClosePort(port uint32) error { return x.onPort(eventClose, port) }

func (x *Xen) onPort(op uint64, port uint32) error {
	return x.call(callEventChannel, op, func(a shm.Region) { a.Store32(0, port) }, nil)
}

// GrantTable makes the domain's grant table with a number of frames, each of
// 512 entries. It takes the place of memory of ours.
func (x *Xen) GrantTable(frames int) (shm.Region, error) {
	r, err := guest.Memory{}.Alloc(frames * 4096)
	if err != nil {
		return shm.Region{}, err
	}
	x.grants = r.Slice(0, frames*4096)
	return x.grants, x.placeGrants()
}

func (x *Xen) placeGrants() error {
	for i := range len(x.grants.Bytes) / 4096 {
		err := x.call(callMemory, memoryAddToPhysmap, func(a shm.Region) {
			a.Store32(0, self)
			a.Store32(4, spaceGrantTable)
			a.Store64(8, uint64(i))
			a.Store64(16, x.grants.Address>>12+uint64(i))
		}, nil)
		if err != nil {
			return fmt.Errorf("frame %d of the grant table: %w", i, err)
		}
	}
	return nil
}

// Suspend lets the toolstack save this domain. In the new domain, where it has
// been renewed, the grant table is in its place again, and empty.
func (x *Xen) Suspend() (renewed bool, err error) {
	renewed, err = guest.Suspend()
	if err == nil && renewed {
		err = x.placeGrants()
	}
	return renewed, err
}

// StorePort is the event channel to xenstored.
func (x *Xen) StorePort() (uint32, error) {
	port, err := x.Param(ParamStorePort)
	return uint32(port), err
}

// Reasons of a shutdown (public/sched.h).
const (
	Poweroff = 0
	Reboot   = 1
	Crash    = 3
)

// Shutdown ends the domain.
func (x *Xen) Shutdown(reason uint32) error {
	return x.call(callSched, schedShutdown, func(a shm.Region) { a.Store32(0, reason) }, nil)
}
