package device

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/anykernel/anykernel/xen/blkfront"
	"github.com/anykernel/anykernel/xen/control"
	"github.com/anykernel/anykernel/xen/events"
	"github.com/anykernel/anykernel/xen/grants"
	"github.com/anykernel/anykernel/xen/guest"
	"github.com/anykernel/anykernel/xen/hypercalls"
	"github.com/anykernel/anykernel/xen/netfront"
	"github.com/anykernel/anykernel/xen/store"
	"github.com/anykernel/anykernel/xen/xenbus"
)

var (
	_ ChecksumNIC = (*netfront.NIC)(nil)
	_ Disk        = (*blkfront.Disk)(nil)
)

// grantFrames is the size of the grant table: 512 grants in each, of which an
// interface takes 130 and a disk 256.
const grantFrames = 8

// OpenBus connects to xenstore and takes over the event channels and the
// grant table of this domain. It can be called once. [Open] calls it on Xen.
//
// From then on the domain does what its toolstack asks: it is suspended with
// its devices, and a request to power off or to reboot comes to the program as
// SIGTERM, which it may handle (os/signal) to end in its own way.
func OpenBus() (*xenbus.Bus, error) {
	x, err := hypercalls.Open()
	if err != nil {
		return nil, err
	}
	shared, err := guest.SharedInfo()
	if err != nil {
		return nil, err
	}
	upcall, _, err := guest.Interrupt(guest.Upcall)
	if err != nil {
		return nil, err
	}
	table, err := x.GrantTable(grantFrames)
	if err != nil {
		return nil, err
	}
	b := &xenbus.Bus{Events: events.Open(x, shared, upcall), Grants: grants.New(table), Memory: guest.Memory{}}
	ring, err := openStore(x, b.Events)
	if err != nil {
		return nil, err
	}
	b.Store = store.New(ring)
	go obey(b, x, ring)
	return b, nil
}

// obey serves the toolstack for as long as the program lives.
func obey(b *xenbus.Bus, x *hypercalls.Xen, ring *store.Ring) {
	ctx := context.Background()
	complain := func(err error) { fmt.Fprintln(os.Stderr, "xen:", err) }
	go control.WatchMemory(ctx, b.Store, func(kib uint64) {
		complain(fmt.Errorf("the toolstack wants the guest to have %d KiB of memory: it keeps what it has", kib))
	})
	control.Serve(ctx, b.Store, control.Handler{
		"poweroff": func(context.Context) error { return endAs(guest.Poweroff) },
		"halt":     func(context.Context) error { return endAs(guest.Poweroff) },
		"reboot":   func(context.Context) error { return endAs(guest.Reboot) },
		"suspend":  func(ctx context.Context) error { return b.Suspend(ctx, x, ring) },
	}, complain)
}

func endAs(reason int) error {
	if err := guest.EndAs(reason); err != nil {
		return err
	}
	return syscall.Kill(os.Getpid(), syscall.SIGTERM)
}

func openStore(x *hypercalls.Xen, ev *events.Channels) (*store.Ring, error) {
	frame, err1 := x.Param(hypercalls.ParamStorePage)
	port, err2 := x.Param(hypercalls.ParamStorePort)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	page, err := guest.Map(frame*4096, 4096, true)
	if err != nil {
		return nil, err
	}
	p, err := ev.Adopt(uint32(port))
	if err != nil {
		return nil, err
	}
	return store.NewRing(page, p), nil
}

func (s *Set) openXen(ctx context.Context) error {
	bus, err := OpenBus()
	if err != nil {
		return err
	}
	s.Bus = bus
	var errs []error
	for _, kind := range []string{"vif", "vbd"} {
		devices, err := bus.List(ctx, kind)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		for _, d := range devices {
			if err := s.connect(ctx, kind, d); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

func (s *Set) connect(ctx context.Context, kind string, d *xenbus.Device) error {
	if kind == "vif" {
		n, err := netfront.Open(ctx, d)
		if err == nil {
			s.NICs = append(s.NICs, n)
		}
		return err
	}
	k, err := blkfront.Open(ctx, d)
	if err == nil {
		s.Disks = append(s.Disks, k)
	}
	return err
}
