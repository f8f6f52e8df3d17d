package link

import (
	"net"
	"sync"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/xen/device"
)

// Net is what a kernel's network interface is plugged into to be nic, with its
// address: in a guest, [backends.NIC] of a kernel that is opened there. It takes
// one interface, once. That interface's end closes nic.
func Net(nic device.NIC) hypercall.Net { return &network{nic: nic} }

type network struct {
	nic  device.NIC
	once sync.Once
}

// Attach starts to read nic's frames.
func (n *network) Attach(_ hypercall.NIC, receive func([]byte)) (hypercall.Link, error) {
	var c *cable
	n.once.Do(func() {
		c = &cable{nic: n.nic}
		c.reader.Go(func() { readFrames(n.nic, receive) })
	})
	if c == nil {
		return nil, hypercall.ErrUnimplemented // there is no second interface here
	}
	return c, nil
}

// A cable is nic, as a kernel sees it.
type cable struct {
	nic    device.NIC
	reader sync.WaitGroup
}

var _ hypercall.Addressed = (*cable)(nil)

// Send drops what the interface refuses, as a cable does.
func (c *cable) Send(frame []byte)              { _ = c.nic.WriteFrame(frame) }
func (c *cable) HardwareAddr() net.HardwareAddr { return c.nic.HardwareAddr() }

func (c *cable) Close() error {
	err := c.nic.Close()
	c.reader.Wait()
	return err
}

// readFrames hands frames on until nic is closed.
func readFrames(nic device.NIC, receive func([]byte)) {
	frame := make([]byte, nic.MTU()+headerSize)
	for {
		n, err := nic.ReadFrame(frame)
		if err != nil {
			return
		}
		receive(frame[:n])
	}
}
