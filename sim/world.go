package sim

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall/turns"
	"github.com/anykernel/anykernel/hypercall/vnet"
	"github.com/anykernel/anykernel/netlab"
	"github.com/anykernel/anykernel/sys"
)

// Options are what a run depends on besides its seed. The zero Options are
// valid.
type Options struct {
	turns.Options
	// Kernel is the specification of kernels of which nothing is said; "" is
	// "rump".
	Kernel string
	// Console is where the kernel of a name prints to. nil: nowhere.
	Console func(kernel string) io.Writer
	// Configure changes what a kernel is opened with, such as its hooks. The
	// scheduler and the source of randomness of cfg.Host are the world's, and
	// stay. nil: nothing is changed.
	Configure func(kernel string, cfg *backends.Config)
	// Tap is told of every frame that enters a link of a lab. nil: nobody is.
	Tap func(vnet.Passage)
}

// A Result is how a run ended.
type Result = turns.Result

// A World is one run. See [turns.Scheduler] for its time, its goroutines, its
// chance and its end.
type World struct {
	*turns.Scheduler
	opts Options
}

// Run makes a world of a seed and runs main in it; see [turns.Run]. The kernels
// are closed at its end.
func Run(seed uint64, o Options, main func(w *World)) Result {
	return turns.Run(seed, o.Options, func(s *turns.Scheduler) { main(&World{s, o}) })
}

// DefaultKernel is the specification of kernels of which nothing is said.
func (w *World) DefaultKernel() string { return cmp.Or(w.opts.Kernel, "rump") }

// Config is what a kernel of this world is opened with.
func (w *World) Config(name string) backends.Config {
	cfg := backends.Config{Host: w.Host(name)}
	if w.opts.Console != nil {
		cfg.Console = w.opts.Console(name)
	}
	if w.opts.Configure != nil {
		w.opts.Configure(name, &cfg)
	}
	return cfg
}

// Kernel opens a kernel by its specification, such as "rump:netinet". It is
// closed at the end of the run. A kernel that does not open fails the run.
func (w *World) Kernel(name, spec string) *sys.Kernel {
	k, err := w.OpenKernel(name, spec)
	w.Check(err)
	return k
}

// OpenKernel is Kernel that returns its error.
func (w *World) OpenKernel(name, spec string) (*sys.Kernel, error) {
	k, err := sys.OpenConfig(context.Background(), spec, w.Config(name))
	if err != nil {
		return nil, err
	}
	w.Cleanup(func() { w.closed("kernel "+name, k.Close()) })
	return k, nil
}

// Lab opens the kernels of a topology and joins them by a network; see
// [netlab.Open]. What the links do to frames are faults of the run. The lab is
// closed at the end of the run. One that does not open fails the run.
func (w *World) Lab(topology string) *netlab.Lab {
	l, err := w.OpenLab(topology)
	w.Check(err)
	return l
}

// OpenLab is Lab that returns its error.
func (w *World) OpenLab(topology string) (*netlab.Lab, error) {
	l, err := netlab.Open(context.Background(), topology, netlab.Config{
		Kernel: w.DefaultKernel(), Network: w.NetworkConfig(), Node: w.Config,
	})
	if err != nil {
		return nil, err
	}
	if w.opts.Tap != nil {
		l.Network.Tap(w.opts.Tap)
	}
	w.Connect(l.Network)
	w.Cleanup(func() { w.closed("lab", l.Close()) })
	return l, nil
}

func (w *World) closed(what string, err error) {
	if err != nil {
		w.Fail(fmt.Errorf("closing the %s: %w", what, err))
	}
}

// Check ends the run and the calling goroutine if there is an error.
func (w *World) Check(err error) {
	if err != nil {
		w.Failf("%w", err)
	}
}
