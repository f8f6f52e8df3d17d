//go:build linux

package xen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/images"
	"github.com/anykernel/anykernel/internal/tail"
	"github.com/anykernel/anykernel/xen/channel"
	"github.com/anykernel/anykernel/xen/launch"
)

func requirements() []backends.Requirement {
	_, err := exec.LookPath(launch.DefaultQEMU)
	return []backends.Requirement{{Name: "QEMU", Err: err, Remedy: "apt-get install qemu-system-x86"}}
}

func open(ctx context.Context, s backends.Spec, cfg backends.Config) (backends.Kernel, error) {
	o, err := parse(s)
	if err != nil {
		return nil, err
	}
	g, err := start(ctx, s.String(), o, cfg)
	if err != nil {
		return nil, err
	}
	return backends.Connect(ctx, backends.Connection{Name: g.name, Dial: g.host.Dial, Owner: g})
}

// tailSize is how much of a guest's console is kept.
const tailSize = 16 << 10

// A guest is that of one kernel.
type guest struct {
	name    string // the specification
	host    *channel.Host
	machine *launch.Guest
	stop    context.CancelFunc
	console tail.Buffer
}

// start starts a guest and waits until it serves its kernel.
func start(ctx context.Context, name string, o options, cfg backends.Config) (*guest, error) {
	image, err := images.Open(o.image)
	if err != nil {
		return nil, err
	}
	var args []string
	if o.kernel != "" {
		args = []string{o.kernel}
	}
	line, err := image.WithArguments(args)
	if err != nil {
		return nil, err
	}
	g := &guest{name: name, console: tail.Buffer{Size: tailSize}}
	if g.host, err = channel.NewHost(); err != nil {
		return nil, err
	}
	c := launch.Config{
		Image: o.image, CommandLine: line, MemoryMiB: o.memory, CPUs: o.cpus, Accel: o.accel,
		Networks: []launch.Network{g.host.Network()}, Console: g.consoleOf(cfg), Log: cfg.Logger(),
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	g.stop = stop
	if g.machine, err = launch.Start(life, c); err != nil {
		stop()
		return nil, errors.Join(err, g.host.Close())
	}
	if err := g.wait(ctx); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	go func() { // until Close at the latest
		<-g.machine.Done()
		g.host.HangUp()
	}()
	return g, nil
}

// consoleOf is where the guest prints to.
func (g *guest) consoleOf(cfg backends.Config) io.Writer {
	if c := cfg.WholeHost().Console; c != nil {
		return io.MultiWriter(&g.console, printer{c.Print})
	}
	return &g.console
}

// A printer writes to a console.
type printer struct{ print func([]byte) error }

func (p printer) Write(b []byte) (int, error) { return len(b), p.print(b) }

// wait waits until the guest serves. One that ends instead says why on its
// console.
func (g *guest) wait(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-g.machine.Done():
			cancel(g.ended())
		case <-ctx.Done():
		}
	}()
	err := g.host.Accept(ctx)
	cancel(nil)
	<-watched
	return err
}

// ended says how the guest ended.
func (g *guest) ended() error {
	status, err := g.machine.Wait()
	reason := fmt.Sprintf("the guest ended with status %d", status)
	if err != nil {
		reason = "the guest ended: " + err.Error()
	}
	if said := lastLine(g.console.String()); said != "" {
		reason += ": " + said
	}
	return errors.New(reason)
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return strings.TrimSpace(s[strings.LastIndexByte(s, '\n')+1:])
}

// Times that a guest gets, which may be one of many on a busy machine.
const (
	deathTime = 2 * time.Second  // to end, when its connection did
	closeTime = 10 * time.Second // to close its kernel
)

// Died says why the connection was lost.
func (g *guest) Died(err error) error {
	reason := fmt.Sprintf("the connection to its guest was lost: %v", err)
	select {
	case <-g.machine.Done():
		reason = g.ended().Error()
	case <-time.After(deathTime):
	}
	return &backends.PanicError{Kernel: g.name, Reason: reason, Console: g.console.Bytes()}
}

// Close lets the guest close its kernel, and ends it.
func (g *guest) Close() error {
	defer g.stop()
	var err error
	if g.host.Shutdown() {
		select {
		case <-g.machine.Done():
		case <-time.After(closeTime):
			err = fmt.Errorf("the guest was not ready after %v, and was killed", closeTime)
		}
	}
	return errors.Join(err, g.machine.Kill(), g.host.Close())
}
