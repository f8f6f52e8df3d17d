//go:build linux

package channel

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/anykernel/anykernel/xen/device"
	"github.com/anykernel/anykernel/xen/netstack"
)

// A Guest is the end of a channel in the guest: a listener for the connections
// of the host.
type Guest struct {
	net.Listener
	stack   *netstack.Stack
	control net.Conn
}

// Join takes part in a channel over the guest's interface that leads there,
// which it owns from then on. The host waits for Ready or Fail.
func Join(ctx context.Context, nic device.NIC) (*Guest, error) {
	s, err := netstack.New(ctx, nic, config(guestAddr))
	if err != nil {
		return nil, err
	}
	g := &Guest{stack: s}
	if g.control, err = s.DialContext(ctx, "tcp", at(hostAddr, controlPort)); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("nobody waits for this guest at the other end of its interface %v: %w", nic.HardwareAddr(), err)
	}
	if g.Listener, err = s.Listen("tcp", at(guestAddr, servicePort)); err != nil {
		g.Fail(err)
		_ = g.Close()
		return nil, err
	}
	return g, nil
}

// Ready tells the host that connections are accepted.
func (g *Guest) Ready() error {
	_, err := io.WriteString(g.control, ready)
	return err
}

// hearTime bounds what the host takes to hear a guest's last words.
const hearTime = 5 * time.Second

// Fail tells the host why they will not be, and waits until it has heard.
func (g *Guest) Fail(err error) {
	text := err.Error()
	_, _ = io.WriteString(g.control, text[:min(len(text), MaxReport)])
	if c, ok := g.control.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
	}
	_ = g.control.SetReadDeadline(time.Now().Add(hearTime))
	g.Wait()
}

// Wait waits until the host asks the guest to end, or is gone.
func (g *Guest) Wait() { _, _ = io.Copy(io.Discard, g.control) }

// Close leaves the channel.
func (g *Guest) Close() error {
	var err error
	if g.Listener != nil {
		err = g.Listener.Close()
	}
	_ = g.control.Close()
	_ = g.stack.Close()
	return err
}
