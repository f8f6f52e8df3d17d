// Package xenbus brings front ends of Xen's split drivers together with their
// back ends, through xenstore (public/io/xenbus.h).
//
// What may be in this room: what all front ends do: finding devices and the
// states of both sides. What may not: one kind of device.
package xenbus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/anykernel/anykernel/xen/events"
	"github.com/anykernel/anykernel/xen/grants"
	"github.com/anykernel/anykernel/xen/internal/shm"
	"github.com/anykernel/anykernel/xen/store"
)

// A State is that of one side of a device.
type State uint

// States, in the order in which they come.
const (
	Unknown State = iota
	Initialising
	InitWait
	Initialised
	Connected
	Closing
	Closed
)

var stateNames = [...]string{"unknown", "initialising", "waiting for initialisation", "initialised", "connected", "closing", "closed"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "state " + strconv.FormatUint(uint64(s), 10)
}

// A Bus is what front ends work with.
type Bus struct {
	Store  *store.Client
	Events *events.Channels
	Grants *grants.Table
	Memory shm.Allocator

	fronts
}

// A Device is one front end's entry in xenstore.
type Device struct {
	*Bus
	Path        string // "device/vif/0"
	Backend     string // path of the back end's entry
	BackendID   uint16 // the domain that it is in
	kind, index string
}

// ConnectTime is how long a back end may take for a step.
const ConnectTime = 10 * time.Second

// List is the devices of a kind, such as "vif", in xenstore's order.
func (b *Bus) List(ctx context.Context, kind string) ([]*Device, error) {
	dir := "device/" + kind
	names, err := b.Store.Now().Directory(ctx, dir)
	if err != nil {
		return nil, err
	}
	var all []*Device
	for _, n := range names {
		d := &Device{Bus: b, Path: dir + "/" + n, kind: kind, index: n}
		if err := d.Find(ctx); err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// Find looks where the back end is: in a new domain, at another place.
func (d *Device) Find(ctx context.Context) error {
	backend, err1 := d.Store.Now().Read(ctx, d.Path+"/backend")
	id, err2 := d.Store.Now().ReadUint(ctx, d.Path+"/backend-id", 15)
	d.Backend, d.BackendID = backend, uint16(id)
	return errors.Join(err1, err2)
}

// Name is the device's name for people: "vif/0".
func (d *Device) Name() string { return d.kind + "/" + d.index }

// SetState tells the back end where we are.
func (d *Device) SetState(ctx context.Context, s State) error {
	return d.Store.Now().Write(ctx, d.Path+"/state", strconv.FormatUint(uint64(s), 10))
}

// AwaitBackend waits until the back end has reached one of the states.
func (d *Device) AwaitBackend(ctx context.Context, want ...State) error {
	ctx, cancel := context.WithTimeout(ctx, ConnectTime)
	defer cancel()
	last := Unknown
	err := d.Store.Await(ctx, d.Backend+"/state", func() (bool, error) {
		n, err := d.Store.Now().ReadUint(ctx, d.Backend+"/state", 8)
		if err != nil {
			return false, err
		}
		last = State(n)
		for _, s := range want {
			if last == s {
				return true, nil
			}
		}
		if last >= Closing {
			return false, fmt.Errorf("the back end is %v", last)
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("%s: waiting for the back end to be %v, it is %v: %w", d.Name(), want[0], last, err)
	}
	return nil
}

// Publish writes values below the front end's entry, all at once.
func (d *Device) Publish(ctx context.Context, values map[string]string) error {
	return d.Store.Transaction(ctx, func(tx store.Tx) error {
		for k, v := range values {
			if err := tx.Write(ctx, d.Path+"/"+k, v); err != nil {
				return err
			}
		}
		return nil
	})
}

// Feature reports whether the back end says that it has one.
func (d *Device) Feature(ctx context.Context, name string) bool {
	v, err := d.Store.Now().ReadUint(ctx, d.Backend+"/"+name, 32)
	return err == nil && v != 0
}
