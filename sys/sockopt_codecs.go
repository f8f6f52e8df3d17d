package sys

import (
	"bytes"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/anykernel/anykernel/sys/abi"
)

// asInt is a codec for what is a C int in a kernel and converts to and from
// one. Kernels that answer with fewer or more bytes are understood.
func asInt[T any](to func(T) (int64, error), from func(int64) T) sockoptCodec[T] {
	return sockoptCodec[T]{
		room: 8,
		encode: func(t *table, b []byte, v T) (int, error) {
			n, err := to(v)
			if err == nil && (n < math.MinInt32 || n > math.MaxUint32) {
				err = fmt.Errorf("%d does not fit an int", n)
			}
			t.abi.Order.PutUint32(b, uint32(n))
			return 4, err
		},
		decode: func(t *table, b []byte) (T, error) {
			n, err := decodeNumber(t, b)
			return from(n), err
		},
	}
}

// decodeNumber reads a signed number of whatever size it has.
func decodeNumber(t *table, b []byte) (int64, error) {
	f := abi.Field{Size: len(b), Signed: true}
	if f.Size == 1 {
		f.Signed = false // multicast options of BSDs are unsigned characters
	}
	switch f.Size {
	case 1, 2, 4, 8:
		return f.Int(b, t.abi.Order), nil
	}
	return 0, fmt.Errorf("the kernel answered with %d bytes for a number", len(b))
}

var boolCodec = asInt(
	func(v bool) (int64, error) {
		if v {
			return 1, nil
		}
		return 0, nil
	},
	func(n int64) bool { return n != 0 })

var intCodec = asInt(func(v int) (int64, error) { return int64(v), nil }, func(n int64) int { return int(n) })

// byteCodec is for options that BSDs take as one byte, which Linux takes too.
func byteCodec[T any](c sockoptCodec[T]) sockoptCodec[T] {
	wide := c.encode
	c.encode = func(t *table, b []byte, v T) (int, error) {
		if _, err := wide(t, b, v); err != nil {
			return 0, err
		}
		n := t.abi.Order.Uint32(b)
		if n > math.MaxUint8 {
			return 0, fmt.Errorf("%d does not fit a byte", int32(n))
		}
		b[0] = byte(n)
		return 1, nil
	}
	return c
}

// readOnly is for options that cannot be set.
func readOnly[T any](c sockoptCodec[T]) sockoptCodec[T] {
	c.encode = nil
	return c
}

// writeOnly is for options that are orders.
func writeOnly[T any](c sockoptCodec[T]) sockoptCodec[T] {
	c.decode = nil
	return c
}

// askedNumber is for numbers that cannot be set.
func askedNumber[T any](from func(t *table, n uint32) (T, error)) sockoptCodec[T] {
	return sockoptCodec[T]{
		room: 8,
		decode: func(t *table, b []byte) (v T, err error) {
			n, err := decodeNumber(t, b)
			if err != nil {
				return v, err
			}
			return from(t, uint32(n))
		},
	}
}

var familyCodec = askedNumber(func(t *table, n uint32) (Family, error) {
	f, known := t.socket.families.portable(n)
	if !known {
		return 0, fmt.Errorf("the kernel answered with family %d, which has no name here", n)
	}
	return Family(f), nil
})

var sockTypeCodec = askedNumber(func(t *table, n uint32) (SockType, error) {
	return SockType(t.socket.types.portable(uint64(n))), nil
})

var protocolCodec = askedNumber(func(_ *table, n uint32) (Protocol, error) { return Protocol(n), nil })

var errnoCodec = askedNumber(func(_ *table, n uint32) (abi.Errno, error) { return abi.Errno(n), nil })

// durationCodec is for options that are an int of that unit.
func durationCodec(unit time.Duration) sockoptCodec[time.Duration] {
	return asInt(
		func(d time.Duration) (int64, error) {
			if d < 0 || d%unit != 0 {
				return 0, fmt.Errorf("%v is not a whole number of %v", d, unit)
			}
			return int64(d / unit), nil
		},
		func(n int64) time.Duration { return time.Duration(n) * unit })
}

// timevalCodec is for timeouts: a struct timeval, 0 for none.
var timevalCodec = sockoptCodec[time.Duration]{
	room: 16,
	encode: func(t *table, b []byte, d time.Duration) (int, error) {
		return t.socket.timeval.size, t.socket.timeval.put(b, t.abi.Order, d)
	},
	decode: func(t *table, b []byte) (time.Duration, error) {
		if len(b) < t.socket.timeval.size {
			return 0, errShortOption(b, t.socket.timeval.size)
		}
		return t.socket.timeval.get(b, t.abi.Order), nil
	},
}

func errShortOption(b []byte, want int) error {
	return fmt.Errorf("the kernel answered with %d bytes, %d were expected", len(b), want)
}

// maxStringOption bounds the text of an option, in bytes.
const maxStringOption = 256

var stringCodec = sockoptCodec[string]{
	room: maxStringOption,
	encode: func(_ *table, b []byte, v string) (int, error) {
		if len(v) >= len(b) {
			return 0, fmt.Errorf("text of %d bytes: at most %d", len(v), len(b)-1)
		}
		return copy(b, v), nil
	},
	decode: func(_ *table, b []byte) (string, error) {
		if i := bytes.IndexByte(b, 0); i >= 0 {
			b = b[:i]
		}
		return string(b), nil
	},
}

var uint64Codec = sockoptCodec[uint64]{
	room: 8,
	encode: func(t *table, b []byte, v uint64) (int, error) {
		t.abi.Order.PutUint64(b, v)
		return 8, nil
	},
	decode: func(t *table, b []byte) (uint64, error) {
		if len(b) == 4 {
			return uint64(t.abi.Order.Uint32(b)), nil
		}
		if len(b) < 8 {
			return 0, errShortOption(b, 8)
		}
		return t.abi.Order.Uint64(b), nil
	},
}

// A Linger says what Close does with data that was not sent yet; see socket(7),
// SO_LINGER.
type Linger struct {
	On   bool
	Time time.Duration // how long to wait, in whole seconds; with 0 a TCP connection is reset
}

var lingerCodec = sockoptCodec[Linger]{
	room: 8,
	encode: func(t *table, b []byte, v Linger) (int, error) {
		if v.Time < 0 || v.Time%time.Second != 0 || v.Time/time.Second > math.MaxInt32 {
			return 0, fmt.Errorf("%v is not a whole number of seconds", v.Time)
		}
		if v.On {
			t.abi.Order.PutUint32(b, 1)
		}
		t.abi.Order.PutUint32(b[4:], uint32(v.Time/time.Second))
		return 8, nil
	},
	decode: func(t *table, b []byte) (Linger, error) {
		if len(b) < 8 {
			return Linger{}, errShortOption(b, 8)
		}
		seconds := int32(t.abi.Order.Uint32(b[4:]))
		return Linger{On: t.abi.Order.Uint32(b) != 0, Time: time.Duration(seconds) * time.Second}, nil
	},
}

// inetAddrCodec is a struct in_addr.
var inetAddrCodec = sockoptCodec[netip.Addr]{
	room: 16, // Linux answers IP_MULTICAST_IF with an in_addr, whatever it was given
	encode: func(_ *table, b []byte, v netip.Addr) (int, error) {
		if !v.Is4() {
			return 0, fmt.Errorf("%v is not an IPv4 address", v)
		}
		put4(b, v)
		return 4, nil
	},
	decode: func(_ *table, b []byte) (netip.Addr, error) {
		if len(b) < 4 {
			return netip.Addr{}, errShortOption(b, 4)
		}
		return addr4(b), nil
	},
}

// A Membership names a multicast group and the interface to join it on.
type Membership struct {
	Group netip.Addr
	Index int        // of the interface, 0 for the one that the kernel chooses
	Local netip.Addr // of IPv4: the interface by its address, used where Index is 0
}

var membership4Codec = sockoptCodec[Membership]{
	room: 12,
	encode: func(t *table, b []byte, v Membership) (int, error) {
		if !v.Group.Is4() || v.Local.IsValid() && !v.Local.Is4() {
			return 0, fmt.Errorf("group %v on %v is not of IPv4", v.Group, v.Local)
		}
		put4(b, v.Group)
		put4(b[4:], v.Local)
		if !t.socket.mreqn {
			if v.Index != 0 {
				return 0, fmt.Errorf("an IPv4 group on an interface by number: %w; name it by its address", ErrNotSupported)
			}
			return 8, nil // struct ip_mreq
		}
		t.abi.Order.PutUint32(b[8:], uint32(v.Index))
		return 12, nil // struct ip_mreqn
	},
}

var membership6Codec = sockoptCodec[Membership]{
	room: 20,
	encode: func(t *table, b []byte, v Membership) (int, error) {
		if !v.Group.Is6() {
			return 0, fmt.Errorf("group %v is not of IPv6", v.Group)
		}
		ip := v.Group.As16()
		copy(b, ip[:])
		t.abi.Order.PutUint32(b[16:], uint32(v.Index))
		return 20, nil // struct ipv6_mreq
	},
}

// A PacketMembership is what an AF_PACKET socket shall receive besides what
// the interface takes anyway; see packet(7).
type PacketMembership struct {
	Index        int
	Type         PacketMembershipType
	HardwareAddr []byte // at most 8 bytes
}

// A PacketMembershipType is a kind of [PacketMembership].
type PacketMembershipType uint16

const (
	PACKET_MR_MULTICAST PacketMembershipType = 0
	PACKET_MR_PROMISC   PacketMembershipType = 1
	PACKET_MR_ALLMULTI  PacketMembershipType = 2
	PACKET_MR_UNICAST   PacketMembershipType = 3
)

var packetMembershipCodec = sockoptCodec[PacketMembership]{
	room: 16,
	encode: func(t *table, b []byte, v PacketMembership) (int, error) {
		if len(v.HardwareAddr) > 8 {
			return 0, fmt.Errorf("hardware address of %d bytes: at most 8", len(v.HardwareAddr))
		}
		t.abi.Order.PutUint32(b, uint32(v.Index))
		t.abi.Order.PutUint16(b[4:], uint16(v.Type))
		t.abi.Order.PutUint16(b[6:], uint16(len(v.HardwareAddr)))
		copy(b[8:], v.HardwareAddr)
		return 16, nil // struct packet_mreq
	},
}

// PacketStats counts what an AF_PACKET socket received since it was last
// asked.
type PacketStats struct{ Packets, Drops uint32 }

var packetStatsCodec = sockoptCodec[PacketStats]{
	room: 16,
	decode: func(t *table, b []byte) (PacketStats, error) {
		if len(b) < 8 {
			return PacketStats{}, errShortOption(b, 8)
		}
		return PacketStats{t.abi.Order.Uint32(b), t.abi.Order.Uint32(b[4:])}, nil
	},
}

var credentialsCodec = sockoptCodec[Credentials]{
	room: 12,
	decode: func(t *table, b []byte) (Credentials, error) {
		if len(b) < 12 {
			return Credentials{}, errShortOption(b, 12)
		}
		c := &t.socket.control
		return Credentials{PID: c.int(b, 0), UID: c.int(b, 1), GID: c.int(b, 2)}, nil
	},
}

// An ICMPv6Filter has a bit for each type of ICMPv6 that is blocked.
type ICMPv6Filter [8]uint32

var icmp6FilterCodec = sockoptCodec[ICMPv6Filter]{
	room: 32,
	encode: func(t *table, b []byte, v ICMPv6Filter) (int, error) {
		for i, w := range v {
			t.abi.Order.PutUint32(b[4*i:], w)
		}
		return 32, nil
	},
	decode: func(t *table, b []byte) (v ICMPv6Filter, err error) {
		if len(b) < 32 {
			return v, errShortOption(b, 32)
		}
		for i := range v {
			v[i] = t.abi.Order.Uint32(b[4*i:])
		}
		return v, nil
	},
}
