package vnet_test

import (
	"bytes"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/vnet"
)

// TestHostTap sends frames to an interface of the host and has them back from
// it, by a packet socket.
func TestHostTap(t *testing.T) {
	n := vnet.New(vnet.Config{})
	defer n.Close()
	host, x := get[*vnet.NIC](t)(n.NIC("host")), get[*vnet.NIC](t)(n.NIC("x"))
	get[*vnet.Link](t)(n.Link(host, x))
	tap, err := vnet.AttachTap(host, "aktest0")
	if errors.Is(err, os.ErrPermission) || errors.Is(err, os.ErrNotExist) {
		t.Skipf("the host gives no tap: %v (remedy: run as root, with /dev/net/tun)", err)
	}
	must(t, err)
	defer func() { must(t, tap.Close()) }()
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	req, err := unix.NewIfreq("aktest0")
	must(t, err)
	req.SetUint16(unix.IFF_UP)
	must(t, unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req))
	iface, err := net.InterfaceByName("aktest0")
	must(t, err)
	const protocol = 0x88b5 // for local experiments
	must(t, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol>>8 | protocol&0xff<<8, Ifindex: iface.Index}))
	must(t, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}))

	got := make(chan []byte, 100)
	link := get[hypercall.Link](t)(x.Attach(hypercall.NIC{}, func(b []byte) { got <- bytes.Clone(b) }))
	in := frameOf(broadcast, x.HardwareAddr(), "to the host, and some more bytes to fill it up")
	link.Send(in)
	buf := make([]byte, 100)
	size, err := unix.Read(fd, buf)
	if err != nil || !bytes.Equal(buf[:size], in) {
		t.Errorf("the host received %q, %v", buf[:size], err)
	}
	out := frameOf(x.HardwareAddr(), iface.HardwareAddr, "from the host, and some more bytes to fill it up")
	must(t, unix.Sendto(fd, out, 0, &unix.SockaddrLinklayer{Ifindex: iface.Index}))
	deadline := time.After(10 * time.Second)
	for { // the host says things of its own, too
		select {
		case b := <-got:
			if bytes.Equal(b, out) {
				return
			}
		case <-deadline:
			t.Fatal("nothing came from the host")
		}
	}
}
