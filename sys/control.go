package sys

import (
	"fmt"
	"iter"
	"net/netip"
	"time"

	"github.com/anykernel/anykernel/sys/abi"
)

// A ControlMessage is ancillary data of a [Message]; see cmsg(3). It is one of
// [Rights], [Credentials], [PacketInfo], [TTL], [TOS], [HopLimit],
// [TrafficClass], [Timestamp], [ExtendedError], and [RawControl] for all
// others.
type ControlMessage interface {
	// control is the message as the ABI has it.
	control(c *controlABI) (RawControl, error)
}

// Rights are files that are passed from one process to another over a Unix
// socket. Those that came belong to the receiver, who closes them.
type Rights []*File

// Credentials say who a peer on a Unix socket is. Linux's only; see unix(7)
// and SO_PASSCRED.
type Credentials struct{ PID, UID, GID int }

// A PacketInfo says by what interface a datagram came and to what address, or
// by what interface and from what address one is to be sent; see ip(7),
// IP_PKTINFO and IPV6_PKTINFO.
type PacketInfo struct {
	Index int        // of the interface, 0 for any
	Addr  netip.Addr // a datagram that came: the address in its header
	// Local is, of IPv4, the address that the kernel takes for its own, the
	// one to send from. Of IPv6 it is Addr.
	Local netip.Addr
}

// TTL is the time to live of an IPv4 datagram; see IP_RECVTTL.
type TTL int

// TOS is the type of service of an IPv4 datagram; see IP_RECVTOS.
type TOS int

// HopLimit is the hop limit of an IPv6 datagram; see IPV6_RECVHOPLIMIT.
type HopLimit int

// TrafficClass is the traffic class of an IPv6 datagram; see IPV6_RECVTCLASS.
type TrafficClass int

// A Timestamp is when a message came, by the kernel's clock; see
// SO_TIMESTAMP and SO_TIMESTAMPNS.
type Timestamp struct{ time.Time }

// An ExtendedError is an error of a datagram sent earlier, which comes with
// MSG_ERRQUEUE; see ip(7), IP_RECVERR and IPV6_RECVERR.
type ExtendedError struct {
	Errno  Errno
	Origin uint8 // SO_EE_ORIGIN_*: 1 local, 2 ICMP, 3 ICMPv6
	Type   uint8 // of the ICMP message
	Code   uint8 // of the ICMP message
	Info   uint32
	Data   uint32
	// Offender is who reported the error; invalid where nobody is named.
	Offender netip.Addr
}

// A RawControl is a control message as it is in the kernel's ABI.
type RawControl struct {
	Level, Type int
	Data        []byte
}

// A controlABI is how an ABI lays out control messages.
type controlABI struct {
	abi             *abi.ABI
	size            int // of struct cmsghdr
	align           int
	len, level, typ abi.Field
	kinds           map[controlKind]controlDecoder
	numbers         map[string]controlKind // of the constants below
}

type controlKind struct{ level, typ int32 }

// newControlABI looks up what the ABI has.
func newControlABI(a *abi.ABI) controlABI {
	h := layoutOf(a, "cmsghdr")
	c := controlABI{
		abi: a, size: h.Size, align: controlAlign(a),
		len: h.field("cmsg_len"), level: h.field("cmsg_level"), typ: h.field("cmsg_type"),
		kinds: map[controlKind]controlDecoder{}, numbers: map[string]controlKind{},
	}
	for _, k := range controlKinds {
		level, ok := a.Const(k.level)
		typ, has := a.Const(k.name)
		if !ok || !has {
			continue
		}
		kind := controlKind{int32(level), int32(typ)}
		c.numbers[k.name] = kind
		c.kinds[kind] = k.decode
	}
	return c
}

// controlAlign is what headers and data of control messages are aligned to:
// a word, but for the kernels that kept the alignment of an earlier machine.
func controlAlign(a *abi.ABI) int {
	switch {
	case a.OS == "darwin":
		return 4
	case a.OS == "netbsd" && a.Arch == "arm64":
		return 16
	case (a.OS == "netbsd" || a.OS == "openbsd") && a.Arch == "arm":
		return 8
	}
	return a.PointerSize
}

// ControlSpace is how many bytes of control data, for use as
// [Message.ControlSize], messages with data of these sizes take. It is 0
// where the ABI has no control messages.
func ControlSpace(a *abi.ABI, sizes ...int) int {
	c := &tableOf(a).socket.control
	n := 0
	for _, size := range sizes {
		n += alignUp(c.size, c.align) + alignUp(size, c.align)
	}
	return n
}

// RightsSpace is the ControlSpace of a [Rights] of n files.
func RightsSpace(a *abi.ABI, n int) int { return ControlSpace(a, 4*n) }

// ControlMessages is the control messages in b, which a kernel of that ABI
// wrote and which need not be trusted. It ends at the first one that is
// malformed, with an error that says what is wrong. The data shares b's
// memory.
func ControlMessages(a *abi.ABI, b []byte) iter.Seq2[RawControl, error] {
	c := &tableOf(a).socket.control
	return func(yield func(RawControl, error) bool) {
		for len(b) > 0 {
			m, rest, err := c.next(b)
			if !yield(m, err) || err != nil {
				return
			}
			b = rest
		}
	}
}

// next is the first control message in b and what follows it. What follows
// is shorter than b.
func (c *controlABI) next(b []byte) (RawControl, []byte, error) {
	data := alignUp(c.size, c.align)
	if c.size == 0 {
		return RawControl{}, nil, errNoCall
	}
	if len(b) < c.size {
		return RawControl{}, nil, fmt.Errorf("control message of %d bytes: a header has %d", len(b), c.size)
	}
	n := c.len.Uint(b, c.abi.Order)
	if n < uint64(c.size) || n > uint64(len(b)) {
		return RawControl{}, nil, fmt.Errorf("control message says that it has %d bytes, of %d", n, len(b))
	}
	m := RawControl{
		Level: int(c.level.Int(b, c.abi.Order)),
		Type:  int(c.typ.Int(b, c.abi.Order)),
		Data:  b[min(data, int(n)):n:n],
	}
	return m, b[min(alignUp(int(n), c.align), len(b)):], nil
}

// AppendControl appends a control message to b as a kernel of that ABI takes
// it. [Socket.SendMsg] does it by itself.
func AppendControl(a *abi.ABI, b []byte, m ControlMessage) ([]byte, error) {
	return tableOf(a).socket.control.append(b, m)
}

func (c *controlABI) encode(ms []ControlMessage) ([]byte, error) {
	var b []byte
	for _, m := range ms {
		var err error
		if b, err = c.append(b, m); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (c *controlABI) append(b []byte, m ControlMessage) ([]byte, error) {
	if c.size == 0 {
		return nil, errNoCall
	}
	raw, err := m.control(c)
	if err != nil {
		return nil, fmt.Errorf("control message %T: %w", m, err)
	}
	start, data := len(b), alignUp(c.size, c.align)
	b = append(b, make([]byte, data+alignUp(len(raw.Data), c.align))...)
	h := b[start:]
	c.len.PutUint(h, c.abi.Order, uint64(data+len(raw.Data)))
	c.level.PutInt(h, c.abi.Order, int64(raw.Level))
	c.typ.PutInt(h, c.abi.Order, int64(raw.Type))
	copy(h[data:], raw.Data)
	return b, nil
}

// decodeControl is what came in b. Where part of it is malformed the files
// that came are closed.
func (s *Socket) decodeControl(b []byte) ([]ControlMessage, error) {
	c := &s.p.k.tab.socket.control
	var ms []ControlMessage
	for len(b) > 0 {
		raw, rest, err := c.next(b)
		if err != nil {
			closeRights(ms)
			return nil, err
		}
		ms = append(ms, s.decodeOne(c, raw))
		b = rest
	}
	return ms, nil
}

// decodeOne is raw as the type that its kind has. What does not fit that type
// stays raw.
func (s *Socket) decodeOne(c *controlABI, raw RawControl) ControlMessage {
	if decode := c.kinds[controlKind{int32(raw.Level), int32(raw.Type)}]; decode != nil {
		if m := decode(s, c, raw.Data); m != nil {
			return m
		}
	}
	raw.Data = append([]byte(nil), raw.Data...)
	return raw
}

func closeRights(ms []ControlMessage) {
	for _, m := range ms {
		files, _ := m.(Rights)
		for _, f := range files {
			f.Close()
		}
	}
}
