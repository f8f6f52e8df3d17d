package backends

import (
	"context"
	"math"
)

// hookedGuests is a hooked kernel that has guests, whose calls the hooks see,
// too.
type hookedGuests struct {
	*hooked
	guests GuestKernel
}

func (h *hookedGuests) System() (name, release, machine string) { return h.guests.System() }

func (h *hookedGuests) NewGuest(ctx context.Context, name string, m GuestMemory) (Guest, error) {
	g, err := h.guests.NewGuest(ctx, name, m)
	if err != nil {
		return nil, err
	}
	return h.guest(g), nil
}

func (h *hooked) guest(g Guest) *hookedGuest {
	return &hookedGuest{Guest: g, shown: hookedProcess{g, h}}
}

type hookedGuest struct {
	Guest
	shown hookedProcess
}

func (g *hookedGuest) Call(c Call) (r0, r1 uintptr, err error) { return g.shown.Call(c) }

// CallTouched makes a call. A hook may write to all memory that it sees.
func (g *hookedGuest) CallTouched(c Call) (r0, r1 uintptr, touched int, err error) {
	r0, r1, err = g.shown.call(&c, func() (r0, r1 uintptr, err error) {
		r0, r1, touched, err = g.Guest.CallTouched(c)
		return r0, r1, err
	})
	if g.shown.h.names != nil {
		touched = math.MaxInt
	}
	return r0, r1, touched, err
}

func (g *hookedGuest) Fork(ctx context.Context, fds Descriptors) (Process, error) {
	return g.ForkGuest(ctx, fds)
}

func (g *hookedGuest) ForkGuest(ctx context.Context, fds Descriptors) (Guest, error) {
	child, err := g.Guest.ForkGuest(ctx, fds)
	if err != nil {
		return nil, err
	}
	return g.shown.h.guest(child), nil
}
