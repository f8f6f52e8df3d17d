package netbsd

import (
	"strings"
	"testing"

	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/netbsd"
)

// routeMessage is a message of one address: of a type, with a structure in
// front, in which put sets members.
func routeMessage(a *abi.ABI, t MessageType, layout string, set map[string]int64, addrs ...[]byte) []byte {
	r := newRecord(a, layout)
	for name, v := range set {
		r.put(name, v)
	}
	b := r.b
	for _, addr := range addrs {
		b = append(b, addr...)
		b = append(b, make([]byte, -len(b)&7)...)
	}
	a.Order.PutUint16(b, uint16(len(b)))
	b[2], b[3] = messageVersion, byte(t)
	return b
}

func link(index byte, name string, mac ...byte) []byte {
	b := append([]byte{0, familyLink, index, 0, 6, byte(len(name)), byte(len(mac)), 0}, name...)
	b = append(b, mac...)
	b[0] = byte(len(b))
	return b
}

var samples = [][]byte{
	routeMessage(netbsd.AMD64, RTM_IFINFO, "if_msghdr", map[string]int64{
		"ifm_addrs": 1 << axIfp, "ifm_flags": 0x8843, "ifm_index": 2, "ifm_data.ifi_mtu": 1500, "ifm_data.ifi_ibytes": 1 << 40, "ifm_data.ifi_type": 6,
	}, link(2, "wm0", 1, 2, 3, 4, 5, 6)),
	routeMessage(netbsd.AMD64, RTM_NEWADDR, "ifa_msghdr", map[string]int64{"ifam_addrs": 1<<axNetmask | 1<<axIfa, "ifam_index": 2},
		[]byte{7, 2, 0, 0, 0xff, 0xff, 0xf0}, []byte{16, 2, 0, 0, 10, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0}),
	routeMessage(netbsd.AMD64, RTM_GET, "rt_msghdr", map[string]int64{
		"rtm_addrs": 1<<axDst | 1<<axGateway | 1<<axNetmask, "rtm_index": 2, "rtm_flags": 0x843, "rtm_errno": 3, "rtm_seq": 7, "rtm_pid": 9,
	}, []byte{16, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, []byte{16, 2, 0, 0, 10, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}, []byte{0}),
	routeMessage(netbsd.AMD64, RTM_IFANNOUNCE, "if_announcemsghdr", map[string]int64{"ifan_index": 5, "ifan_what": 1}),
}

func TestParseRouteMessages(t *testing.T) {
	var all []byte
	for _, s := range samples {
		all = append(all, s...)
	}
	other := append([]byte(nil), samples[0]...)
	other[2] = 3 // an old version
	all = append(all, other...)
	list, err := ParseRouteMessages(netbsd.AMD64, all)
	if err != nil || len(list) != len(samples) {
		t.Fatalf("%d messages, %v, want %d", len(list), err, len(samples))
	}
	if i := list[0].Interface; i.Name != "wm0" || i.MTU != 1500 || i.HardwareAddr.String() != "01:02:03:04:05:06" ||
		i.Stats.RXBytes != 1<<40 || i.Flags.String() != "IFF_UP|IFF_BROADCAST|IFF_RUNNING|IFF_SIMPLEX|IFF_MULTICAST" {
		t.Errorf("the interface is %+v", i)
	}
	if a := list[1].Address; a.Prefix.String() != "10.1.2.3/20" || a.Index != 2 {
		t.Errorf("the address is %+v", a)
	}
	if m := list[2]; m.Route.Dst.String() != "0.0.0.0/0" || m.Route.Gateway.String() != "10.1.0.1" || m.Errno != 3 || m.Seq != 7 || m.PID != 9 {
		t.Errorf("the route is %+v", m)
	}
	if m := list[3]; m.Index != 5 || !m.Departed {
		t.Errorf("the announcement is %+v", m)
	}
}

func TestHostileRouteMessages(t *testing.T) {
	for what, spoil := range map[string]func(b []byte) []byte{
		"cut in its head":        func(b []byte) []byte { return b[:3] },
		"its length is 0":        func(b []byte) []byte { b[0], b[1] = 0, 0; return b },
		"its length is too long": func(b []byte) []byte { b[1] = 0xff; return b },
		"bytes, if_msghdr has":   func(b []byte) []byte { b[0] = 20; return b[:20] },
		"address 4 has":          func(b []byte) []byte { b[152] = 0xf0; return b },
		"address 5 is not there": func(b []byte) []byte { b[4] |= 1 << axIfa; return b },
	} {
		list, err := ParseRouteMessages(netbsd.AMD64, spoil(append([]byte(nil), samples[0]...)))
		if err == nil {
			t.Errorf("%s: %+v", what, list)
		} else if strings.Contains(what, "address") && !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want an error that says %q", err, what)
		}
	}
}

func FuzzRouteMessages(f *testing.F) {
	for _, s := range samples {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := ParseRouteMessages(netbsd.AMD64, b)
		if len(list)*messageHead > len(b) {
			t.Errorf("%d bytes have %d messages, %v", len(b), len(list), err)
		}
	})
}
