//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/rump"
	"github.com/anykernel/anykernel/rump/kit"
	"github.com/anykernel/anykernel/sys/abi"
)

func requirements() []backends.Requirement { return []backends.Requirement{needKit()} }

// A Kernel is a NetBSD kernel in this process.
type Kernel struct {
	name      string // for PanicError
	raw       *rump.Kernel
	caps      backends.Capabilities
	abi       *abi.ABI
	init      *Process
	scheduled bool // by the host's scheduler

	once sync.Once
	err  error         // set before done is closed
	done chan struct{} // closed when the kernel has ended
}

var _ backends.Kernel = (*Kernel)(nil)

func open(ctx context.Context, s backends.Spec, cfg backends.Config) (backends.Kernel, error) {
	return Open(ctx, s, cfg)
}

// Open boots the kernel that a specification describes. What its Config's Host
// leaves out is answered as by hypercall.POSIX; its Params are further
// settings, as rump(7) has them.
func Open(ctx context.Context, s backends.Spec, cfg backends.Config) (*Kernel, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	set, err := parse(s)
	if err != nil {
		return nil, err
	}
	host := cfg.WholeHost()
	if err := set.inspectMounts(cfg.Hooks.Wrap(host)); err != nil {
		return nil, err
	}
	if len(cfg.NICs) > 0 {
		set.components = append(set.components, nicComponent)
	}
	if cfg.Guests {
		set.components = append(slices.Clone(set.components), rump.GuestComponent)
	}
	raw, err := rump.Boot(rump.Config{
		Kit: set.kit, Components: set.components, CPUs: set.cpus, Memory: set.memory,
		Hostname: set.hostname, Verbose: set.verbose, Debug: set.debug, Params: set.params(), Host: host, Hooks: cfg.Hooks, Log: cfg.Logger(),
	})
	if err != nil {
		return nil, named(s.String(), err)
	}
	k := &Kernel{name: s.String(), raw: raw, caps: capabilities(raw.Components()), abi: abiOf(raw), done: make(chan struct{}), scheduled: cfg.Host.Scheduler != nil}
	k.init = &Process{k: k, raw: raw.Init()}
	// The kernel may find no end in a damaged file system.
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	err = errors.Join(k.prepare(&set), k.createNICs(cfg.NICs))
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		raw.Close()
		return nil, named(s.String(), err)
	}
	go k.watch()
	return k, nil
}

// Components is what a kernel of a specification would be made of, in link
// order.
func Components(names ...string) ([]string, error) {
	k, err := kit.Open(kit.DefaultDir())
	if err != nil {
		return nil, err
	}
	list, err := k.Resolve(names...)
	if err != nil {
		return nil, err
	}
	var order []string
	for _, c := range list {
		order = append(order, c.Name)
	}
	return order, nil
}

// named gives a crash the kernel that crashed.
func named(kernel string, err error) error {
	var crash *rump.CrashError
	if errors.As(err, &crash) {
		return &backends.PanicError{Kernel: kernel, Reason: crash.Reason, Console: crash.Console}
	}
	return err
}

// watch ends the kernel on this side when it ends by itself.
func (k *Kernel) watch() {
	select {
	case <-k.raw.Ended():
		k.end(k.raw.Err())
	case <-k.done:
	}
}

// end remembers why the kernel ended. Only the first reason counts.
func (k *Kernel) end(err error) {
	k.once.Do(func() {
		k.err = backends.ErrClosed
		if crash := named(k.name, err); err != nil {
			if _, ok := crash.(*backends.PanicError); ok {
				k.err = crash
			}
		}
		close(k.done)
	})
}

// ABI is NetBSD's on this machine, with the calls that this kernel has.
func (k *Kernel) ABI() *abi.ABI { return k.abi }

// Raw is the kernel below, with what only NetBSD's has.
func (k *Kernel) Raw() *rump.Kernel { return k.raw }

// Capabilities depends on the kernel's components.
func (k *Kernel) Capabilities() backends.Capabilities { return k.caps }

// Init is the first process.
func (k *Kernel) Init() backends.Process { return k.init }

// Done is closed when the kernel has ended, by Close or by itself.
func (k *Kernel) Done() <-chan struct{} { return k.done }

// Err is nil while the kernel runs; then a *backends.PanicError, or
// backends.ErrClosed.
func (k *Kernel) Err() error {
	select {
	case <-k.done:
		return k.err
	default:
		return nil
	}
}

// Close writes file systems back, halts the kernel and gives back what it had.
func (k *Kernel) Close() error {
	if err := k.raw.Err(); err != nil {
		k.end(err)
	}
	k.end(nil)
	return k.raw.Close()
}
