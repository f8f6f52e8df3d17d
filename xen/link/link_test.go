package link

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"github.com/anykernel/anykernel/hypercall"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	ours   = net.HardwareAddr{0x52, 0x54, 0, 1, 2, 3}
	theirs = net.HardwareAddr{0x52, 0x54, 0, 9, 9, 9}
)

// A wire is a NIC whose other end is the test.
type wire struct {
	in, out chan []byte
	closed  chan struct{}
	once    sync.Once
}

func newWire() *wire {
	return &wire{in: make(chan []byte), out: make(chan []byte, 16), closed: make(chan struct{})}
}

func (w *wire) HardwareAddr() net.HardwareAddr  { return ours }
func (w *wire) MTU() int                        { return 1400 }
func (w *wire) SetReadDeadline(time.Time) error { return nil }

func (w *wire) ReadFrame(b []byte) (int, error) {
	select {
	case f := <-w.in:
		return copy(b, f), nil
	case <-w.closed:
		return 0, fs.ErrClosed
	}
}

func (w *wire) WriteFrame(b []byte) error {
	select {
	case <-w.closed:
		return fs.ErrClosed
	default:
		w.out <- bytes.Clone(b)
		return nil
	}
}

func (w *wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

// frame is an IPv4 packet of that payload to ours.
func frame(payload string) []byte {
	f := append(append(append([]byte{}, ours...), theirs...), 0x08, 0x00)
	return append(f, payload...)
}

// A sink takes packets as a stack would.
type sink struct{ got chan string }

func (s *sink) DeliverNetworkPacket(p tcpip.NetworkProtocolNumber, pkt *stack.PacketBuffer) {
	v := pkt.Data().AsRange().ToView()
	defer v.Release()
	if p == header.IPv4ProtocolNumber {
		s.got <- string(v.AsSlice())
	}
}

func (s *sink) DeliverLinkPacket(tcpip.NetworkProtocolNumber, *stack.PacketBuffer) {}

func TestEndpoint(t *testing.T) {
	w := newWire()
	e := New(w)
	if got := e.MTU(); got != 1400 {
		t.Errorf("the largest packet is of %d bytes, want the interface's 1400", got)
	}
	e.SetMTU(9000)
	if got := e.MTU(); got != 1400 {
		t.Errorf("the MTU was raised to %d, above the interface's", got)
	}
	e.SetMTU(1000)
	if got := e.MTU(); got != 1000 {
		t.Errorf("the MTU was set to 1000 and is %d", got)
	}
	if got := e.LinkAddress(); got != tcpip.LinkAddress(ours) {
		t.Errorf("the address is %v, want %v", got, ours)
	}

	s := &sink{make(chan string, 1)}
	e.Attach(s)
	w.in <- frame("short")[:header.EthernetMinimumSize-1]
	w.in <- frame("packet")
	if got := <-s.got; got != "packet" {
		t.Errorf("the stack was given %q", got)
	}

	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{
		ReserveHeaderBytes: int(e.MaxHeaderLength()), Payload: buffer.MakeWithData([]byte("answer")),
	})
	pkt.EgressRoute.LocalLinkAddress, pkt.EgressRoute.RemoteLinkAddress = e.LinkAddress(), tcpip.LinkAddress(theirs)
	pkt.NetworkProtocolNumber = header.IPv4ProtocolNumber
	var list stack.PacketBufferList
	e.AddHeader(pkt)
	list.PushBack(pkt)
	if n, err := e.WritePackets(list); n != 1 || err != nil {
		t.Errorf("%d packets written, %v", n, err)
	}
	want := append(append(append([]byte{}, theirs...), ours...), 0x08, 0x00)
	if got := <-w.out; !bytes.Equal(got, append(want, "answer"...)) {
		t.Errorf("the frame is %q", got)
	}

	closed := false
	e.SetOnCloseAction(func() { closed = true })
	e.Close()
	e.Wait()
	if !closed {
		t.Error("the action for the end did not happen")
	}
	if n, err := e.WritePackets(list); n != 0 || err == nil {
		t.Errorf("%d packets were written to an interface that is closed, %v", n, err)
	}
	pkt.DecRef()
}

func TestNet(t *testing.T) {
	w := newWire()
	n := Net(w)
	got := make(chan string, 1)
	l, err := n.Attach(hypercall.NIC{Name: "eth0"}, func(f []byte) { got <- string(f) })
	if err != nil {
		t.Fatal(err)
	}
	if a := l.(hypercall.Addressed).HardwareAddr(); !bytes.Equal(a, ours) {
		t.Errorf("the interface has the address %v, want %v", a, ours)
	}
	w.in <- frame("in")
	if f := <-got; f != string(frame("in")) {
		t.Errorf("the kernel was given %q", f)
	}
	l.Send(frame("out"))
	if f := <-w.out; !bytes.Equal(f, frame("out")) {
		t.Errorf("the interface was given %q", f)
	}
	if _, err := n.Attach(hypercall.NIC{Name: "eth1"}, func([]byte) {}); !errors.Is(err, hypercall.ErrUnimplemented) {
		t.Errorf("a second interface on the same cable: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	l.Send(frame("late")) // is lost
}
