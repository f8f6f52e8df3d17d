package xenbus

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/anykernel/anykernel/xen/store"
)

// A Frontend is a driver that goes on after a suspension.
type Frontend interface {
	// Pause waits for what the back end does, and uses it no more.
	Pause()
	// Resume goes on. Where the domain is a new one, there is another back end,
	// and the event channel and the grants are gone.
	Resume(ctx context.Context, renewed bool) error
}

// fronts is the front ends of a bus, in the order in which they came.
type fronts struct {
	mu  sync.Mutex
	all []Frontend
}

// Attach says that a front end is to be told of suspensions.
func (f *fronts) Attach(front Frontend) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, front)
}

// Detach ends that.
func (f *fronts) Detach(front Frontend) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = slices.DeleteFunc(f.all, func(x Frontend) bool { return x == front })
}

// A Hypervisor can suspend this domain.
type Hypervisor interface {
	// Suspend returns when the domain goes on: as a new one, where renewed,
	// whose grant table is in its place again.
	Suspend() (renewed bool, err error)
	// StorePort is the event channel to xenstored.
	StorePort() (uint32, error)
}

// Suspend lets the toolstack save this domain, and goes on with all front ends
// in the new one, or in this one where the suspension was called off. ring is
// the connection of the bus's Store.
//
// Everything that Xen or another domain sees is locked meanwhile, from the
// front ends down to the event channels.
func (b *Bus) Suspend(ctx context.Context, hv Hypervisor, ring *store.Ring) error {
	b.mu.Lock()
	fronts := slices.Clone(b.all)
	b.mu.Unlock()
	for _, f := range fronts {
		f.Pause()
	}
	b.Store.Suspend()
	ring.Suspend()
	b.Grants.Suspend()
	b.Events.Suspend()
	renewed, err := hv.Suspend()
	b.Events.Resume(renewed)
	b.Grants.Resume(renewed)
	errs := []error{err, b.reconnect(hv, ring, renewed), b.Store.Resume(ctx, renewed)}
	for _, f := range fronts {
		errs = append(errs, f.Resume(ctx, renewed))
	}
	return errors.Join(errs...)
}

func (b *Bus) reconnect(hv Hypervisor, ring *store.Ring, renewed bool) error {
	if !renewed {
		ring.Resume(nil)
		return nil
	}
	n, err := hv.StorePort()
	if err == nil {
		port, aerr := b.Events.Adopt(n)
		if aerr == nil {
			ring.Resume(port)
			return nil
		}
		err = aerr
	}
	ring.Resume(nil)
	return err
}
