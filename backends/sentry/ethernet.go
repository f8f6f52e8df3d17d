//go:build linux && (amd64 || arm64)

package sentry

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net"
	"sync"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall"
)

// NewEthernet plugs an interface into a network, as the Link of a [NIC] or of
// any other stack of gVisor's. mtu is the size of the largest packet; 0 is 1500.
// Closing the endpoint pulls the plug.
func NewEthernet(network hypercall.Net, nic hypercall.NIC, mtu int) (stack.LinkEndpoint, error) {
	return newEthernet(network, nic, mtu, false, func(f func()) { f() })
}

const (
	defaultMTU     = 1500
	groupBit       = 1 // of an address's first byte: several stations
	locallyManaged = 2 // no manufacturer's
)

// newEthernet has frames received inside of guard. A stack that is alone with one
// interface passes nothing on, and takes several segments of TCP as one.
func newEthernet(network hypercall.Net, nic hypercall.NIC, mtu int, alone bool, guard func(func())) (stack.LinkEndpoint, error) {
	if mtu == 0 {
		mtu = defaultMTU
	}
	if nic.MAC == nil {
		nic.MAC = make(net.HardwareAddr, header.EthernetAddressSize)
		_, _ = rand.Read(nic.MAC)
		nic.MAC[0] = nic.MAC[0]&^groupBit | locallyManaged
	}
	e := &wire{mtu: uint32(mtu), guard: guard}
	if alone {
		nic.Segments = func(frame []byte, _ int) { e.receive(frame) }
	}
	link, err := network.Attach(nic, e.receive)
	if err != nil {
		return nil, err
	}
	e.link = link
	e.segmenter, _ = link.(hypercall.Segmenter)
	addr := nic.MAC
	if a, ok := link.(hypercall.Addressed); ok {
		addr = a.HardwareAddr()
	}
	if len(addr) != header.EthernetAddressSize {
		return nil, errors.Join(fmt.Errorf("%v is no address of an Ethernet", addr), link.Close())
	}
	e.address.Store(new(tcpip.LinkAddress(addr)))
	return ethernet.New(e), nil
}

// A wire carries whole frames between a stack and a hypercall.Link. gVisor's
// ethernet.Endpoint around it makes and takes off their headers, and wants room
// for one in the MTU.
type wire struct {
	link      hypercall.Link
	segmenter hypercall.Segmenter // link, where it is one; or nil
	guard     func(func())
	address   atomic.Pointer[tcpip.LinkAddress]

	mu         sync.RWMutex
	dispatcher stack.NetworkDispatcher // nil: frames are dropped
	mtu        uint32                  // without the header
	onClose    func()
}

var (
	_ stack.LinkEndpoint = (*wire)(nil)
	_ stack.GSOEndpoint  = (*wire)(nil)
)

// receive copies a frame into gVisor's memory. As the hardware does, it leaves
// alone what is for other stations.
func (e *wire) receive(frame []byte) {
	if len(frame) < header.EthernetMinimumSize {
		return
	}
	to := header.Ethernet(frame).DestinationAddress()
	if to[0]&groupBit == 0 && to != e.LinkAddress() {
		return
	}
	e.mu.RLock()
	d := e.dispatcher
	e.mu.RUnlock()
	if d == nil {
		return
	}
	e.guard(func() {
		p := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(frame)})
		d.DeliverNetworkPacket(0, p) // the protocol is in the header
		p.DecRef()
	})
}

// frames are buffers in which frames are put together.
var frames = sync.Pool{New: func() any { return new([]byte) }}

// WritePackets sends frames in order. What the other end does with them it
// does not say, as a wire.
func (e *wire) WritePackets(list stack.PacketBufferList) (int, tcpip.Error) {
	buf := frames.Get().(*[]byte)
	defer frames.Put(buf)
	for _, p := range list.AsSlice() {
		b := (*buf)[:0]
		for _, piece := range p.AsSlices() {
			b = append(b, piece...)
		}
		e.send(p, b)
		*buf = b
	}
	return list.Len(), nil
}

// send sends the frame of a packet. What TCP made for a card that cuts segments
// has no checksum yet.
func (e *wire) send(p *stack.PacketBuffer, frame []byte) {
	if gso := p.GSOOptions; gso.Type == stack.GSOTCPv4 || gso.Type == stack.GSOTCPv6 {
		segment := header.TCP(frame[len(p.LinkHeader().Slice())+len(p.NetworkHeader().Slice()):])
		segment.SetChecksum(^checksum.Checksum(segment, 0)) // of the pseudo-header, which stands in its place, too
		if p.Data().Size() > int(gso.MSS) {
			e.segmenter.SendSegments(frame, int(gso.MSS))
			return
		}
	}
	e.link.Send(frame)
}

// SupportedGSO implements stack.GSOEndpoint.
func (e *wire) SupportedGSO() stack.SupportedGSO {
	if e.segmenter == nil {
		return stack.GSONotSupported
	}
	return stack.HostGSOSupported
}

// GSOMaxSize implements stack.GSOEndpoint: IP has no longer packets.
func (e *wire) GSOMaxSize() uint32 { return math.MaxUint16 }

func (e *wire) Attach(d stack.NetworkDispatcher) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dispatcher = d
}

func (e *wire) IsAttached() bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.dispatcher != nil
}

func (e *wire) MTU() uint32 {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.mtu + header.EthernetMinimumSize
}

func (e *wire) SetMTU(mtu uint32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mtu = min(mtu, backends.MaxMTU)
}

func (e *wire) LinkAddress() tcpip.LinkAddress { return *e.address.Load() }

func (e *wire) SetLinkAddress(addr tcpip.LinkAddress) { e.address.Store(&addr) }

func (e *wire) Close() {
	_ = e.link.Close()
	e.mu.RLock()
	f := e.onClose
	e.mu.RUnlock()
	if f != nil {
		f()
	}
}

func (e *wire) SetOnCloseAction(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.onClose = f
}

func (e *wire) Wait()                                        {}
func (e *wire) Capabilities() stack.LinkEndpointCapabilities { return 0 }
func (e *wire) MaxHeaderLength() uint16                      { return 0 }
func (e *wire) ARPHardwareType() header.ARPHardwareType      { return header.ARPHardwareEther }
func (e *wire) AddHeader(*stack.PacketBuffer)                {}
func (e *wire) ParseHeader(*stack.PacketBuffer) bool         { return true }

// plugIn makes the interfaces of backends.Config: eth0, eth1 …
func (k *Kernel) plugIn(s *stack.Stack) error {
	for i, n := range k.cfg.NICs {
		name := fmt.Sprintf("eth%d", i)
		link, err := newEthernet(k.host.Net, hypercall.NIC{Name: name, MAC: k.proposeMAC()}, n.MTU, len(k.cfg.NICs) == 1, k.guard)
		if err != nil {
			return fmt.Errorf("network interface %q: %w", name, err)
		}
		if err := addNIC(s, NIC{Name: name, Link: link}); err != nil {
			link.Close()
			return err
		}
		k.links = append(k.links, link)
	}
	return nil
}

// proposeMAC is an address from the kernel's own randomness; nil where it has
// none.
func (k *Kernel) proposeMAC() net.HardwareAddr {
	if k.random == nil {
		return nil
	}
	addr := make(net.HardwareAddr, header.EthernetAddressSize)
	if _, err := k.random.Read(addr); err != nil {
		return nil
	}
	addr[0] = addr[0]&^groupBit | locallyManaged
	return addr
}
