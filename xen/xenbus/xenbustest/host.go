// Package xenbustest is Xen, xenstored and the toolstack of one domain, over
// ordinary memory, for tests of front ends.
//
// What may be in this room: what a front end's surroundings do. What may not:
// a back end.
package xenbustest

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"testing"

	"github.com/anykernel/anykernel/xen/events"
	"github.com/anykernel/anykernel/xen/grants"
	"github.com/anykernel/anykernel/xen/internal/shm"
	"github.com/anykernel/anykernel/xen/internal/shm/shmtest"
	"github.com/anykernel/anykernel/xen/ring/ringtest"
	"github.com/anykernel/anykernel/xen/store"
	"github.com/anykernel/anykernel/xen/store/storetest"
	"github.com/anykernel/anykernel/xen/xenbus"
)

// A Host is where a domain runs. It is a xenbus.Hypervisor. Its fields are set
// before the domain is suspended.
type Host struct {
	*storetest.Daemon
	Bus   *xenbus.Bus
	Ring  *store.Ring
	Arena *shmtest.Arena // the domain's memory

	Renews    bool   // a suspension ends in a new domain
	Fails     error  // or like this
	PortFails error  // and then there is no port to xenstored
	Meanwhile func() // called while the domain is suspended

	shared, table, page shm.Region // the last is the ring's
	upcall              *io.PipeWriter
	wires               sync.WaitGroup

	mu        sync.Mutex
	end       *storetest.End // the daemon's end of the ring
	guest     *ringtest.Port // notifies that
	storePort uint32         // by which the guest does
	next      uint32
	others    map[uint32]func() // by port
}

var _ xenbus.Hypervisor = (*Host)(nil)

// New is a host with a domain of 4 MiB of memory, which ends with the test.
func New(t testing.TB) *Host {
	t.Helper()
	mem := shmtest.New(4 << 20)
	shared, err1 := mem.Alloc(events.SharedInfoSize)
	table, err2 := mem.Alloc(4 * 4096)
	page, err3 := mem.Alloc(4096)
	r, w := io.Pipe()
	h := &Host{Daemon: storetest.New(), Arena: mem, shared: shared, table: table, page: page, upcall: w, next: 1,
		Meanwhile: func() {}, others: map[uint32]func(){}}
	h.Bus = &xenbus.Bus{Events: events.Open(h, shared, r), Grants: grants.New(table), Memory: mem}
	h.startDaemon()
	port, err4 := h.Bus.Events.Adopt(h.storePort)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	h.Ring = store.NewRing(page, port)
	h.Bus.Store = store.New(h.Ring)
	t.Cleanup(func() {
		h.Bus.Store.Close()
		h.stopDaemon()
		h.Bus.Events.Close()
	})
	return h
}

// startDaemon connects it to an empty ring, at a port of its own.
func (h *Host) startDaemon() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.page.Bytes)
	h.next++
	h.storePort = h.next
	h.end, h.guest = storetest.Connect(h.page)
	go h.Daemon.Serve(h.end)
	number, guest := h.storePort, h.guest
	h.wires.Go(func() {
		for range guest.Pending() {
			h.Raise(number)
		}
	})
}

func (h *Host) stopDaemon() {
	h.guest.Close()
	h.end.Close()
	h.upcall.Close() // Raise waits for nobody
	h.wires.Wait()
}

// Raise sets a port of the domain pending (struct shared_info), and interrupts.
func (h *Host) Raise(port uint32) {
	h.shared.Or64(2048+8*int(port/64), 1<<(port%64))
	h.shared.Or64(8, 1<<(port/64))
	h.upcall.Write([]byte{1, 0, 0, 0, 0, 0, 0, 0})
}

// Bind says what a notification by a port of the domain does.
func (h *Host) Bind(port uint32, other func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.others[port] = other
}

// Page is the page that the domain granted. It panics where it did not.
func (h *Host) Page(ref uint32) shm.Region {
	if int(ref) >= len(h.table.Bytes)/8 || h.table.Load32(8*int(ref))&1 == 0 {
		panic(fmt.Sprintf("xenbustest: page %d is used, and not granted", ref))
	}
	return h.Arena.At(uint64(h.table.Load32(8*int(ref)+4))<<12, 4096)
}

// AllocUnbound is Xen's.
func (h *Host) AllocUnbound(uint16) (uint32, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	return h.next, nil
}

// Send knows the ports of the domain of now, as Xen does.
func (h *Host) Send(port uint32) error {
	h.mu.Lock()
	other, guest := h.others[port], h.guest
	isStore := port == h.storePort
	h.mu.Unlock()
	switch {
	case isStore:
		return guest.Notify()
	case other == nil:
		return syscall.EINVAL
	}
	other()
	return nil
}

// Unmask is Xen's. All ports are unmasked here.
func (h *Host) Unmask(uint32) error { return nil }

// ClosePort is Xen's.
func (h *Host) ClosePort(port uint32) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.others, port)
	return nil
}

// StorePort is the port to xenstored.
func (h *Host) StorePort() (uint32, error) { return h.storePort, h.PortFails }

// Suspend ends all that the old domain had, where there is a new one.
func (h *Host) Suspend() (renewed bool, err error) {
	h.Meanwhile()
	if h.Fails != nil || !h.Renews {
		return false, h.Fails
	}
	h.guest.Close()
	h.end.Close()
	h.mu.Lock()
	clear(h.others)
	clear(h.table.Bytes)
	h.mu.Unlock()
	h.startDaemon()
	return true, nil
}
