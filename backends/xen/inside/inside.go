//go:build linux

package inside

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/remote/server"
	"github.com/anykernel/anykernel/xen/channel"
	"github.com/anykernel/anykernel/xen/device"
)

// Main serves a kernel until it is told to end, and does not return. The
// program's first argument is the kernel's specification; spec, where there is
// none.
func Main(spec string) {
	if len(os.Args) > 1 {
		spec = os.Args[1]
	}
	if err := Serve(spec); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// joinTime bounds what the other end takes to answer.
const joinTime = 30 * time.Second

// maxClients bounds the processes that the other end may have.
const maxClients = 4 << 10

// Serve opens a kernel and serves it over the guest's first interface, until
// the other end asks for the end.
func Serve(spec string) error {
	devices, err := device.Open()
	if err != nil {
		return err
	}
	nic, err := devices.NIC(0)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), joinTime)
	defer cancel()
	g, err := channel.Join(ctx, nic)
	if err != nil {
		return err
	}
	defer g.Close()
	k, err := backends.Open(ctx, spec, backends.Config{Console: os.Stdout, Guests: true})
	if err != nil {
		g.Fail(err)
		return err
	}
	return errors.Join(serve(g, k, spec), k.Close())
}

func serve(g *channel.Guest, k backends.Kernel, spec string) error {
	s, err := server.New(k, server.Options{Name: spec, MaxClients: maxClients})
	if err != nil {
		g.Fail(err)
		return err
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(g.Listener) }()
	go func() {
		g.Wait()
		_ = s.Close()
	}()
	if err := g.Ready(); err != nil {
		return errors.Join(err, s.Close())
	}
	select {
	case err = <-served:
	case <-k.Done():
		err = k.Err()
	}
	if errors.Is(err, server.ErrClosed) {
		err = nil // as it was asked for
	}
	return errors.Join(err, s.Close())
}
