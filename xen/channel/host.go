//go:build linux

package channel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/anykernel/anykernel/xen/launch"
	"github.com/anykernel/anykernel/xen/netstack"
)

// A Host is the end of a channel outside of the guest.
type Host struct {
	dir   string
	l     *net.UnixListener
	stack *netstack.Stack
	// control is the connection that the guest keeps for as long as it serves.
	control net.Conn
	gone    chan struct{} // closed when control has ended
	hung    sync.Once     // HangUp
}

// NewHost makes a channel that has no guest yet.
func NewHost() (*Host, error) {
	dir, err := os.MkdirTemp("", "anykernel-guest") // nobody else may enter
	if err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: filepath.Join(dir, "net")})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &Host{dir: dir, l: l, gone: make(chan struct{})}, nil
}

// Network is the interface that the guest has to have.
func (h *Host) Network() launch.Network {
	return launch.Network{Stream: h.l.Addr().String(), MAC: guestMAC}
}

// Accept waits for the guest, which serves when Accept has returned nil. It is
// called once.
func (h *Host) Accept(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = h.l.Close() })
	defer stop()
	err := h.accept(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

func (h *Host) accept(ctx context.Context) error {
	conn, err := h.l.Accept()
	if err != nil {
		return err
	}
	_ = h.l.Close() // there is one guest
	if h.stack, err = netstack.New(ctx, newWire(conn, hostMAC), config(hostAddr)); err != nil {
		return err
	}
	l, err := h.stack.Listen("tcp", at(hostAddr, controlPort))
	if err != nil {
		return err
	}
	defer l.Close()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	if h.control, err = l.Accept(); err != nil {
		return err
	}
	if err := h.readReport(ctx); err != nil {
		return err
	}
	go func() {
		defer close(h.gone)
		_, _ = io.Copy(io.Discard, h.control)
	}()
	return nil
}

// readReport waits until the guest says that it is ready.
func (h *Host) readReport(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = h.control.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var b [MaxReport]byte
	n := 0
	for n < len(b) {
		m, err := h.control.Read(b[n:])
		n += m
		if string(b[:n]) == ready {
			return nil
		}
		if err != nil {
			break
		}
	}
	if text := strings.TrimSpace(string(b[:n])); text != "" {
		return fmt.Errorf("the guest says: %s", text)
	}
	return errors.New("the guest did not say whether it is ready")
}

// Dial connects to what the guest serves.
func (h *Host) Dial(ctx context.Context) (net.Conn, error) {
	select {
	case <-h.gone:
		return nil, errors.New("the guest does not serve any more")
	default:
		return h.stack.DialContext(ctx, "tcp", at(guestAddr, servicePort))
	}
}

// Gone is closed when the guest does not serve any more.
func (h *Host) Gone() <-chan struct{} { return h.gone }

// Shutdown asks the guest to end. It reports whether there is one to ask.
func (h *Host) Shutdown() bool {
	if h.control == nil {
		return false
	}
	_ = h.control.Close()
	return true
}

// HangUp ends all connections. It is for a guest that has ended: TCP would wait
// for it. It is called after Accept.
func (h *Host) HangUp() {
	h.hung.Do(func() {
		if h.stack != nil {
			_ = h.stack.Close()
		}
	})
}

// Close ends the channel and its connections.
func (h *Host) Close() error {
	h.Shutdown()
	_ = h.l.Close()
	h.HangUp()
	return os.RemoveAll(h.dir)
}
