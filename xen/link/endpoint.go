package link

import (
	"sync"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"github.com/anykernel/anykernel/xen/device"
)

// New is an Ethernet endpoint over nic. It owns nic: closing the endpoint, as
// a stack does when the interface is removed, closes nic.
func New(nic device.NIC) stack.LinkEndpoint {
	e := &endpoint{
		nic:  nic,
		mtu:  uint32(nic.MTU()),
		addr: tcpip.LinkAddress(nic.HardwareAddr()),
	}
	e.sums, _ = nic.(device.ChecksumNIC)
	return ethernet.New(e)
}

// An endpoint carries whole frames. The header is added and taken off by the
// endpoint of package ethernet around it.
type endpoint struct {
	nic  device.NIC
	sums device.ChecksumNIC // nic, where it can leave checksums out; or nil

	checked atomic.Bool // of the frame that is being delivered

	mu         sync.RWMutex
	dispatcher stack.NetworkDispatcher // nil: frames are dropped
	mtu        uint32                  // without the header
	addr       tcpip.LinkAddress
	onClose    func()

	start   sync.Once
	readers sync.WaitGroup
}

var _ stack.LinkEndpoint = (*endpoint)(nil)

// headerSize is that of Ethernet's header.
const headerSize = header.EthernetMinimumSize

// MTU is that of whole frames: the endpoint around this one takes off the
// header.
func (e *endpoint) MTU() uint32 {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.mtu + headerSize
}

// SetMTU lowers the size of the largest packet, or raises it up to the
// interface's.
func (e *endpoint) SetMTU(mtu uint32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mtu = min(mtu, uint32(e.nic.MTU()))
}

func (e *endpoint) LinkAddress() tcpip.LinkAddress {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.addr
}

func (e *endpoint) SetLinkAddress(addr tcpip.LinkAddress) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.addr = addr
}

func (e *endpoint) Attach(d stack.NetworkDispatcher) {
	e.mu.Lock()
	e.dispatcher = d
	e.mu.Unlock()
	if d != nil {
		e.start.Do(func() { e.readers.Go(e.receive) })
	}
}

func (e *endpoint) IsAttached() bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.dispatcher != nil
}

// receive hands frames to the stack until the interface is closed.
func (e *endpoint) receive() {
	deliver := func(frame []byte, checked bool) {
		e.mu.RLock()
		d := e.dispatcher
		e.mu.RUnlock()
		if d == nil || len(frame) < headerSize {
			return
		}
		// A stack that does not look at the checksum of the payload does not look
		// at that of the IPv4 header, for which nobody vouches.
		e.checked.Store(checked && validIPv4(frame))
		p := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(frame)})
		d.DeliverNetworkPacket(0, p) // the protocol is in the header
		p.DecRef()
	}
	if e.sums == nil {
		readFrames(e.nic, func(frame []byte) { deliver(frame, false) })
		return
	}
	frame := make([]byte, e.nic.MTU()+headerSize)
	for {
		n, checked, err := e.sums.ReadChecked(frame)
		if err != nil {
			return
		}
		deliver(frame[:n], checked)
	}
}

// WritePackets sends frames in order. One that the interface refuses is lost,
// as on a wire.
func (e *endpoint) WritePackets(list stack.PacketBufferList) (int, tcpip.Error) {
	n := 0
	for _, p := range list.AsSlice() {
		v := p.ToView()
		err := e.write(v.AsSlice())
		v.Release()
		if err != nil {
			return n, &tcpip.ErrClosedForSend{}
		}
		n++
	}
	return n, nil
}

func (e *endpoint) write(frame []byte) error {
	if e.sums != nil && blank(frame) {
		return e.sums.WriteBlank(frame)
	}
	return e.nic.WriteFrame(frame)
}

// Capabilities is asked for when a packet is sent, and, for that of receiving,
// with each packet by the goroutine that delivers it: so each has its own.
func (e *endpoint) Capabilities() stack.LinkEndpointCapabilities {
	var c stack.LinkEndpointCapabilities
	if e.sums != nil {
		c |= stack.CapabilityTXChecksumOffload
	}
	if e.checked.Load() {
		c |= stack.CapabilityRXChecksumOffload
	}
	return c
}

func (e *endpoint) Close() {
	e.nic.Close()
	e.mu.RLock()
	f := e.onClose
	e.mu.RUnlock()
	if f != nil {
		f()
	}
}

func (e *endpoint) SetOnCloseAction(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.onClose = f
}

func (e *endpoint) Wait() { e.readers.Wait() }

func (e *endpoint) MaxHeaderLength() uint16                 { return 0 }
func (e *endpoint) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareEther }
func (e *endpoint) AddHeader(*stack.PacketBuffer)           {}
func (e *endpoint) ParseHeader(*stack.PacketBuffer) bool    { return true }
