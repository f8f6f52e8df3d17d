package packetdrill

import (
	"fmt"

	"github.com/gopacket/gopacket/layers"

	"github.com/anykernel/anykernel/packetdrill/script"
)

// A flow is a connection: how its live numbers and the script's belong together.
// What the runner sends has the script's own sequence numbers.
type flow struct {
	script        *[2]uint16        // ports in the script, the kernel's first; nil: the script says none
	local, remote uint16            // ports
	offset        uint32            // what the kernel's sequence numbers have over the script's
	known         bool              // offset is
	stamps        map[uint32]uint32 // live timestamps of the kernel's by the script's
}

// flows are all connections, the latest last.
type flows struct {
	list []*flow
	next uint16 // the runner's next port
}

// inbound is the flow that a packet of the script's to the kernel belongs to.
func (f *flows) inbound(p *script.Packet, set *settings) (*flow, error) {
	opens := p.TCP != nil && isOpening(p.TCP.Flags) || p.UDP != nil && len(f.list) == 0
	if opens {
		if p.Ports == nil || f.byScript(p.Ports[1], p.Ports[0]) == nil {
			n := &flow{local: set.localPort, remote: 40000 + f.next}
			f.next++
			if p.Ports != nil {
				n.script = &[2]uint16{p.Ports[1], p.Ports[0]}
				n.remote = p.Ports[0]
			}
			f.list = append(f.list, n)
			return n, nil
		}
	}
	if p.Ports != nil {
		if n := f.byScript(p.Ports[1], p.Ports[0]); n != nil {
			return n, nil
		}
	}
	if len(f.list) == 0 {
		return nil, fmt.Errorf("a packet of a connection that nobody has opened")
	}
	return f.list[len(f.list)-1], nil
}

// isOpening reports whether flags are those of the first segment.
func isOpening(flags string) bool {
	has := func(c rune) bool {
		for _, x := range flags {
			if x == c {
				return true
			}
		}
		return false
	}
	return has('S') && !has('.')
}

func (f *flows) byScript(local, remote uint16) *flow {
	for i := len(f.list) - 1; i >= 0; i-- {
		if s := f.list[i].script; s != nil && s[0] == local && s[1] == remote {
			return f.list[i]
		}
	}
	return nil
}

// outbound is the flow that ports of a packet from the kernel belong to; made
// where it is the first one of a connection that the kernel opens.
func (f *flows) outbound(local, remote uint16, opens bool, p *script.Packet) *flow {
	for i := len(f.list) - 1; i >= 0; i-- {
		if n := f.list[i]; n.local == local && n.remote == remote {
			return n
		}
	}
	if !opens {
		return nil
	}
	n := &flow{local: local, remote: remote}
	if p.Ports != nil {
		n.script = &[2]uint16{p.Ports[0], p.Ports[1]}
	}
	f.list = append(f.list, n)
	return n
}

// learn takes the kernel's initial sequence number from a segment that has it.
func (n *flow) learn(live *layers.TCP, want *script.TCP) {
	if live.SYN && !n.known {
		n.offset, n.known = live.Seq-want.Seq, true
	}
}

// stamp holds a timestamp of the kernel's to the script's: equal ones must
// always be equal.
func (n *flow) stamp(want, live uint32) bool {
	if n.stamps == nil {
		n.stamps = map[uint32]uint32{}
	}
	if before, ok := n.stamps[want]; ok {
		return before == live
	}
	n.stamps[want] = live
	return true
}

// echo is the live timestamp of the kernel's that a packet echoes.
func (n *flow) echo(want uint32) uint32 {
	if live, ok := n.stamps[want]; ok {
		return live
	}
	return want
}
