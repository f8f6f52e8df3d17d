package sys_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/darwin"
	"github.com/anykernel/anykernel/sys/abi/freebsd"
	"github.com/anykernel/anykernel/sys/abi/linux"
	"github.com/anykernel/anykernel/sys/abi/netbsd"
	"github.com/anykernel/anykernel/sys/abi/openbsd"
)

// socketABIs differ in what stands in front of an address, in the numbers of
// families, in byte order and in alignment.
var socketABIs = []*abi.ABI{
	linux.AMD64, linux.ARM64, linux.S390X, linux.I386,
	netbsd.AMD64, netbsd.ARM64, freebsd.AMD64, openbsd.AMD64, darwin.ARM64,
}

func abiName(a *abi.ABI) string { return a.OS + "/" + a.Arch }

func ExampleDecodeAddr() {
	// The same address as Linux and as NetBSD have it.
	for _, a := range []*abi.ABI{linux.AMD64, netbsd.AMD64} {
		b, _ := sys.EncodeAddr(a, sys.Inet(netip.MustParseAddr("10.0.0.1"), 80))
		addr, err := sys.DecodeAddr(a, b)
		fmt.Printf("% x = %v, %v\n", b, addr, err)
	}
	// Output:
	// 02 00 00 50 0a 00 00 01 00 00 00 00 00 00 00 00 = 10.0.0.1:80, <nil>
	// 10 02 00 50 0a 00 00 01 00 00 00 00 00 00 00 00 = 10.0.0.1:80, <nil>
}

func TestAddrRoundTrip(t *testing.T) {
	addrs := []sys.Addr{
		sys.Inet(netip.MustParseAddr("127.0.0.1"), 8080),
		sys.Inet(netip.MustParseAddr("::1"), 65535),
		sys.Inet(netip.MustParseAddr("fe80::1%7"), 1),
		sys.InetAddr{AddrPort: netip.MustParseAddrPort("[2001:db8::1]:53"), FlowInfo: 0x0bcdef01},
		sys.UnixAddr{},
		sys.UnixAddr{Path: "/run/socket"},
		sys.UnixAddr{Path: strings.Repeat("p", 100)},
		sys.RawAddr{Number: 77, Data: []byte{1, 2, 3}},
	}
	linuxOnly := []sys.Addr{
		sys.UnixAddr{Path: "name\x00with NUL", Abstract: true},
		sys.UnixAddr{Path: strings.Repeat("a", 107), Abstract: true},
		sys.UnixAddr{Path: strings.Repeat("p", 108)},
		sys.NetlinkAddr{Port: 1234, Groups: 0x80000001},
		sys.LinkAddr{Index: 3, Type: 1, HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 9}, Protocol: sys.ETH_P_ALL, PacketType: 4},
	}
	bsdOnly := []sys.Addr{
		sys.LinkAddr{Index: 3, Type: 6, HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 9}, Name: "wm0"},
	}
	for _, a := range socketABIs {
		t.Run(abiName(a), func(t *testing.T) {
			mine, others := linuxOnly, bsdOnly
			if a.OS != "linux" {
				mine, others = bsdOnly, linuxOnly
			}
			for _, want := range append(mine[:len(mine):len(mine)], addrs...) {
				b, err := sys.EncodeAddr(a, want)
				if err != nil {
					t.Errorf("encode %v: %v", want, err)
					continue
				}
				got, err := sys.DecodeAddr(a, b)
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%#v became %#v, %v", want, got, err)
				}
			}
			for _, addr := range others {
				if a.OS == "linux" {
					break // a sockaddr_ll takes what the BSDs put into theirs but for the name
				}
				if b, err := sys.EncodeAddr(a, addr); err == nil && addr.Family() != sys.AF_PACKET {
					t.Errorf("%#v of another OS became % x", addr, b)
				}
			}
		})
	}
}

func TestAddrRefused(t *testing.T) {
	bad := []sys.Addr{
		sys.InetAddr{},
		sys.Inet(netip.MustParseAddr("fe80::1%eth0"), 1),
		sys.UnixAddr{Path: "a\x00b"},
		sys.UnixAddr{Path: strings.Repeat("p", 109)},
		sys.UnixAddr{Path: strings.Repeat("p", 108), Abstract: true},
		sys.LinkAddr{HardwareAddr: make(net.HardwareAddr, 300)},
		sys.RawAddr{Data: make([]byte, 300)},
	}
	for _, a := range socketABIs {
		for _, addr := range bad {
			if b, err := sys.EncodeAddr(a, addr); err == nil {
				t.Errorf("%s: %#v became % x", abiName(a), addr, b)
			}
		}
	}
}

// TestInetTextEqualsNetip holds what addresses print and parse to against
// net/netip, which follows RFC 5952.
func TestInetTextEqualsNetip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		var raw [16]byte
		for i := range raw {
			if rng.IntN(3) > 0 { // zeros, so that runs of them occur
				raw[i] = byte(rng.Uint32())
			}
		}
		ip := netip.AddrFrom16(raw)
		if rng.IntN(2) == 0 {
			ip = netip.AddrFrom4([4]byte(raw[:4]))
		}
		want := netip.AddrPortFrom(ip, uint16(rng.Uint32()))
		for _, a := range []*abi.ABI{linux.AMD64, netbsd.AMD64} {
			b, err := sys.EncodeAddr(a, sys.InetAddr{AddrPort: want})
			if err != nil {
				t.Fatal(err)
			}
			got, err := sys.DecodeAddr(a, b)
			if err != nil || got.String() != want.String() {
				t.Fatalf("%v became %v, %v", want, got, err)
			}
			if parsed, err := sys.ParseInetAddr(got.String()); err != nil || parsed != got {
				t.Fatalf("%v was read as %v, %v", got, parsed, err)
			}
		}
	}
}

func FuzzDecodeAddr(f *testing.F) {
	for i, a := range socketABIs {
		for _, addr := range []sys.Addr{
			sys.Inet(netip.MustParseAddr("fe80::1%7"), 1), sys.UnixAddr{Path: "/x"}, sys.LinkAddr{Index: 1},
		} {
			b, err := sys.EncodeAddr(a, addr)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), b)
			f.Add(uint8(i), b[:len(b)-1])
		}
	}
	f.Add(uint8(0), []byte{})
	f.Add(uint8(4), []byte{200, 18, 1, 0, 6, 255, 255, 0})
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		a := socketABIs[int(which)%len(socketABIs)]
		addr, err := sys.DecodeAddr(a, b)
		if (addr == nil) != (err != nil) {
			t.Fatalf("address %v with error %v", addr, err)
		}
		if err != nil {
			return
		}
		_ = addr.String()
		again, err := sys.EncodeAddr(a, addr)
		if err != nil {
			return // the kernel's to give, and nobody's to ask for
		}
		if got, err := sys.DecodeAddr(a, again); err != nil || unpadded(got) != unpadded(addr) {
			t.Fatalf("%#v from % x became %#v from % x, %v", addr, b, got, again, err)
		}
	})
}

// unpadded is an address as text. What has no type of its own may get zeros
// behind it, because BSD kernels want 16 bytes.
func unpadded(a sys.Addr) string {
	if raw, ok := a.(sys.RawAddr); ok {
		raw.Data = bytes.TrimRight(raw.Data, "\x00")
		return raw.String()
	}
	return a.String()
}

func FuzzControlMessages(f *testing.F) {
	for i, a := range socketABIs {
		b, err := sys.AppendControl(a, nil, sys.RawControl{Level: 1, Type: 1, Data: []byte("data")})
		if err != nil {
			f.Fatal(err)
		}
		b, _ = sys.AppendControl(a, b, sys.RawControl{Level: -1, Type: 2, Data: []byte("more data")})
		f.Add(uint8(i), b)
		f.Add(uint8(i), b[:len(b)-3])
		f.Add(uint8(i), make([]byte, 64))
		f.Add(uint8(i), bytes.Repeat([]byte{0xff}, 64))
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		a := socketABIs[int(which)%len(socketABIs)]
		n := 0
		for m, err := range sys.ControlMessages(a, b) {
			if n++; n > len(b) {
				t.Fatal("more messages than bytes")
			}
			if err == nil && len(m.Data) > len(b) {
				t.Fatal("more data than bytes")
			}
		}
	})
}

func TestControlRoundTrip(t *testing.T) {
	for _, a := range socketABIs {
		var b []byte
		var err error
		var want []sys.RawControl
		for i := range 20 {
			m := sys.RawControl{Level: i, Type: -i, Data: bytes.Repeat([]byte{byte(i)}, i)}
			want = append(want, m)
			before := len(b)
			if b, err = sys.AppendControl(a, b, m); err != nil {
				t.Fatal(err)
			}
			if got := sys.ControlSpace(a, i); got != len(b)-before {
				t.Errorf("%s: %d bytes take %d, ControlSpace says %d", abiName(a), i, len(b)-before, got)
			}
		}
		var got []sys.RawControl
		for m, err := range sys.ControlMessages(a, b) {
			if err != nil {
				t.Fatalf("%s: %v", abiName(a), err)
			}
			got = append(got, m)
		}
		if len(got) != len(want) {
			t.Fatalf("%s: %d messages, want %d", abiName(a), len(got), len(want))
		}
		for i := range got {
			if got[i].Level != want[i].Level || got[i].Type != want[i].Type || !bytes.Equal(got[i].Data, want[i].Data) {
				t.Errorf("%s: %v became %v", abiName(a), want[i], got[i])
			}
		}
	}
}
