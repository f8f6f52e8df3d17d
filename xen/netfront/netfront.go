// Package netfront is a network interface of a domain of Xen
// (public/io/netif.h): Ethernet frames in pages that the back end copies from
// and to. Checksums of TCP and UDP over IPv4 may be left to the other side, and
// are left out by it: what stays within the machine has none.
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

	// Flags of requests to send and of frames that were received.
	txBlank     = 1 << 0 // the checksum is that of the pseudo-header alone
	txValidated = 1 << 1
	rxValidated = 1 << 0
	rxBlank     = 1 << 1
	rxMore      = 1 << 2 // the frame goes on in the next response
	rxExtra     = 1 << 3 // a response without data follows; never asked for
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
	mac    net.HardwareAddr
	device *xenbus.Device // nil in tests
	all    shm.Region

	mu       sync.Mutex // guards all below
	cond     sync.Cond
	err      error // why it is not used any more
	paused   bool  // the domain is being suspended
	blank    bool  // the back end completes checksums
	port     Port
	tx, rx   *ring.Front
	out, in  []page
	idle     []int   // pages of out that the back end does not have
	waiting  []bool  // by page of out: the back end has it
	posted   []bool  // by page of in
	received []frame // in order
	partial  bool    // dropping a frame that came in pieces
	deadline time.Time
	timer    *time.Timer

	serving sync.WaitGroup
	close   sync.Once
}

// A page is granted to the back end.
type page struct {
	shm.Region
	ref grants.Ref
}

// A frame lies in a page of in.
type frame struct{ page, off, size, flags int }

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
	all, err := d.Memory.Alloc(memory)
	if err != nil {
		return nil, err
	}
	n := newNIC(mac, all)
	n.device = d
	if err := n.connect(ctx); err != nil {
		return nil, err
	}
	d.Attach(n)
	return n, nil
}

// connect begins with a back end.
func (n *NIC) connect(ctx context.Context) error {
	d := n.device
	if err := d.AwaitBackend(ctx, xenbus.InitWait, xenbus.Connected); err != nil {
		return err
	}
	refs, err := d.Grants.GrantRegion(d.BackendID, n.all.Slice(0, memory), false)
	if err != nil {
		return err
	}
	port, err := d.Events.Alloc(d.BackendID)
	if err != nil {
		return err
	}
	n.begin(port, refs)
	complete := !d.Feature(ctx, "feature-no-csum-offload")
	n.mu.Lock()
	n.blank = complete
	n.mu.Unlock()
	err = d.Publish(ctx, map[string]string{
		"tx-ring-ref":             strconv.FormatUint(uint64(refs[0]), 10),
		"rx-ring-ref":             strconv.FormatUint(uint64(refs[1]), 10),
		"event-channel":           strconv.FormatUint(uint64(port.Number()), 10),
		"request-rx-copy":         "1",
		"feature-rx-notify":       "1",
		"feature-no-csum-offload": "0",
		"feature-sg":              "0",
	})
	if err == nil {
		err = d.SetState(ctx, xenbus.Connected)
	}
	if err == nil {
		err = d.AwaitBackend(ctx, xenbus.Connected)
	}
	if err != nil {
		port.Close()
		return err
	}
	n.start()
	return nil
}

// memory is the size of what is shared: two rings, then pages to send and to
// receive.
const memory = (2 + 2*buffers) * pageSize

func newNIC(mac net.HardwareAddr, all shm.Region) *NIC {
	n := &NIC{mac: mac, all: all}
	n.cond.L = &n.mu
	return n
}

// begin lays out the memory for a new back end.
func (n *NIC) begin(port Port, refs []grants.Ref) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.port = port
	n.tx = ring.New(n.all.Slice(0, pageSize), txEntry)
	n.rx = ring.New(n.all.Slice(pageSize, pageSize), rxEntry)
	n.waiting, n.posted = make([]bool, buffers), make([]bool, buffers)
	n.out, n.in, n.idle, n.received, n.partial = nil, nil, nil, nil, false
	for i := range buffers {
		o, p := 2+i, 2+buffers+i
		n.out = append(n.out, page{n.all.Slice(o*pageSize, pageSize), refs[o]})
		n.in = append(n.in, page{n.all.Slice(p*pageSize, pageSize), refs[p]})
		n.idle = append(n.idle, i)
		n.post(i)
	}
	n.rx.Publish()
}

func (n *NIC) start() {
	n.port.Notify()
	port := n.port
	n.serving.Go(func() { n.serve(port) })
}

// Pause stops before the domain is suspended. Frames that are on their way are
// lost, as on a wire.
func (n *NIC) Pause() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.paused = true
}

// Resume goes on, where the domain is a new one with another back end.
func (n *NIC) Resume(ctx context.Context, renewed bool) error {
	var err error
	if renewed && n.failure() == nil {
		if err = n.device.Find(ctx); err == nil {
			err = n.connect(ctx)
		}
	}
	n.mu.Lock()
	n.paused = false
	if err != nil {
		n.fail(fmt.Errorf("netfront: after a suspension: %w", err))
	}
	n.cond.Broadcast()
	n.mu.Unlock()
	if err == nil && renewed {
		n.WriteFrame(announcement(n.mac)) // lost where nobody takes it
	}
	return err
}

// announcement is a request by RARP (RFC 903) for one's own address, as
// hypervisors send it for guests that have moved: switches learn from it where
// the address is now.
func announcement(mac net.HardwareAddr) []byte {
	b := make([]byte, 60)
	copy(b, "\xff\xff\xff\xff\xff\xff")
	copy(b[6:], mac)
	// RARP; Ethernet and IPv4, addresses of 6 and 4 bytes, request reverse.
	copy(b[12:], "\x80\x35\x00\x01\x08\x00\x06\x04\x00\x03")
	copy(b[22:], mac)
	copy(b[32:], mac)
	return b
}

func (n *NIC) failure() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.err
}

// post gives a page to the back end, to receive into (struct
// netif_rx_request).
func (n *NIC) post(i int) {
	r := n.rx.Request()
	binary.LittleEndian.PutUint32(r.Bytes, uint32(i))
	binary.LittleEndian.PutUint32(r.Bytes[4:], uint32(n.in[i].ref))
	n.posted[i] = true
}

// serve ends with its port: when that is closed, or is not of this domain any
// more.
func (n *NIC) serve(port Port) {
	for range port.Pending() {
		n.mu.Lock()
		if n.err == nil && n.port == port && !n.paused {
			if err := n.collect(); err != nil {
				n.fail(fmt.Errorf("netfront: the back end is broken: %w", err))
			}
		}
		n.cond.Broadcast()
		n.mu.Unlock()
	}
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
		// Pages that come back are of no interest while there are others.
		rx, tx := n.rx.WantResponses(), n.tx.WantMany(max(1, len(n.idle)/2))
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
			n.received = append(n.received, frame{id, off, status, int(flags)})
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

// free reports whether there is a page to send. It takes those that came back
// without a notification, and asks for one where none did.
func (n *NIC) free() bool {
	for len(n.idle) <= buffers/2 {
		if err := n.collectTx(); err != nil {
			n.fail(fmt.Errorf("netfront: the back end is broken: %w", err))
			return false
		}
		if len(n.idle) > 0 {
			break
		}
		if !n.tx.WantResponses() {
			return false
		}
	}
	return true
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
	size, flags, err := n.read(b)
	if flags&rxBlank != 0 {
		complete(b[:size])
	}
	return size, err
}

// ReadChecked is ReadFrame without work on checksums. Where checked, the back
// end vouches for those of TCP and UDP, which may not be in the frame.
func (n *NIC) ReadChecked(b []byte) (size int, checked bool, err error) {
	size, flags, err := n.read(b)
	return size, flags&(rxBlank|rxValidated) != 0, err
}

func (n *NIC) read(b []byte) (size, flags int, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for (len(n.received) == 0 || n.paused) && n.err == nil && !n.expired() {
		n.cond.Wait()
	}
	if n.err != nil {
		return 0, 0, n.err
	}
	if len(n.received) == 0 || n.paused {
		return 0, 0, os.ErrDeadlineExceeded
	}
	f := n.received[0]
	n.received = n.received[1:]
	size = copy(b, n.in[f.page].Bytes[f.off:f.off+f.size])
	n.post(f.page)
	n.publishRx()
	return size, f.flags, nil
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
func (n *NIC) WriteFrame(b []byte) error { return n.write(b, false) }

// WriteBlank is WriteFrame of a frame of TCP or UDP over IPv4 whose checksum is
// only that of the pseudo-header. The back end completes it, or the driver where
// that does not.
func (n *NIC) WriteBlank(b []byte) error { return n.write(b, true) }

func (n *NIC) write(b []byte, blank bool) error {
	if len(b) > maxFrame {
		return fmt.Errorf("netfront: a frame of %d bytes, %d is the most: %w", len(b), maxFrame, io.ErrShortBuffer)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for n.err == nil && (n.paused || !n.free()) {
		n.cond.Wait()
	}
	if n.err != nil {
		return n.err
	}
	i := n.idle[len(n.idle)-1]
	n.idle = n.idle[:len(n.idle)-1]
	n.waiting[i] = true
	data := n.out[i].Bytes[:copy(n.out[i].Bytes, b)]
	flags := uint32(0)
	switch {
	case blank && n.blank:
		flags = txBlank | txValidated
	case blank:
		complete(data)
	}
	// struct netif_tx_request: grant; offset, none, and flags; id and size.
	r := n.tx.Request()
	binary.LittleEndian.PutUint32(r.Bytes, uint32(n.out[i].ref))
	binary.LittleEndian.PutUint32(r.Bytes[4:], flags<<16)
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
		n.mu.Lock()
		n.fail(fs.ErrClosed)
		port := n.port
		n.mu.Unlock()
		if n.device != nil {
			n.device.Detach(n)
			n.device.SetState(context.Background(), xenbus.Closing)
		}
		err = port.Close()
		n.serving.Wait()
	})
	return err
}
