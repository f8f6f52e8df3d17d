package xenbus_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/anykernel/anykernel/xen/xenbus"
	"github.com/anykernel/anykernel/xen/xenbus/xenbustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A front tells what it is told.
type front struct {
	name  string
	log   *[]string
	fails error
}

func (f *front) Pause() { *f.log = append(*f.log, "pause "+f.name) }

func (f *front) Resume(_ context.Context, renewed bool) error {
	*f.log = append(*f.log, fmt.Sprintf("resume %s %v", f.name, renewed))
	return f.fails
}

// suspendable is a host whose bus has two front ends, and what they are told.
func suspendable(t *testing.T) (h *xenbustest.Host, log *[]string) {
	h = xenbustest.New(t)
	log = new([]string)
	gone := &front{name: "gone", log: log}
	h.Bus.Attach(&front{name: "a", log: log})
	h.Bus.Attach(gone)
	h.Bus.Attach(&front{name: "b", log: log})
	h.Bus.Detach(gone)
	h.Meanwhile = func() { *log = append(*log, "suspend") }
	return h, log
}

func TestNewDomain(t *testing.T) {
	h, log := suspendable(t)
	h.Renews = true
	ctx, now := t.Context(), h.Bus.Store.Now()
	w, err := h.Bus.Store.Watch(ctx, "control")
	if err != nil {
		t.Fatal(err)
	}
	<-w.Changed()
	port, err1 := h.Bus.Events.Alloc(0)
	ref, err2 := h.Bus.Grants.Grant(0, 0x1000, false)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	<-port.Pending()
	read := make(chan error, 1)
	h.Meanwhile = func() {
		*log = append(*log, "suspend")
		go func() {
			_, err := now.Read(ctx, "data/new")
			read <- err
		}()
		select {
		case err := <-read:
			t.Errorf("the store was read while the domain was suspended: %v", err)
		case <-time.After(5 * time.Millisecond):
		}
		h.Set("data/new", "1")
	}
	if err := h.Bus.Suspend(ctx, h, h.Ring); err != nil {
		t.Fatal(err)
	}
	if want := []string{"pause a", "pause b", "suspend", "resume a true", "resume b true"}; !reflect.DeepEqual(*log, want) {
		t.Errorf("what happened is %q, want %q", *log, want)
	}
	if err := <-read; err != nil {
		t.Errorf("a read that waited for the new domain: %v", err)
	}
	<-w.Changed() // as at its start
	h.Set("control/shutdown", "x")
	<-w.Changed() // it is the new daemon's, too
	if _, ok := <-port.Pending(); ok {
		t.Error("an event channel outlives its domain")
	}
	if again, err := h.Bus.Grants.Grant(0, 0x1000, false); err != nil || again != ref {
		t.Errorf("the first grant of the new domain is %d, %v, that of the old was %d", again, err, ref)
	}
}

// TestNewDomains: one suspension after the other, with requests all the time.
func TestNewDomains(t *testing.T) {
	h, _ := suspendable(t)
	h.Renews, h.Meanwhile = true, func() {}
	h.Set("k", "v")
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		for {
			v, err := h.Bus.Store.Now().Read(t.Context(), "k")
			select {
			case <-stop:
				stopped <- err
				return
			default:
			}
			if err != nil || v != "v" {
				stopped <- fmt.Errorf("%q, %w", v, err)
				return
			}
		}
	}()
	for i := range 50 {
		if err := h.Bus.Suspend(t.Context(), h, h.Ring); err != nil {
			t.Fatalf("suspension %d: %v", i, err)
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Errorf("a read between two suspensions: %v", err)
	}
}

// TestCalledOff: the domain goes on as it was, because the toolstack gave up or
// because Xen refused.
func TestCalledOff(t *testing.T) {
	for _, fails := range []error{nil, errors.New("no memory")} {
		h, log := suspendable(t)
		h.Fails = fails
		ctx := t.Context()
		h.Set("k", "v")
		port, err := h.Bus.Events.Alloc(0)
		if err != nil {
			t.Fatal(err)
		}
		<-port.Pending()
		if err := h.Bus.Suspend(ctx, h, h.Ring); !errors.Is(err, fails) {
			t.Errorf("%v, want %v", err, fails)
		}
		if want := []string{"pause a", "pause b", "suspend", "resume a false", "resume b false"}; !reflect.DeepEqual(*log, want) {
			t.Errorf("what happened is %q, want %q", *log, want)
		}
		if v, err := h.Bus.Store.Now().Read(ctx, "k"); v != "v" || err != nil {
			t.Errorf("the store says %q, %v", v, err)
		}
		h.Raise(port.Number())
		if _, ok := <-port.Pending(); !ok {
			t.Error("the event channel is gone")
		}
	}
}

// TestNoWayBack: what is missing in the new domain is said, and what is there
// goes on.
func TestNoWayBack(t *testing.T) {
	h, log := suspendable(t)
	h.Renews = true
	lost := errors.New("the disk is another one")
	h.Bus.Attach(&front{name: "c", log: log, fails: lost})
	h.Bus.Attach(&front{name: "d", log: log})
	if err := h.Bus.Suspend(t.Context(), h, h.Ring); !errors.Is(err, lost) {
		t.Errorf("a front end that does not find its back end: %v", err)
	}
	if last := (*log)[len(*log)-1]; last != "resume d true" {
		t.Errorf("the last that happened is %q", last)
	}
	h.PortFails = errors.New("no such parameter")
	if _, err := h.Bus.Store.Watch(t.Context(), "control"); err != nil {
		t.Fatal(err)
	}
	if err := h.Bus.Suspend(t.Context(), h, h.Ring); !errors.Is(err, h.PortFails) {
		t.Errorf("no way to xenstored: %v", err)
	}
	if _, err := h.Bus.Store.Now().Read(t.Context(), "k"); err == nil {
		t.Error("an xenstored answers that there is no way to")
	}
}

// device is a device whose entries are in xenstore.
func device(t testing.TB, h *xenbustest.Host) *xenbus.Device {
	t.Helper()
	h.Set("device/vif/0/backend", "/back/0")
	h.Set("device/vif/0/backend-id", "0")
	all, err := h.Bus.List(t.Context(), "vif")
	if err != nil || len(all) != 1 {
		t.Fatalf("%d devices, %v", len(all), err)
	}
	return all[0]
}

func TestDevice(t *testing.T) {
	h := xenbustest.New(t)
	ctx := t.Context()
	if _, err := h.Bus.List(ctx, "vbd"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no devices of a kind: %v", err)
	}
	d := device(t, h)
	if d.Name() != "vif/0" || d.Backend != "/back/0" || d.BackendID != 0 {
		t.Errorf("%+v", d)
	}
	err1 := d.SetState(ctx, xenbus.Initialised)
	err2 := d.Publish(ctx, map[string]string{"ring-ref": "8", "event-channel": "9"})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"state": "3", "ring-ref": "8", "event-channel": "9"} {
		if v, _ := h.Get("device/vif/0/" + path); v != want {
			t.Errorf("%s is %q, want %q", path, v, want)
		}
	}
	h.Set("/back/0/feature-yes", "1")
	h.Set("/back/0/feature-no", "0")
	h.Set("/back/0/feature-odd", "maybe")
	for name, want := range map[string]bool{"feature-yes": true, "feature-no": false, "feature-odd": false, "feature-none": false} {
		if d.Feature(ctx, name) != want {
			t.Errorf("%s is not %v", name, want)
		}
	}
}

func TestAwaitBackend(t *testing.T) {
	h := xenbustest.New(t)
	d := device(t, h)
	await := func(want ...xenbus.State) chan error {
		result := make(chan error, 1)
		go func() { result <- d.AwaitBackend(t.Context(), want...) }()
		return result
	}
	h.Set("/back/0/state", "1")
	result := await(xenbus.InitWait, xenbus.Connected)
	h.Set("/back/0/state", "3")
	h.Set("/back/0/state", "4")
	if err := <-result; err != nil {
		t.Error(err)
	}
	for state, want := range map[string]string{
		"5": "the back end is closing", "6": "the back end is closed", "99": "state 99",
		"256": "not a number", "-1": "not a number", "": "not a number", "connected": "not a number",
	} {
		h.Set("/back/0/state", state)
		if err := <-await(xenbus.Connected); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("state %q: %v, want an error that says %q", state, err, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	h.Set("/back/0/state", "2")
	if err := d.AwaitBackend(ctx, xenbus.Connected); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "it is waiting") {
		t.Errorf("a back end that does not go on: %v", err)
	}
}

// FuzzFind lets xenstore say anything of where a back end is.
func FuzzFind(f *testing.F) {
	f.Add("/local/domain/0/backend/vif/1/0", "0", "4")
	f.Add("", "32768", "")
	f.Add("/back\x00end", "-1", "4294967296")
	f.Fuzz(func(t *testing.T, backend, id, state string) {
		if len(backend) > 3000 || len(id) > 4096 || len(state) > 4096 {
			return // xenstored holds no more
		}
		h := xenbustest.New(t)
		h.Set("device/vif/0/backend", backend)
		h.Set("device/vif/0/backend-id", id)
		h.Set(backend+"/state", state)
		all, err := h.Bus.List(t.Context(), "vif")
		if err != nil {
			return
		}
		if all[0].BackendID > 0x7fff {
			t.Errorf("domain %d", all[0].BackendID)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		all[0].AwaitBackend(ctx, xenbus.Connected)
	})
}
