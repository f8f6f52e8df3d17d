package vnet

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/hypercall"
)

// A HostTap is a network interface of the host that is plugged into a network.
type HostTap struct {
	file *os.File
	link hypercall.Link
	done chan struct{}
}

// AttachTap makes an interface of the host, as tap(4) of Linux does, and plugs
// it in: what the host sends by it enters the network. It needs CAP_NET_ADMIN
// and /dev/net/tun. The host brings it up and gives it addresses, by ip(8). It
// is gone after Close. An interface that exists, and lasts, is used.
func AttachTap(at hypercall.Net, name string) (*HostTap, error) {
	file, err := openTap(name)
	if err != nil {
		return nil, fmt.Errorf("tap %q: %w", name, err)
	}
	t := &HostTap{file: file, done: make(chan struct{})}
	t.link, err = at.Attach(hypercall.NIC{Name: name}, func(frame []byte) {
		_, _ = file.Write(frame) // an interface that is down takes nothing
	})
	if err != nil {
		file.Close()
		return nil, err
	}
	go t.read()
	return t, nil
}

func openTap(name string) (*os.File, error) {
	const device = "/dev/net/tun"
	// Non-blocking, the file is the runtime poller's, and Close ends a Read.
	fd, err := unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: device, Err: err}
	}
	req, err := unix.NewIfreq(name)
	if err == nil {
		req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), device), nil
}

// read hands the host's frames to the network until the tap is closed.
func (t *HostTap) read() {
	defer close(t.done)
	frame := make([]byte, MaxFrame)
	for {
		n, err := t.file.Read(frame)
		if err != nil {
			return
		}
		t.link.Send(frame[:n])
	}
}

// Close takes the interface from the host.
func (t *HostTap) Close() error {
	err := t.link.Close()
	if e := t.file.Close(); err == nil {
		err = e
	}
	<-t.done
	return err
}
