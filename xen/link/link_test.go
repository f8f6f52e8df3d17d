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

// A checkedWire leaves checksums to its other end.
type checkedWire struct {
	*wire
	checked bool
	blank   chan []byte
}

func (w *checkedWire) ReadChecked(b []byte) (int, bool, error) {
	n, err := w.ReadFrame(b)
	return n, w.checked, err
}

func (w *checkedWire) WriteBlank(b []byte) error {
	w.blank <- bytes.Clone(b)
	return nil
}

// segment is a frame of TCP to ours, without a checksum.
func segment(text string) []byte {
	f := frame(string(make([]byte, 40)) + text)
	ip := header.IPv4(f[headerSize:])
	ip.Encode(&header.IPv4Fields{TotalLength: uint16(len(ip)), TTL: 1, Protocol: uint8(header.TCPProtocolNumber)})
	ip.SetChecksum(^ip.CalculateChecksum())
	header.TCP(ip.Payload()).Encode(&header.TCPFields{DataOffset: header.TCPMinimumSize})
	return f
}

// A capabilitySink takes what a stack would ask of the endpoint for each packet.
type capabilitySink struct {
	e   stack.LinkEndpoint
	got chan bool
}

func (s *capabilitySink) DeliverNetworkPacket(tcpip.NetworkProtocolNumber, *stack.PacketBuffer) {
	s.got <- s.e.Capabilities()&stack.CapabilityRXChecksumOffload != 0
}

func (s *capabilitySink) DeliverLinkPacket(tcpip.NetworkProtocolNumber, *stack.PacketBuffer) {}

func TestChecksums(t *testing.T) {
	w := &checkedWire{wire: newWire(), blank: make(chan []byte, 1)}
	e := New(w)
	if e.Capabilities()&stack.CapabilityTXChecksumOffload == 0 || New(newWire()).Capabilities()&stack.CapabilityTXChecksumOffload != 0 {
		t.Error("the stack leaves checksums out where it may not, or not where it may")
	}
	s := &capabilitySink{e, make(chan bool)}
	e.Attach(s)
	bad := segment("x")
	bad[headerSize+10]++ // the checksum of the IPv4 header
	for _, tc := range []struct {
		frame         []byte
		checked, want bool
	}{{segment("x"), true, true}, {segment("x"), false, false}, {bad, true, false}, {frame("no packet"), true, false}, {segment("y"), true, true}} {
		w.checked = tc.checked
		w.in <- tc.frame
		if got := <-s.got; got != tc.want {
			t.Errorf("a frame of %d bytes, checked %v: the stack believes its checksums: %v", len(tc.frame), tc.checked, got)
		}
	}
	for name, tc := range map[string]struct {
		frame []byte
		to    chan []byte
	}{"TCP": {segment("x"), w.blank}, "no packet": {frame("x"), w.out}} {
		p := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(bytes.Clone(tc.frame))})
		var list stack.PacketBufferList
		list.PushBack(p)
		if _, err := e.WritePackets(list); err != nil {
			t.Fatal(err)
		}
		p.DecRef()
		got := <-tc.to
		if name == "TCP" {
			ip := header.IPv4(got[headerSize:])
			sum := header.TCP(ip.Payload()).Checksum()
			want := header.PseudoHeaderChecksum(header.TCPProtocolNumber, ip.SourceAddress(), ip.DestinationAddress(), uint16(len(ip.Payload())))
			if sum != want {
				t.Errorf("the checksum is %#x, want the pseudo-header's %#x", sum, want)
			}
		} else if !bytes.Equal(got, tc.frame) {
			t.Errorf("%s was changed", name)
		}
	}
	e.Close()
	e.Wait()
}

// FuzzBlank: what is sent may be anything, and at most its checksum changes.
func FuzzBlank(f *testing.F) {
	f.Add(segment("hello"))
	f.Add(frame("x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		validIPv4(b)
		is := blank(b)
		differ := 0
		for i := range b {
			if b[i] != before[i] {
				differ++
			}
		}
		if differ > 2 || (!is && differ > 0) {
			t.Errorf("%d bytes changed of a frame that is TCP or UDP: %v", differ, is)
		}
	})
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
