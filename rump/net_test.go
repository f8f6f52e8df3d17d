//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"bytes"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/anykernel/anykernel/hypercall"
)

// cable joins the network interfaces that are plugged into it.
type cable struct {
	mu   sync.Mutex
	ends map[*cableEnd]bool
}

type cableEnd struct {
	c       *cable
	receive chan []byte
	done    sync.WaitGroup
}

func (c *cable) Attach(nic hypercall.NIC, receive func([]byte)) (hypercall.Link, error) {
	e := &cableEnd{c: c, receive: make(chan []byte, 256)}
	e.done.Go(func() {
		for frame := range e.receive {
			receive(frame)
		}
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ends == nil {
		c.ends = map[*cableEnd]bool{}
	}
	c.ends[e] = true
	return e, nil
}

func (e *cableEnd) Send(frame []byte) {
	e.c.mu.Lock()
	defer e.c.mu.Unlock()
	for to := range e.c.ends {
		if to != e {
			select {
			case to.receive <- bytes.Clone(frame):
			default: // a full cable drops
			}
		}
	}
}

func (e *cableEnd) Close() error {
	e.c.mu.Lock()
	delete(e.c.ends, e)
	close(e.receive)
	e.c.mu.Unlock()
	e.done.Wait()
	return nil
}

// Calls of NetBSD that the network tests make.
const (
	sysIoctl     = 54
	sysBind      = 104
	sysSocket    = 394
	sysSendto    = 133
	sysRecvfrom  = 29
	siocIfCreate = 0x8090697a
	siocAifAddr  = 0x8040691a
	siocSLinkStr = 0x80286988
	afInet       = 2
	sockDatagram = 2
	ifNameSize   = 16
)

// inet is a sockaddr_in.
func inet(ip string, port uint16) []byte {
	b := make([]byte, 16)
	b[0], b[1], b[2], b[3] = 16, afInet, byte(port>>8), byte(port)
	copy(b[4:], net.ParseIP(ip).To4())
	return b
}

// mustCall is call for what may not fail.
func mustCall(t *testing.T, k *Kernel, num uintptr, args ...any) int {
	t.Helper()
	r, errno, err := call(k.Init(), num, args...)
	if errno != 0 || err != nil {
		t.Fatalf("call %d: error %d, %v", num, errno, err)
	}
	return int(r)
}

// configure creates an interface and gives it an address of a /24.
func configure(t *testing.T, k *Kernel, name, ip string) {
	t.Helper()
	s := mustCall(t, k, sysSocket, afInet, sockDatagram, 0)
	mustCall(t, k, sysIoctl, s, siocAifAddr, aliasOf(name, ip))
}

// aliasOf is the struct ifaliasreq that gives an interface an address of a /24.
func aliasOf(name, ip string) []byte {
	alias := make([]byte, 64)
	copy(alias, name)
	copy(alias[ifNameSize:], inet(ip, 0))
	broadcast := net.ParseIP(ip).To4()
	broadcast[3] = 255
	copy(alias[ifNameSize+16:], inet(broadcast.String(), 0))
	copy(alias[ifNameSize+32:], inet("255.255.255.0", 0))
	return alias
}

func create(t *testing.T, k *Kernel, name string) {
	t.Helper()
	s := mustCall(t, k, sysSocket, afInet, sockDatagram, 0)
	ifr := make([]byte, 144)
	copy(ifr, name)
	mustCall(t, k, sysIoctl, s, siocIfCreate, ifr)
}

// exchange sends a datagram from one kernel to another and back.
func exchange(t *testing.T, a, b *Kernel, ipA, ipB string) {
	t.Helper()
	sa, sb := mustCall(t, a, sysSocket, afInet, sockDatagram, 0), mustCall(t, b, sysSocket, afInet, sockDatagram, 0)
	mustCall(t, a, sysBind, sa, inet(ipA, 1000), 16)
	mustCall(t, b, sysBind, sb, inet(ipB, 1000), 16)
	there, back := []byte("there"), []byte("and back")
	got := make([]byte, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if n := mustCall(t, b, sysRecvfrom, sb, got, len(got)); string(got[:n]) != "there" {
			t.Errorf("%q came", got[:n])
		}
	}()
	mustCall(t, a, sysSendto, sa, there, len(there), 0, inet(ipB, 1000), 16)
	wait(t, done)
	mustCall(t, b, sysSendto, sb, back, len(back), 0, inet(ipA, 1000), 16)
	buf := make([]byte, 100)
	if n := mustCall(t, a, sysRecvfrom, sa, buf, len(buf)); string(buf[:n]) != "and back" {
		t.Errorf("%q came back", buf[:n])
	}
}

func wait(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came within 10s")
	}
}

func TestVirtif(t *testing.T) {
	needKit(t)
	c := &cable{}
	var kernels [2]*Kernel
	for i, ip := range []string{"10.9.8.1", "10.9.8.2"} {
		k, err := Boot(Config{Components: []string{"netinet", "virtif"}, Host: hypercall.Host{Net: c}})
		if err != nil {
			t.Fatal(err)
		}
		defer k.Close()
		create(t, k, "virt0")
		configure(t, k, "virt0", ip)
		kernels[i] = k
	}
	exchange(t, kernels[0], kernels[1], "10.9.8.1", "10.9.8.2")
}

// TestShmif joins kernels by a file that they share.
func TestShmif(t *testing.T) {
	needKit(t)
	bus := filepath.Join(t.TempDir(), "bus")
	var kernels [2]*Kernel
	for i, ip := range []string{"10.9.7.1", "10.9.7.2"} {
		k := boot(t, "netinet", "shmif")
		create(t, k, "shmif0")
		s := mustCall(t, k, sysSocket, afInet, sockDatagram, 0)
		path := append([]byte(bus), 0)
		// struct ifdrv: name, command, length and address of the link string
		drv := make([]byte, 40)
		copy(drv, "shmif0")
		drv[24] = byte(len(path))
		putPointer(drv[32:], path)
		mustCall(t, k, sysIoctl, s, siocSLinkStr, drv, path)
		configure(t, k, "shmif0", ip)
		kernels[i] = k
	}
	exchange(t, kernels[0], kernels[1], "10.9.7.1", "10.9.7.2")
}
