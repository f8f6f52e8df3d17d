package sys

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/sys/abi"
)

// A Kernel is a running kernel.
type Kernel struct {
	raw  backends.Kernel
	name string
	tab  *table
	init *Process
	// sched runs this kernel and the goroutines that use it; nil: Go does.
	sched hypercall.Scheduler

	mu      sync.Mutex
	pollers []*poller
	closing bool
}

// Open opens the kernel that spec describes, such as "sentry" or
// "sentry:hostname=box"; see [backends.Spec] for the form and the command
// "anykernel kernels" for the kernels there are. A program has the backends
// that it imports. The context bounds the opening only.
func Open(ctx context.Context, spec string) (*Kernel, error) {
	return OpenConfig(ctx, spec, backends.Config{})
}

// OpenConfig is Open with a console and a log.
func OpenConfig(ctx context.Context, spec string, cfg backends.Config) (*Kernel, error) {
	raw, err := backends.Open(ctx, spec, cfg)
	if err != nil {
		return nil, err
	}
	return newKernel(raw, spec, cfg.Host.Scheduler), nil
}

// New is the API over a kernel that was opened in some other way. It takes
// over raw. The name is what errors call the kernel.
func New(raw backends.Kernel, name string) *Kernel { return newKernel(raw, name, nil) }

func newKernel(raw backends.Kernel, name string, s hypercall.Scheduler) *Kernel {
	k := &Kernel{raw: raw, name: name, tab: tableOf(raw.ABI()), sched: s}
	k.init = k.process(raw.Init(), k.table(raw.Init()))
	return k
}

// table stands for the descriptors of a process that has its own.
func (k *Kernel) table(owner backends.Process) *descriptorTable {
	return &descriptorTable{owner: owner, mu: callLock{sched: k.sched}}
}

// Name is the specification that the kernel was opened with.
func (k *Kernel) Name() string { return k.name }

// ABI is the binary interface of the kernel's raw calls.
func (k *Kernel) ABI() *abi.ABI { return k.tab.abi }

// Capabilities is what the kernel can do.
func (k *Kernel) Capabilities() backends.Capabilities { return k.raw.Capabilities() }

// Raw is the kernel as its backend made it.
func (k *Kernel) Raw() backends.Kernel { return k.raw }

// Init is the first process. It lives as long as the kernel. On the host it
// is the process of this program.
func (k *Kernel) Init() *Process { return k.init }

// NewProcess makes a child of the first process with no files open.
func (k *Kernel) NewProcess(ctx context.Context) (*Process, error) {
	return k.init.Fork(ctx, backends.CleanDescriptors)
}

// Done is closed when the kernel has ended, by Close or by itself.
func (k *Kernel) Done() <-chan struct{} { return k.raw.Done() }

// Err is nil while the kernel runs; afterwards it says why it does not: a
// *backends.PanicError, or backends.ErrClosed.
func (k *Kernel) Err() error { return k.raw.Err() }

// Close ends the kernel with everything in it. Files and connections of the
// kernel need not be closed before. A second Close returns nil.
func (k *Kernel) Close() error {
	k.stopPollers()
	if err := k.raw.Close(); err != nil {
		return fmt.Errorf("close kernel %s: %w", k.name, err)
	}
	return nil
}

// stopPollers ends those that wait by pollers, and their goroutines.
func (k *Kernel) stopPollers() {
	k.mu.Lock()
	k.closing = true
	pollers := k.pollers
	k.pollers = nil
	k.mu.Unlock()
	for _, po := range pollers {
		po.stop()
	}
}

func (k *Kernel) addPoller(po *poller) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closing {
		return backends.ErrClosed
	}
	k.pollers = slices.DeleteFunc(k.pollers, func(po *poller) bool { return !po.alive() })
	k.pollers = append(k.pollers, po)
	return nil
}

func (k *Kernel) process(raw backends.Process, t *descriptorTable) *Process {
	return &Process{processState: &processState{k: k, raw: raw, fds: t}}
}
