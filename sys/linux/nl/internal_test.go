package nl

import (
	"net/netip"
	"testing"

	"github.com/mdlayher/netlink"
)

func FuzzParse(f *testing.F) {
	b, err := (&netlink.Message{Header: netlink.Header{Length: 20, Type: 16}, Data: []byte{1, 2, 3, 4}}).MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(append(b, b...))
	f.Add(b[:len(b)-1])
	f.Add([]byte{})
	f.Add([]byte{255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		ms, err := parse(b)
		total := 0
		for _, m := range ms {
			total += headerSize + len(m.Data)
		}
		if err == nil && total > len(b) {
			t.Fatalf("%d bytes gave messages of %d", len(b), total)
		}
	})
}

func TestBroadcast(t *testing.T) {
	for prefix, want := range map[string]string{
		"10.1.2.3/24": "10.1.2.255", "10.1.2.3/8": "10.255.255.255", "10.1.2.3/30": "10.1.2.3", "192.168.77.1/20": "192.168.79.255",
		"10.1.2.3/31": "invalid IP", "10.1.2.3/32": "invalid IP", "127.0.0.1/8": "invalid IP", "fe80::1/64": "invalid IP", "1.2.3.4/0": "255.255.255.255",
	} {
		if got := broadcast(netip.MustParsePrefix(prefix)); got.String() != want {
			t.Errorf("broadcast of %s is %v, want %s", prefix, got, want)
		}
	}
}

func TestLinkFlagsText(t *testing.T) {
	if got := (IFF_UP | IFF_LOOPBACK | IFF_LOWER_UP | 1<<30).String(); got != "UP,LOOPBACK,LOWER_UP,0x40000000" {
		t.Errorf("the flags print as %s", got)
	}
}
