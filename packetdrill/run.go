package packetdrill

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall/turns"
	"github.com/anykernel/anykernel/packetdrill/script"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/netif"
)

// A runner is one script on one kernel. One goroutine of a world runs it; a call
// that waits has one more.
type runner struct {
	cfg   Config
	name  string
	set   *settings
	wire  *wire
	flows flows
	stage *stage
	proc  *sys.Process
	files map[int64]int // live descriptors by the script's
	last  int64         // the script's descriptor of the connection that code is about
	call  *pending      // the call under way; nil: none
	code  *interpreter

	base time.Duration // when the event before was
}

// Run runs a script on a kernel of its own. The error is nil where all went as
// the script says; else it is a [script.Error] that names the line, and it is
// [ErrUnsupported] where the runner or the kernel's ABI lacks what the script
// needs. The context bounds the run in real time.
func Run(ctx context.Context, name, text string, c Config) error {
	s, err := script.Parse(name, define(text, c.Defines))
	if err != nil {
		return err
	}
	set, err := newSettings(s, c)
	if err != nil {
		return &script.Error{File: name, Line: 1, Err: err}
	}
	if c.Kernel == "" {
		c.Kernel = "sentry"
	}
	r := &runner{cfg: c, name: name, set: set, files: map[int64]int{}, last: -1, code: newInterpreter(c.Log)}
	result := turns.Run(1, turns.Options{Start: epoch}, func(world *turns.Scheduler) {
		r.stage = &stage{Scheduler: world}
		world.Fail(r.play(ctx, s))
	})
	return result.Err
}

// play runs the script on a new kernel.
func (r *runner) play(ctx context.Context, s *script.Script) error {
	k, err := r.boot(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	err = r.run(ctx, s)
	r.abandon()
	return errors.Join(err, k.Close())
}

// boot opens the kernel with the wire plugged in, and tells it its address and
// that the wire leads to everywhere.
func (r *runner) boot(ctx context.Context) (*sys.Kernel, error) {
	r.wire = &wire{stage: r.stage, set: r.set}
	k, err := sys.OpenConfig(ctx, r.cfg.Kernel, backends.Config{
		Host: r.stage.Host("script"), NICs: []backends.NIC{{Net: r.wire, MTU: r.set.mtu}},
	})
	if err != nil {
		return nil, err
	}
	if r.set.tolerance == 0 {
		r.set.tolerance = tolerance(k)
	}
	r.proc = k.Init()
	if err := r.configure(); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

func (r *runner) configure() error {
	name, err := netif.Name(r.proc, 0)
	if err != nil {
		return err
	}
	if err := netif.Configure(r.proc, name, netif.Config{Addrs: []netip.Prefix{netip.PrefixFrom(r.set.local, r.set.bits)}}); err != nil {
		return err
	}
	any := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	if r.set.ipv6 {
		any = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netif.AddRoute(r.proc, any, r.set.gateway)
}

func (r *runner) run(ctx context.Context, s *script.Script) error {
	at := func(line int, err error) error {
		if err == nil {
			return nil
		}
		return &script.Error{File: r.name, Line: line, Err: err}
	}
	if s.Init != nil {
		if err := r.command(s.Init); err != nil {
			return at(s.Init.Line, err)
		}
	}
	r.stage.settle()
	r.stage.begin()
	for i := range s.Events {
		if err := ctx.Err(); err != nil {
			return at(s.Events[i].Line, err)
		}
		if err := r.event(ctx, &s.Events[i]); err != nil {
			return at(s.Events[i].Line, err)
		}
	}
	if len(s.Events) > 0 {
		return at(s.Events[len(s.Events)-1].Line, r.finish())
	}
	return nil
}

// event does one event, or waits for it.
func (r *runner) event(ctx context.Context, e *script.Event) error {
	from, to := e.Time.From, e.Time.To
	if e.Time.Relative {
		from, to = from+r.base, to+r.base
	}
	if e.Time.Any {
		from, to = r.stage.now(), r.stage.now()+anyTime
	}
	before := r.base
	r.base = from
	if e.Packet != nil && !e.Packet.Inbound {
		if err := r.expect(e.Packet, from, to, e.Time.Any); err != nil {
			return err
		}
		if e.Time.Any || from != to {
			r.base = r.stage.now()
		}
		return nil
	}
	if e.Time.Any {
		from = r.base
	}
	r.stage.until(from)
	switch {
	case e.Packet != nil:
		return r.inject(e.Packet)
	case e.Call != nil:
		until := e.Call.Until
		if e.Time.Relative {
			until += before // as its start does, its end counts from the event before
		}
		return r.start(ctx, e.Call, from, until)
	case e.Code != nil:
		return r.runCode(e.Code)
	}
	return r.command(e.Command)
}

// anyTime is how long a script waits for what may come at any time.
const anyTime = time.Minute

func (r *runner) logf(format string, args ...any) {
	if r.cfg.Log != nil {
		fmt.Fprintf(r.cfg.Log, "%s "+format+"\n", append([]any{seconds(r.stage.now())}, args...)...)
	}
}

// inject hands a packet to the kernel.
func (r *runner) inject(p *script.Packet) error {
	// What the kernel does at this moment it does before.
	r.stage.settle()
	frame, err := r.build(p)
	if err != nil {
		return err
	}
	r.logf("< %d bytes", len(frame))
	r.wire.inject(frame)
	return nil
}

// expect waits for a packet, or for all parts of one.
func (r *runner) expect(p *script.Packet, from, to time.Duration, any bool) error {
	done := 0
	for {
		live, ok := r.wire.next(to + r.set.tolerance)
		if !ok {
			if done > 0 {
				return fmt.Errorf("of the packet that should have come until %s only %d bytes came", seconds(to), done)
			}
			return fmt.Errorf("no packet came until %s", seconds(to+r.set.tolerance))
		}
		r.logf("> %s", describe(live, nil))
		early, late := from-r.set.tolerance, to+r.set.tolerance
		next, err := r.match(p, live.packet, done)
		if err != nil {
			return fmt.Errorf("another packet came, %s: %w", describe(live, r.latest()), err)
		}
		if !any && (live.at < early || live.at > late) {
			return fmt.Errorf("the packet came at %s instead of %s", seconds(live.at), seconds(from))
		}
		if done = next; done == 0 {
			return nil
		}
	}
}

func (r *runner) latest() *flow {
	if len(r.flows.list) == 0 {
		return nil
	}
	return r.flows.list[len(r.flows.list)-1]
}
