package sys_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/sys"
)

// Headers are gopacket's to build; this package sends them.
func ExampleSocket_SendTo_rawPacket() {
	k, err := sys.Open(context.Background(), "sentry")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer k.Close()
	receiver, err := k.Init().ListenPacket(context.Background(), "udp", "127.0.0.1:9000")
	if err != nil {
		fmt.Println(err)
		return
	}
	raw, err := k.Init().Socket(sys.AF_INET, sys.SOCK_RAW|sys.SOCK_CLOEXEC, sys.IPPROTO_RAW)
	if err != nil {
		fmt.Println(err)
		return
	}
	packet := udpPacket(netip.MustParseAddrPort("127.0.0.1:7"), netip.MustParseAddrPort("127.0.0.1:9000"), []byte("hello"))
	if _, err := raw.SendTo(packet, 0, sys.Inet(netip.MustParseAddr("127.0.0.1"), 0)); err != nil {
		fmt.Println(err)
		return
	}
	b := make([]byte, 100)
	n, from, err := receiver.ReadFrom(b)
	fmt.Printf("%s from %v, %v\n", b[:n], from, err)
	// Output: hello from 127.0.0.1:7, <nil>
}

// udpPacket is an IPv4 packet with its checksums.
func udpPacket(from, to netip.AddrPort, data []byte) []byte {
	ip := &layers.IPv4{
		Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP,
		SrcIP: net.IP(from.Addr().AsSlice()), DstIP: net.IP(to.Addr().AsSlice()),
	}
	udp := &layers.UDP{SrcPort: layers.UDPPort(from.Port()), DstPort: layers.UDPPort(to.Port())}
	_ = udp.SetNetworkLayerForChecksum(ip)
	b := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(b, options, ip, udp, gopacket.Payload(data)); err != nil {
		panic(err) // the layers are complete
	}
	return b.Bytes()
}

// TestRandomPackets sends packets with headers of our own through a raw
// socket. The kernel drops those whose checksum is wrong; a verifier that
// shares nothing with the builder says so of each as well.
func TestRandomPackets(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		kerneltest.Need(t, k, backends.RawSockets)
		receiver, err := k.Init().ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer receiver.Close()
		receiver.SetReadDeadline(time.Now().Add(30 * time.Second))
		raw, err := k.Init().Socket(sys.AF_INET, sys.SOCK_RAW|sys.SOCK_CLOEXEC, sys.IPPROTO_RAW)
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		if k.ABI().OS != "linux" { // whose IPPROTO_RAW implies it
			if err := sys.IP_HDRINCL.Set(raw, true); err != nil {
				t.Fatal(err)
			}
		}
		to := receiver.LocalAddr().(*net.UDPAddr).AddrPort()
		rng := rand.New(rand.NewPCG(3, 4))
		got := make([]byte, 2000)
		for range 1000 {
			from := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(1+rng.IntN(65535)))
			data := make([]byte, rng.IntN(1400))
			for i := range data {
				data[i] = byte(rng.Uint32())
			}
			packet := udpPacket(from, to, data)
			verifyUDP(t, packet)
			if k.ABI().OS == "netbsd" || k.ABI().OS == "darwin" { // see ip(4): these want the machine's byte order
				for _, at := range []int{2, 6} { // length and offset
					k.ABI().Order.PutUint16(packet[at:], binary.BigEndian.Uint16(packet[at:]))
				}
			}
			if _, err := raw.SendTo(packet, 0, sys.Inet(to.Addr(), 0)); err != nil {
				t.Fatal(err)
			}
			n, addr, err := receiver.ReadFromUDPAddrPort(got)
			if err != nil || addr != from || !bytes.Equal(got[:n], data) {
				t.Fatalf("%d bytes from %v came as %d from %v, %v", len(data), from, n, addr, err)
			}
		}
	})
}

// verifyUDP checks the checksums of RFC 791 and RFC 768.
func verifyUDP(t *testing.T, b []byte) {
	t.Helper()
	if sum := onesSum(0, b[:20]); sum != 0xffff {
		t.Fatalf("the IP header sums up to %#x", sum)
	}
	udp := b[20:]
	pseudo := append(append([]byte(nil), b[12:20]...), 0, 17, byte(len(udp)>>8), byte(len(udp)))
	if sum := onesSum(uint32(onesSum(0, pseudo)), udp); sum != 0xffff {
		t.Fatalf("the UDP datagram sums up to %#x", sum)
	}
}

// onesSum is the one's complement sum of the 16-bit words of b.
func onesSum(sum uint32, b []byte) uint16 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum>>16 != 0 {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}
