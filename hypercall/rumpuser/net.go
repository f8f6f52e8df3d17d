//go:build cgo && linux && (amd64 || arm64)

package rumpuser

import (
	"net"
	"sync"
	"unsafe"

	"github.com/anykernel/anykernel/hypercall"
)

// nics is the network interfaces of a kernel, by the number that the kernel
// has.
type nics struct {
	mu   sync.Mutex
	next uintptr
	m    map[uintptr]hypercall.Link
}

func (t *nics) add(l hypercall.Link) uintptr {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m == nil {
		t.m = map[uintptr]hypercall.Link{}
	}
	t.next++
	t.m[t.next] = l
	return t.next
}

func (t *nics) get(n uintptr) hypercall.Link {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.m[n]
}

func (t *nics) remove(n uintptr) {
	t.mu.Lock()
	l := t.m[n]
	delete(t.m, n)
	t.mu.Unlock()
	if l != nil {
		l.Close()
	}
}

func (t *nics) close() {
	t.mu.Lock()
	m := t.m
	t.m = nil
	t.mu.Unlock()
	for _, l := range m {
		l.Close()
	}
}

// attach plugs in a network interface, whose driver in the kernel is sc. It
// writes to mac where the network decides about the address.
func (k *Kernel) attach(unit string, mac net.HardwareAddr, sc uintptr) (uintptr, error) {
	if k.host.Net == nil {
		return 0, hypercall.ErrUnimplemented
	}
	deliver := k.deliverAddr()
	receive := func(frame []byte) { k.receive(deliver, sc, frame) }
	if k.turns != nil {
		receive = k.turns.inbox(deliver, sc)
	}
	l, err := k.host.Net.Attach(hypercall.NIC{Name: "virt" + unit, MAC: mac}, receive)
	if err != nil {
		return 0, err
	}
	if a, ok := l.(hypercall.Addressed); ok {
		copy(mac, a.HardwareAddr())
	}
	return k.nics.add(l), nil
}

// receive gives a frame to the kernel, which copies it.
func (k *Kernel) receive(deliver, sc uintptr, frame []byte) {
	if len(frame) == 0 || deliver == 0 {
		return
	}
	t, err := k.system.get()
	if err != nil {
		return // the kernel has ended
	}
	t.deliver(deliver, sc, unsafe.Pointer(unsafe.SliceData(frame)), len(frame))
	k.system.put(t)
}
