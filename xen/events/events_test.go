package events

import (
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/anykernel/anykernel/xen/internal/shm"
	"github.com/anykernel/anykernel/xen/internal/shm/shmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// xen is a hypervisor with one domain.
type xen struct {
	mu     sync.Mutex
	next   uint32
	sent   map[uint32]int
	closed map[uint32]bool
	shared shm.Region
	upcall *io.PipeWriter
}

func (x *xen) AllocUnbound(remote uint16) (uint32, error) {
	if remote == 666 {
		return 0, errors.New("no such domain")
	}
	x.next += 37
	return x.next, nil
}

func (x *xen) Send(port uint32) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sent[port]++
	return nil
}

func (x *xen) Unmask(port uint32) error {
	x.shared.And64(maskBits+8*int(port/64), ^(uint64(1) << (port % 64)))
	return nil
}

func (x *xen) ClosePort(port uint32) error {
	x.closed[port] = true
	return nil
}

// raise sets ports pending and interrupts.
func (x *xen) raise(ports ...uint32) {
	for _, p := range ports {
		x.shared.Or64(pendingBits+8*int(p/64), 1<<(p%64))
		x.shared.Or64(pendingSelector, 1<<(p/64))
	}
	x.upcall.Write([]byte{1, 0, 0, 0, 0, 0, 0, 0})
}

func open(t *testing.T) (*Channels, *xen) {
	r, w := io.Pipe()
	x := &xen{sent: map[uint32]int{}, closed: map[uint32]bool{}, shared: shmtest.New(4096).At(shmtest.Base, 4096), upcall: w}
	for i := range words {
		x.shared.Store64(maskBits+8*i, ^uint64(0))
	}
	c := Open(x, x.shared, r)
	t.Cleanup(func() { c.Close() })
	return c, x
}

func pending(t *testing.T, p *Port) bool {
	t.Helper()
	select {
	case _, ok := <-p.Pending():
		return ok
	case <-time.After(5 * time.Second):
		t.Fatal("nothing is pending")
		return false
	}
}

func TestPorts(t *testing.T) {
	c, x := open(t)
	var ports []*Port
	for range 100 {
		p, err := c.Alloc(0)
		if err != nil {
			t.Fatal(err)
		}
		pending(t, p) // as every new port
		ports = append(ports, p)
	}
	x.raise(ports[0].Number(), ports[50].Number(), ports[99].Number())
	for _, i := range []int{0, 50, 99} {
		pending(t, ports[i])
	}
	select {
	case <-ports[1].Pending():
		t.Error("a port that was not raised is pending")
	default:
	}
	if err := ports[3].Notify(); err != nil || x.sent[ports[3].Number()] != 1 {
		t.Errorf("notify: %v, sent %d", err, x.sent[ports[3].Number()])
	}
	if err := ports[3].Close(); err != nil || !x.closed[ports[3].Number()] {
		t.Errorf("close: %v", err)
	}
	if _, ok := <-ports[3].Pending(); ok {
		t.Error("a closed port is pending")
	}
	if err := ports[3].Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	x.raise(ports[3].Number(), 4095) // nobody's
	x.raise(ports[0].Number())
	pending(t, ports[0])
}

func TestMaskedPortsWait(t *testing.T) {
	c, x := open(t)
	x.raise(5)
	p, err := c.Adopt(6)
	if err != nil {
		t.Fatal(err)
	}
	pending(t, p)
	x.raise(6)
	pending(t, p)
	if x.shared.Load64(pendingBits)&(1<<5) == 0 {
		t.Error("the pending bit of a masked port was taken")
	}
}

func TestNewDomain(t *testing.T) {
	c, x := open(t)
	old, err := c.Alloc(0)
	if err != nil {
		t.Fatal(err)
	}
	pending(t, old)
	c.Suspend()
	c.Resume(false)
	x.raise(old.Number())
	pending(t, old)
	c.Suspend()
	c.Resume(true)
	if _, ok := <-old.Pending(); ok {
		t.Error("a port outlives its domain")
	}
	if err := old.Close(); err != nil || x.closed[old.Number()] {
		t.Errorf("a port of the old domain was closed in the new one: %v", err)
	}
	p, err := c.Adopt(old.Number())
	if err != nil {
		t.Fatal(err)
	}
	pending(t, p)
}

func TestRefusals(t *testing.T) {
	c, _ := open(t)
	for _, n := range []uint32{0, MaxPorts, 1 << 31} {
		if _, err := c.Adopt(n); err == nil {
			t.Errorf("port %d was adopted", n)
		}
	}
	if _, err := c.Alloc(666); err == nil {
		t.Error("a port to nobody was made")
	}
	p, err := c.Adopt(9)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Adopt(9); err == nil {
		t.Error("a port was adopted twice")
	}
	c.Close()
	pending(t, p)
	if _, ok := <-p.Pending(); ok {
		t.Error("a port outlives its channels")
	}
	if _, err := c.Adopt(10); err == nil {
		t.Error("a port was adopted after Close")
	}
}
