package device

import (
	"context"
	"errors"
	"io/fs"

	"github.com/anykernel/anykernel/xen/blkfront"
	"github.com/anykernel/anykernel/xen/events"
	"github.com/anykernel/anykernel/xen/grants"
	"github.com/anykernel/anykernel/xen/guest"
	"github.com/anykernel/anykernel/xen/hypercalls"
	"github.com/anykernel/anykernel/xen/netfront"
	"github.com/anykernel/anykernel/xen/store"
	"github.com/anykernel/anykernel/xen/xenbus"
)

var (
	_ NIC  = (*netfront.NIC)(nil)
	_ Disk = (*blkfront.Disk)(nil)
)

// grantFrames is the size of the grant table: 512 grants in each, of which an
// interface takes 130 and a disk 89.
const grantFrames = 4

// OpenBus connects to xenstore and takes over the event channels and the
// grant table of this domain. It can be called once. [Open] calls it on Xen.
func OpenBus() (xenbus.Bus, error) {
	var b xenbus.Bus
	x, err := hypercalls.Open()
	if err != nil {
		return b, err
	}
	shared, err := guest.SharedInfo()
	if err != nil {
		return b, err
	}
	upcall, _, err := guest.Interrupt(guest.Upcall)
	if err != nil {
		return b, err
	}
	b.Events, b.Memory = events.Open(x, shared, upcall), guest.Memory{}
	table, err := x.GrantTable(grantFrames)
	if err != nil {
		return b, err
	}
	b.Grants = grants.New(table)
	b.Store, err = openStore(x, b.Events)
	return b, err
}

func openStore(x *hypercalls.Xen, ev *events.Channels) (*store.Client, error) {
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
	return store.New(store.NewRing(page, p)), nil
}

func (s *Set) openXen(ctx context.Context) error {
	bus, err := OpenBus()
	if err != nil {
		return err
	}
	s.Bus = &bus
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
