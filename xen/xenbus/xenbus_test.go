package xenbus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/anykernel/anykernel/xen/events"
	"github.com/anykernel/anykernel/xen/grants"
	"github.com/anykernel/anykernel/xen/internal/shm"
	"github.com/anykernel/anykernel/xen/internal/shm/shmtest"
	"github.com/anykernel/anykernel/xen/ring/ringtest"
	"github.com/anykernel/anykernel/xen/store"
	"github.com/anykernel/anykernel/xen/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A host is Xen, xenstored and the toolstack of one domain, over ordinary
// memory.
type host struct {
	t      testing.TB
	daemon *storetest.Daemon
	bus    *Bus
	ring   *store.Ring
	shared shm.Region
	page   shm.Region // of the ring
	upcall *io.PipeWriter
	wires  sync.WaitGroup

	mu        sync.Mutex
	end       *storetest.End // the daemon's end of the ring
	guest     *ringtest.Port // notifies that
	storePort uint32         // by which the guest does
	next      uint32

	renews    bool   // a suspension ends in a new domain
	fails     error  // or like this
	portFails error  // and then there is no port to xenstored
	meanwhile func() // called while the domain is suspended
}

func newHost(t testing.TB) *host {
	t.Helper()
	mem := shmtest.New(1 << 16)
	shared, err1 := mem.Alloc(events.SharedInfoSize)
	table, err2 := mem.Alloc(4096)
	page, err3 := mem.Alloc(4096)
	r, w := io.Pipe()
	h := &host{t: t, daemon: storetest.New(), shared: shared, page: page, upcall: w, next: 1, meanwhile: func() {}}
	h.bus = &Bus{Events: events.Open(h, shared, r), Grants: grants.New(table), Memory: mem}
	h.startDaemon()
	port, err4 := h.bus.Events.Adopt(h.storePort)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	h.ring = store.NewRing(page, port)
	h.bus.Store = store.New(h.ring)
	t.Cleanup(func() {
		h.bus.Store.Close()
		h.stopDaemon()
		h.bus.Events.Close()
	})
	return h
}

// startDaemon connects it to an empty ring, at a port of its own.
func (h *host) startDaemon() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.page.Bytes)
	h.next++
	h.storePort = h.next
	h.end, h.guest = storetest.Connect(h.page)
	go h.daemon.Serve(h.end)
	number, guest := h.storePort, h.guest
	h.wires.Go(func() {
		for range guest.Pending() {
			h.raise(number)
		}
	})
}

func (h *host) stopDaemon() {
	h.guest.Close()
	h.end.Close()
	h.upcall.Close() // raise waits for nobody
	h.wires.Wait()
}

// raise sets a port pending in struct shared_info, and interrupts.
func (h *host) raise(port uint32) {
	h.shared.Or64(2048+8*int(port/64), 1<<(port%64))
	h.shared.Or64(8, 1<<(port/64))
	h.upcall.Write([]byte{1, 0, 0, 0, 0, 0, 0, 0})
}

func (h *host) AllocUnbound(uint16) (uint32, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	return h.next, nil
}

// Send knows the ports of the domain of now, as Xen does.
func (h *host) Send(port uint32) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if port != h.storePort {
		return syscall.EINVAL
	}
	return h.guest.Notify()
}

func (h *host) Unmask(uint32) error    { return nil }
func (h *host) ClosePort(uint32) error { return nil }

func (h *host) StorePort() (uint32, error) { return h.storePort, h.portFails }

// Suspend ends all that the old domain had, where there is a new one.
func (h *host) Suspend() (renewed bool, err error) {
	h.meanwhile()
	if h.fails != nil || !h.renews {
		return false, h.fails
	}
	h.guest.Close()
	h.end.Close()
	h.startDaemon()
	return true, nil
}

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
func suspendable(t *testing.T) (h *host, log *[]string) {
	h = newHost(t)
	log = new([]string)
	gone := &front{name: "gone", log: log}
	h.bus.Attach(&front{name: "a", log: log})
	h.bus.Attach(gone)
	h.bus.Attach(&front{name: "b", log: log})
	h.bus.Detach(gone)
	h.meanwhile = func() { *log = append(*log, "suspend") }
	return h, log
}

func TestNewDomain(t *testing.T) {
	h, log := suspendable(t)
	h.renews = true
	ctx, now := t.Context(), h.bus.Store.Now()
	w, err := h.bus.Store.Watch(ctx, "control")
	if err != nil {
		t.Fatal(err)
	}
	<-w.Changed()
	port, err1 := h.bus.Events.Alloc(0)
	ref, err2 := h.bus.Grants.Grant(0, 0x1000, false)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	<-port.Pending()
	read := make(chan error, 1)
	h.meanwhile = func() {
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
		h.daemon.Set("data/new", "1")
	}
	if err := h.bus.Suspend(ctx, h, h.ring); err != nil {
		t.Fatal(err)
	}
	if want := []string{"pause a", "pause b", "suspend", "resume a true", "resume b true"}; !reflect.DeepEqual(*log, want) {
		t.Errorf("what happened is %q, want %q", *log, want)
	}
	if err := <-read; err != nil {
		t.Errorf("a read that waited for the new domain: %v", err)
	}
	<-w.Changed() // as at its start
	h.daemon.Set("control/shutdown", "x")
	<-w.Changed() // it is the new daemon's, too
	if _, ok := <-port.Pending(); ok {
		t.Error("an event channel outlives its domain")
	}
	if again, err := h.bus.Grants.Grant(0, 0x1000, false); err != nil || again != ref {
		t.Errorf("the first grant of the new domain is %d, %v, that of the old was %d", again, err, ref)
	}
}

// TestNewDomains: one suspension after the other, with requests all the time.
func TestNewDomains(t *testing.T) {
	h, _ := suspendable(t)
	h.renews, h.meanwhile = true, func() {}
	h.daemon.Set("k", "v")
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		for {
			v, err := h.bus.Store.Now().Read(t.Context(), "k")
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
		if err := h.bus.Suspend(t.Context(), h, h.ring); err != nil {
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
		h.fails = fails
		ctx := t.Context()
		h.daemon.Set("k", "v")
		port, err := h.bus.Events.Alloc(0)
		if err != nil {
			t.Fatal(err)
		}
		<-port.Pending()
		if err := h.bus.Suspend(ctx, h, h.ring); !errors.Is(err, fails) {
			t.Errorf("%v, want %v", err, fails)
		}
		if want := []string{"pause a", "pause b", "suspend", "resume a false", "resume b false"}; !reflect.DeepEqual(*log, want) {
			t.Errorf("what happened is %q, want %q", *log, want)
		}
		if v, err := h.bus.Store.Now().Read(ctx, "k"); v != "v" || err != nil {
			t.Errorf("the store says %q, %v", v, err)
		}
		h.raise(port.Number())
		if _, ok := <-port.Pending(); !ok {
			t.Error("the event channel is gone")
		}
	}
}

// TestNoWayBack: what is missing in the new domain is said, and what is there
// goes on.
func TestNoWayBack(t *testing.T) {
	h, log := suspendable(t)
	h.renews = true
	lost := errors.New("the disk is another one")
	h.bus.Attach(&front{name: "c", log: log, fails: lost})
	h.bus.Attach(&front{name: "d", log: log})
	if err := h.bus.Suspend(t.Context(), h, h.ring); !errors.Is(err, lost) {
		t.Errorf("a front end that does not find its back end: %v", err)
	}
	if last := (*log)[len(*log)-1]; last != "resume d true" {
		t.Errorf("the last that happened is %q", last)
	}
	h.portFails = errors.New("no such parameter")
	if _, err := h.bus.Store.Watch(t.Context(), "control"); err != nil {
		t.Fatal(err)
	}
	if err := h.bus.Suspend(t.Context(), h, h.ring); !errors.Is(err, h.portFails) {
		t.Errorf("no way to xenstored: %v", err)
	}
	if _, err := h.bus.Store.Now().Read(t.Context(), "k"); err == nil {
		t.Error("an xenstored answers that there is no way to")
	}
}

// device is a device whose entries are in xenstore.
func (h *host) device(t testing.TB) *Device {
	t.Helper()
	h.daemon.Set("device/vif/0/backend", "/back/0")
	h.daemon.Set("device/vif/0/backend-id", "0")
	all, err := h.bus.List(t.Context(), "vif")
	if err != nil || len(all) != 1 {
		t.Fatalf("%d devices, %v", len(all), err)
	}
	return all[0]
}

func TestDevice(t *testing.T) {
	h := newHost(t)
	ctx := t.Context()
	if _, err := h.bus.List(ctx, "vbd"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no devices of a kind: %v", err)
	}
	d := h.device(t)
	if d.Name() != "vif/0" || d.Backend != "/back/0" || d.BackendID != 0 {
		t.Errorf("%+v", d)
	}
	err1 := d.SetState(ctx, Initialised)
	err2 := d.Publish(ctx, map[string]string{"ring-ref": "8", "event-channel": "9"})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"state": "3", "ring-ref": "8", "event-channel": "9"} {
		if v, _ := h.daemon.Get("device/vif/0/" + path); v != want {
			t.Errorf("%s is %q, want %q", path, v, want)
		}
	}
	h.daemon.Set("/back/0/feature-yes", "1")
	h.daemon.Set("/back/0/feature-no", "0")
	h.daemon.Set("/back/0/feature-odd", "maybe")
	for name, want := range map[string]bool{"feature-yes": true, "feature-no": false, "feature-odd": false, "feature-none": false} {
		if d.Feature(ctx, name) != want {
			t.Errorf("%s is not %v", name, want)
		}
	}
}

func TestAwaitBackend(t *testing.T) {
	h := newHost(t)
	d := h.device(t)
	await := func(want ...State) chan error {
		result := make(chan error, 1)
		go func() { result <- d.AwaitBackend(t.Context(), want...) }()
		return result
	}
	h.daemon.Set("/back/0/state", "1")
	result := await(InitWait, Connected)
	h.daemon.Set("/back/0/state", "3")
	h.daemon.Set("/back/0/state", "4")
	if err := <-result; err != nil {
		t.Error(err)
	}
	for state, want := range map[string]string{
		"5": "the back end is closing", "6": "the back end is closed", "99": "state 99",
		"256": "not a number", "-1": "not a number", "": "not a number", "connected": "not a number",
	} {
		h.daemon.Set("/back/0/state", state)
		if err := <-await(Connected); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("state %q: %v, want an error that says %q", state, err, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	h.daemon.Set("/back/0/state", "2")
	if err := d.AwaitBackend(ctx, Connected); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "it is waiting") {
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
		h := newHost(t)
		h.daemon.Set("device/vif/0/backend", backend)
		h.daemon.Set("device/vif/0/backend-id", id)
		h.daemon.Set(backend+"/state", state)
		all, err := h.bus.List(t.Context(), "vif")
		if err != nil {
			return
		}
		if all[0].BackendID > 0x7fff {
			t.Errorf("domain %d", all[0].BackendID)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		all[0].AwaitBackend(ctx, Connected)
	})
}
