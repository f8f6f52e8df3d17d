package packetdrill

import (
	"net"
	"net/netip"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/anykernel/anykernel/hypercall"
)

// A wire is what the kernel's network interface is plugged into. It answers
// those who look for a neighbour, and keeps everything else that the kernel
// sends, with its time. All is called by whose turn it is.
type wire struct {
	stage   *stage
	set     *settings
	receive func([]byte)
	kernel  net.HardwareAddr
	queue   []sniffed
}

// A sniffed is a packet that the kernel sent.
type sniffed struct {
	at     time.Duration
	packet gopacket.Packet
}

// ours is the address of the runner.
var ours = net.HardwareAddr{0x02, 0, 0x5e, 0x10, 0, 1}

// Attach implements hypercall.Net.
func (w *wire) Attach(nic hypercall.NIC, receive func([]byte)) (hypercall.Link, error) {
	w.receive, w.kernel = receive, nic.MAC
	return wireLink{w}, nil
}

type wireLink struct{ w *wire }

func (l wireLink) Close() error {
	l.w.receive = nil
	return nil
}

// Send is called inside of the kernel: an answer goes by itself.
func (l wireLink) Send(frame []byte) {
	w := l.w
	p := gopacket.NewPacket(append([]byte(nil), frame...), layers.LayerTypeEthernet, gopacket.Default)
	if answer := w.neighbour(p); answer != nil {
		w.stage.AfterFunc(0, func() { w.inject(answer) })
		return
	}
	if w.isForUs(p) {
		w.queue = append(w.queue, sniffed{w.stage.now(), p})
		w.stage.happened()
	}
}

// isForUs leaves out what kernels say on their own, to all.
func (w *wire) isForUs(p gopacket.Packet) bool {
	n := p.NetworkLayer()
	if n == nil {
		return false
	}
	to, ok := netip.AddrFromSlice(n.NetworkFlow().Dst().Raw())
	return ok && to == w.set.remote
}

// inject hands a frame to the kernel.
func (w *wire) inject(frame []byte) {
	if w.receive != nil {
		w.receive(frame)
	}
}

// neighbour is the answer to a question for a neighbour; nil where p is none.
func (w *wire) neighbour(p gopacket.Packet) []byte {
	eth, _ := p.LinkLayer().(*layers.Ethernet)
	if eth == nil {
		return nil
	}
	back := &layers.Ethernet{SrcMAC: ours, DstMAC: eth.SrcMAC, EthernetType: eth.EthernetType}
	if q, ok := p.Layer(layers.LayerTypeARP).(*layers.ARP); ok && q.Operation == layers.ARPRequest {
		asked, _ := netip.AddrFromSlice(q.DstProtAddress)
		if asked == w.set.local {
			return []byte{} // the kernel asks for itself
		}
		a := *q
		a.Operation = layers.ARPReply
		a.SourceHwAddress, a.SourceProtAddress = ours, q.DstProtAddress
		a.DstHwAddress, a.DstProtAddress = q.SourceHwAddress, q.SourceProtAddress
		return serialize(back, &a)
	}
	q, ok := p.Layer(layers.LayerTypeICMPv6NeighborSolicitation).(*layers.ICMPv6NeighborSolicitation)
	ip, ok2 := p.NetworkLayer().(*layers.IPv6)
	if !ok || !ok2 || ip.SrcIP.IsUnspecified() {
		return nil
	}
	reply := &layers.IPv6{Version: 6, HopLimit: 255, NextHeader: layers.IPProtocolICMPv6, SrcIP: q.TargetAddress, DstIP: ip.SrcIP}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeNeighborAdvertisement, 0)}
	_ = icmp.SetNetworkLayerForChecksum(reply)
	return serialize(back, reply, icmp, &layers.ICMPv6NeighborAdvertisement{
		Flags: 0x60, TargetAddress: q.TargetAddress,
		Options: layers.ICMPv6Options{{Type: layers.ICMPv6OptTargetAddress, Data: ours}},
	})
}

func serialize(l ...gopacket.SerializableLayer) []byte {
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, l...); err != nil {
		return nil
	}
	return b.Bytes()
}

// next takes the oldest packet that the kernel sent, which it waits for until a
// time of the script.
func (w *wire) next(deadline time.Duration) (sniffed, bool) {
	if !w.stage.await(deadline, "a packet", func() bool { return len(w.queue) > 0 }) {
		return sniffed{}, false
	}
	p := w.queue[0]
	w.queue = w.queue[1:]
	return p, true
}
