//go:build linux && amd64

package main

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestIPWord(t *testing.T) {
	for line, want := range map[string]string{
		"quiet":        "dhcp",
		"ip=dhcp":      "dhcp",
		"a ip=off -- ": "off",
		"ip=dhcp ip=10.4.0.2::10.4.0.1:255.255.255.0:urunc:eth0:off:10.4.0.3": "static 10.4.0.2/24 10.4.0.1 [10.4.0.3]",
		"ip=10.4.0.2":                  "static 10.4.0.2/8 invalid IP []",
		"x -- ip=off":                  "dhcp",
		"ip=::1":                       "want ip=ADDRESS",
		"ip=x":                         "want ip=ADDRESS",
		"ip=10.0.0.1:::255.0.255.0":    "no netmask",
		"ip=10.0.0.1:::x":              "no netmask",
		"ip=10.0.0.1::x:255.255.255.0": "no gateway",
	} {
		a, how, err := ipWord(line)
		got := how
		if how == "static" {
			got = "static " + a.addr.String() + " " + a.gateway.String() + " [" + strings.Join(texts(a.dns), " ") + "]"
		}
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
}

func texts(addrs []netip.Addr) (s []string) {
	for _, a := range addrs {
		s = append(s, a.String())
	}
	return s
}

func TestModuleTable(t *testing.T) {
	m := parseTable("mmio\tvirtio,ring\tacpi*:LNRO0005:*\nvirtio\t\nring\tvirtio\nnet\tvirtio\tvirtio:d00000001v*\nbroken\n")
	if len(m) != 4 || !slices.Equal(m["mmio"].needs, []string{"virtio", "ring"}) || len(m["virtio"].needs) != 0 {
		t.Fatalf("table %+v", m)
	}
	if got := wanted(m, []string{"acpi:PNP0501:", "acpi:LNRO0005:"}); got != "mmio" {
		t.Errorf("wanted is %q", got)
	}
	if got := wanted(m, []string{"virtio:d00000002v554D4551"}); got != "" {
		t.Errorf("a driver %q for a device that has none", got)
	}
}

var testMAC = net.HardwareAddr{0x52, 0x54, 0, 1, 2, 3}

// testReply is an answer, with options behind its type.
func testReply(kind byte, options ...byte) []byte {
	m := message(7, testMAC, kind, nil)
	m = m[:fixedSize+4]
	m[0] = bootReply
	copy(m[16:], []byte{10, 0, 2, 15})
	return append(append(m, optType, 1, kind), options...)
}

func TestParseReply(t *testing.T) {
	good := testReply(offer, 0, optMask, 4, 255, 255, 0, 0, optRouter, 8, 10, 0, 2, 2, 10, 0, 2, 9, optDNS, 8, 10, 0, 2, 3, 10, 0, 2, 4, optServer, 4, 10, 0, 2, 2, optEnd, 99)
	r, err := parseReply(good, 7, testMAC)
	if err != nil || r.kind != offer || r.addr.String() != "10.0.2.15/16" || r.gateway.String() != "10.0.2.2" ||
		strings.Join(texts(r.dns), " ") != "10.0.2.3 10.0.2.4" || !bytes.Equal(r.server, []byte{10, 0, 2, 2}) {
		t.Errorf("%+v, %v", r, err)
	}
	for name, m := range map[string][]byte{
		"another's": bytes.Replace(good, testMAC, net.HardwareAddr{1, 2, 3, 4, 5, 6}, 1),
		"short":     good[:fixedSize],
		"cut":       testReply(ack, optDNS, 8, 1),
		"cut size":  testReply(ack, optDNS),
		"mask":      testReply(ack, optMask, 4, 255, 0, 255, 0),
		"request":   message(7, testMAC, request, nil),
	} {
		if r, err := parseReply(m, 7, testMAC); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if _, err := parseReply(good, 8, testMAC); err == nil {
		t.Error("the answer to another question was taken")
	}
}

func FuzzParseReply(f *testing.F) {
	f.Add(testReply(offer, optMask, 4, 255, 255, 0, 0, optDNS, 4, 1, 2, 3, 4, optEnd))
	f.Add(message(7, testMAC, request, []byte{optServer, 0}))
	f.Fuzz(func(t *testing.T, b []byte) { parseReply(b, 7, testMAC) })
}
