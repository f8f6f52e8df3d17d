// Package netfront is a network interface of a domain of Xen
// (public/io/netif.h): Ethernet frames in pages that the back end copies from
// and to, without offloads.
//
// The back end is not trusted; see package ring. One that breaks the rules is
// not used any more.
//
// What may be in this room: the front end of "vif" devices.
package netfront

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/anykernel/anykernel/xen/events"
	"github.com/anykernel/anykernel/xen/grants"
	"github.com/anykernel/anykernel/xen/internal/shm"
	"github.com/anykernel/anykernel/xen/ring"
	"github.com/anykernel/anykernel/xen/xenbus"
)

const (
	pageSize = 4096
	maxFrame = 1514
	buffers  = 64 // each way, a page each
	txEntry  = 12
	rxEntry  = 8
	rxMore   = 1 << 2 // the frame goes on in the next response
	rxExtra  = 1 << 3 // a response without data follows; never asked for
)

// A Port is the event channel to the back end.
type Port interface {
	Notify() error
	Pending() <-chan struct{}
	Close() error
}

var _ Port = (*events.Port)(nil)

// NIC is a network interface. Its methods may be called concurrently.
type NIC struct {
	mac  net.HardwareAddr
	port Port
	stop func() // tells the back end that we are gone

	mu       sync.Mutex // guards all below
	cond     sync.Cond
	err      error // why it is not used any more
	tx, rx   *ring.Front
	out, in  []page
	idle     []int   // pages of out that the back end does not have
	waiting  []bool  // by page of out: the back end has it
	posted   []bool  // by page of in
	received []frame // in order
	partial  bool    // dropping a frame that came in pieces
	deadline time.Time
	timer    *time.Timer

	done  chan struct{}
	close sync.Once
}

// A page is granted to the back end.
type page struct {
	shm.Region
	ref grants.Ref
}

// A frame lies in a page of in.
type frame struct{ page, off, size int }

// Open connects a device. The context bounds the wait for the back end.
func Open(ctx context.Context, d *xenbus.Device) (*NIC, error) {
	text, err := d.Store.Now().Read(ctx, d.Path+"/mac")
	if err != nil {
		return nil, err
	}
	mac, err := net.ParseMAC(text)
	if err != nil || len(mac) != 6 {
		return nil, fmt.Errorf("%s: the address %q: %w", d.Name(), text, errors.Join(err, fs.ErrInvalid))
	}
	if err := d.AwaitBackend(ctx, xenbus.InitWait, xenbus.Connected); err != nil {
		return nil, err
	}
	port, err := d.Events.Alloc(d.BackendID)
	if err != nil {
		return nil, err
	}
	n, values, err := prepare(d, mac, port)
	if err == nil {
		values["event-channel"] = strconv.FormatUint(uint64(port.Number()), 10)
		err = d.Publish(ctx, values)
	}
	if err == nil {
		err = d.SetState(ctx, xenbus.Connected)
	}
	if err == nil {
		err = d.AwaitBackend(ctx, xenbus.Connected)
	}
	if err != nil {
		port.Close()
		return nil, err
	}
	n.stop = func() { d.SetState(context.Background(), xenbus.Closing) }
	n.start()
	return n, nil
}

// prepare makes rings and pages, and what the back end is to be told of them.
func prepare(d *xenbus.Device, mac net.HardwareAddr, port Port) (*NIC, map[string]string, error) {
	all, err := d.Memory.Alloc((2 + 2*buffers) * pageSize)
	if err != nil {
		return nil, nil, err
	}
	refs, err := d.Grants.GrantRegion(d.BackendID, all, false)
	if err != nil {
		return nil, nil, err
	}
	n := newNIC(mac, port, all, refs)
	return n, map[string]string{
		"tx-ring-ref":             strconv.FormatUint(uint64(refs[0]), 10),
		"rx-ring-ref":             strconv.FormatUint(uint64(refs[1]), 10),
		"request-rx-copy":         "1",
		"feature-rx-notify":       "1",
		"feature-no-csum-offload": "1",
		"feature-sg":              "0",
	}, nil
}

// newNIC lays out memory: two rings, then pages to send and to receive.
func newNIC(mac net.HardwareAddr, port Port, all shm.Region, refs []grants.Ref) *NIC {
	n := &NIC{
		mac: mac, port: port, stop: func() {}, done: make(chan struct{}),
		tx:      ring.New(all.Slice(0, pageSize), txEntry),
		rx:      ring.New(all.Slice(pageSize, pageSize), rxEntry),
		waiting: make([]bool, buffers), posted: make([]bool, buffers),
	}
	n.cond.L = &n.mu
	for i := range buffers {
		o, p := 2+i, 2+buffers+i
		n.out = append(n.out, page{all.Slice(o*pageSize, pageSize), refs[o]})
		n.in = append(n.in, page{all.Slice(p*pageSize, pageSize), refs[p]})
		n.idle = append(n.idle, i)
		n.post(i)
	}
	n.rx.Publish()
	return n
}

func (n *NIC) start() {
	n.port.Notify()
	go n.serve()
}

// post gives a page to the back end, to receive into (struct
// netif_rx_request).
func (n *NIC) post(i int) {
	r := n.rx.Request()
	binary.LittleEndian.PutUint32(r.Bytes, uint32(i))
	binary.LittleEndian.PutUint32(r.Bytes[4:], uint32(n.in[i].ref))
	n.posted[i] = true
}

func (n *NIC) serve() {
	defer close(n.done)
	for range n.port.Pending() {
		n.mu.Lock()
		if n.err == nil {
			if err := n.collect(); err != nil {
				n.fail(fmt.Errorf("netfront: the back end is broken: %w", err))
			}
		}
		n.cond.Broadcast()
		n.mu.Unlock()
	}
	n.mu.Lock()
	n.fail(fs.ErrClosed)
	n.mu.Unlock()
}

func (n *NIC) fail(err error) {
	if n.err == nil {
		n.err = err
		n.cond.Broadcast()
	}
}

// collect takes all responses, and asks for the next.
func (n *NIC) collect() error {
	for {
		if err := n.collectRx(); err != nil {
			return err
		}
		if err := n.collectTx(); err != nil {
			return err
		}
		// Both are asked: an evaluation that stops early would leave one asleep.
		rx, tx := n.rx.WantResponses(), n.tx.WantResponses()
		if !rx && !tx {
			return nil
		}
	}
}

// collectRx takes struct netif_rx_response: id, offset, flags, and a status
// that is a size or an error, 2 bytes each.
func (n *NIC) collectRx() error {
	for {
		r, ok, err := n.rx.Response()
		if err != nil || !ok {
			return err
		}
		low, high := r.Load32(0), r.Load32(4)
		id, off, flags, status := int(uint16(low)), int(low>>16), uint16(high), int(int16(high>>16))
		if id >= buffers || !n.posted[id] {
			return fmt.Errorf("a frame in page %d, which it had not", id)
		}
		if flags&rxExtra != 0 {
			return errors.New("an extra response, which nobody asked for")
		}
		if status > 0 && off+status > pageSize {
			return fmt.Errorf("a frame of %d bytes at %d of a page", status, off)
		}
		n.posted[id] = false
		whole := !n.partial && flags&rxMore == 0
		n.partial = flags&rxMore != 0
		if whole && status > 0 {
			n.received = append(n.received, frame{id, off, status})
			continue
		}
		n.post(id) // an error, or a frame larger than a page: dropped
		n.publishRx()
	}
}

// collectTx takes struct netif_tx_response: id and status.
func (n *NIC) collectTx() error {
	for {
		r, ok, err := n.tx.Response()
		if err != nil || !ok {
			return err
		}
		id := int(uint16(r.Load32(0)))
		if id >= buffers || !n.waiting[id] {
			return fmt.Errorf("it returns page %d, which it had not", id)
		}
		n.waiting[id] = false
		n.idle = append(n.idle, id)
	}
}

func (n *NIC) publishRx() {
	if n.rx.Publish() {
		n.port.Notify()
	}
}

// HardwareAddr is the interface's address.
func (n *NIC) HardwareAddr() net.HardwareAddr { return n.mac }

// MTU is the size of the largest packet in a frame, in bytes.
func (n *NIC) MTU() int { return maxFrame - 14 }

func (n *NIC) expired() bool { return !n.deadline.IsZero() && !time.Now().Before(n.deadline) }

// ReadFrame waits for a frame and copies it to b: what does not fit is
// dropped. After Close it fails with fs.ErrClosed.
func (n *NIC) ReadFrame(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.received) == 0 && n.err == nil && !n.expired() {
		n.cond.Wait()
	}
	if n.err != nil {
		return 0, n.err
	}
	if len(n.received) == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	f := n.received[0]
	n.received = n.received[1:]
	size := copy(b, n.in[f.page].Bytes[f.off:f.off+f.size])
	n.post(f.page)
	n.publishRx()
	return size, nil
}

// SetReadDeadline lets ReadFrame fail with os.ErrDeadlineExceeded from t on;
// zero: never.
func (n *NIC) SetReadDeadline(t time.Time) error {
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

// WriteFrame sends a frame. It waits where the back end has all pages.
func (n *NIC) WriteFrame(b []byte) error {
	if len(b) > maxFrame {
		return fmt.Errorf("netfront: a frame of %d bytes, %d is the most: %w", len(b), maxFrame, io.ErrShortBuffer)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.idle) == 0 && n.err == nil {
		n.cond.Wait()
	}
	if n.err != nil {
		return n.err
	}
	i := n.idle[len(n.idle)-1]
	n.idle = n.idle[:len(n.idle)-1]
	n.waiting[i] = true
	copy(n.out[i].Bytes, b)
	// struct netif_tx_request: grant; offset and flags, none; id and size.
	r := n.tx.Request()
	binary.LittleEndian.PutUint32(r.Bytes, uint32(n.out[i].ref))
	binary.LittleEndian.PutUint32(r.Bytes[4:], 0)
	binary.LittleEndian.PutUint32(r.Bytes[8:], uint32(i)|uint32(len(b))<<16)
	if n.tx.Publish() {
		return n.port.Notify()
	}
	return nil
}

// Close takes the interface down. Its pages stay granted: a back end may still
// use them.
func (n *NIC) Close() (err error) {
	n.close.Do(func() {
		n.stop()
		err = n.port.Close()
		<-n.done
	})
	return err
}
