package virtio

import (
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/anykernel/anykernel/xen/internal/shm"
)

const (
	featureNetMAC = 1 << 5

	netHeader  = 12 // struct virtio_net_hdr (section 5.1.6)
	netFrame   = 1514
	netBuffer  = 2048
	netBuffers = 64 // each way
	queueRx    = 0
	queueTx    = 1
)

// Net is a network interface (section 5.1). It carries Ethernet frames of up
// to 1514 bytes, without offloads. Its methods may be called concurrently.
type Net struct {
	driver
	mac    net.HardwareAddr
	rx, tx *queue
	// The buffers of each queue; a chain's token is its index.
	rxBuffers, txBuffers []shm.Region
	received             []completion // in order
	deadline             time.Time    // of ReadFrame; zero: none
	timer                *time.Timer
	idle                 []int // txBuffers that the device does not have
}

// NewNet starts a network interface.
func NewNet(t Transport, mem shm.Allocator) (*Net, error) {
	n := &Net{}
	n.init("virtio-net", t)
	if err := n.start(mem); err != nil {
		return nil, fmt.Errorf("virtio-net: %w", err)
	}
	go n.serve(n.collect)
	return n, nil
}

func (n *Net) start(mem shm.Allocator) error {
	features, err := negotiate(n.t, featureNetMAC)
	if err != nil {
		return err
	}
	n.mac = make(net.HardwareAddr, 6)
	if features&featureNetMAC == 0 {
		return fmt.Errorf("the device has no address")
	}
	n.t.Config(0, n.mac)
	if n.rx, err = newQueue(n.t, mem, queueRx); err != nil {
		return err
	}
	if n.tx, err = newQueue(n.t, mem, queueTx); err != nil {
		return err
	}
	if n.rxBuffers, err = buffers(mem, min(netBuffers, n.rx.size)); err != nil {
		return err
	}
	if n.txBuffers, err = buffers(mem, min(netBuffers, n.tx.size)); err != nil {
		return err
	}
	for i := range n.rxBuffers {
		n.post(i)
	}
	for i := range n.txBuffers {
		n.idle = append(n.idle, i)
	}
	n.tx.wantInterrupts(false)
	ready(n.t)
	n.rx.notify()
	return nil
}

func buffers(mem shm.Allocator, count int) ([]shm.Region, error) {
	all, err := mem.Alloc(count * netBuffer)
	if err != nil {
		return nil, err
	}
	var b []shm.Region
	for i := range count {
		b = append(b, all.Slice(i*netBuffer, netBuffer))
	}
	return b, nil
}

// post gives a buffer to the device, to receive into.
func (n *Net) post(i int) { n.rx.add(i, segment{n.rxBuffers[i], true}) }

// collect takes back what the device has done with.
func (n *Net) collect() error {
	for {
		c, ok, err := n.rx.take()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		n.received = append(n.received, c)
	}
	return n.reclaim()
}

func (n *Net) reclaim() error {
	for {
		c, ok, err := n.tx.take()
		if err != nil || !ok {
			return err
		}
		n.idle = append(n.idle, c.token)
	}
}

// HardwareAddr is the interface's address.
func (n *Net) HardwareAddr() net.HardwareAddr { return n.mac }

// MTU is the size of the largest packet in a frame, in bytes.
func (n *Net) MTU() int { return netFrame - 14 }

// ReadFrame waits for a frame and copies it to b, which should have 1514
// bytes: what does not fit is dropped. It fails where the driver has ended:
// with [ErrClosed], or a [*BrokenError].
func (n *Net) ReadFrame(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for {
		for len(n.received) == 0 && n.err == nil && !n.expired() {
			n.cond.Wait()
		}
		if n.err != nil {
			return 0, n.err
		}
		if len(n.received) == 0 {
			return 0, os.ErrDeadlineExceeded
		}
		c := n.received[0]
		n.received = n.received[1:]
		size := 0
		if c.written > netHeader {
			size = copy(b, n.rxBuffers[c.token].Bytes[netHeader:c.written])
		}
		n.post(c.token)
		n.rx.notify()
		if size > 0 {
			return size, nil
		}
	}
}

func (n *Net) expired() bool { return !n.deadline.IsZero() && !time.Now().Before(n.deadline) }

// SetReadDeadline lets ReadFrame fail with os.ErrDeadlineExceeded from t on;
// zero: never.
func (n *Net) SetReadDeadline(t time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.timer != nil {
		n.timer.Stop()
	}
	n.deadline = t
	if !t.IsZero() {
		n.timer = time.AfterFunc(time.Until(t), func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.cond.Broadcast()
		})
	}
	return nil
}

// WriteFrame sends a frame. It waits where the device has all buffers.
func (n *Net) WriteFrame(b []byte) error {
	if len(b) > netFrame {
		return fmt.Errorf("virtio-net: a frame of %d bytes, %d is the most: %w", len(b), netFrame, io.ErrShortBuffer)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.waitIdle(); err != nil {
		return err
	}
	i := n.idle[len(n.idle)-1]
	n.idle = n.idle[:len(n.idle)-1]
	buf := n.txBuffers[i]
	clear(buf.Bytes[:netHeader])
	copy(buf.Bytes[netHeader:], b)
	n.tx.add(i, segment{buf.Slice(0, netHeader+len(b)), false})
	n.tx.notify()
	return nil
}

// waitIdle waits until a buffer is idle. Interrupts for buffers that were sent
// are only wanted while somebody waits.
func (n *Net) waitIdle() error {
	for asked := false; n.err == nil && len(n.idle) == 0; {
		if err := n.reclaim(); err != nil {
			n.fail(&BrokenError{n.name, err.Error()})
			break
		}
		switch {
		case len(n.idle) > 0:
		case !asked: // and look again: the device may have been faster
			n.tx.wantInterrupts(true)
			asked = true
		default:
			n.cond.Wait()
			asked = false
		}
	}
	if n.tx.flags == 0 && n.err == nil {
		n.tx.wantInterrupts(false)
	}
	return n.err
}
