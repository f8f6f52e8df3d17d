//go:build (linux && (amd64 || arm64)) || darwin || freebsd || netbsd || openbsd

package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"sync/atomic"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

func init() {
	backends.Register(backends.Backend{
		Name:    "host",
		Summary: "the kernel that this program runs on",
		Open: func(ctx context.Context, _ backends.Spec, _ backends.Config) (backends.Kernel, error) {
			return Open()
		},
	})
}

// A kernel is a view of the host's kernel. What is its own is the processes
// that were made through it.
type kernel struct {
	forks
	closed atomic.Bool
	done   chan struct{}
	once   sync.Once
}

// Open is the host's kernel. Any number may be open at a time; each has
// processes of its own besides the first.
func Open() (backends.Kernel, error) {
	if hostABI == nil {
		return nil, fmt.Errorf("host: no ABI data for this architecture: %w", backends.ErrNotSupported)
	}
	k := &kernel{done: make(chan struct{})}
	k.forks.init()
	return k, nil
}

func (k *kernel) ABI() *abi.ABI                       { return hostABI }
func (k *kernel) Capabilities() backends.Capabilities { return maps.Clone(hostCapabilities()) }
func (k *kernel) Init() backends.Process              { return (*first)(k) }
func (k *kernel) Done() <-chan struct{}               { return k.done }

func (k *kernel) Err() error {
	if k.closed.Load() {
		return backends.ErrClosed
	}
	return nil
}

func (k *kernel) Close() (err error) {
	k.once.Do(func() {
		k.closed.Store(true)
		err = k.forks.close()
		close(k.done)
	})
	return err
}

// why is err, or ErrClosed where that is the reason for it.
func (k *kernel) why(err error) error {
	if k.closed.Load() && (errors.Is(err, backends.ErrExited) || errors.Is(err, backends.ErrInterrupted)) {
		return backends.ErrClosed
	}
	return err
}

// refuse is the error of a call that would do harm.
func (k *kernel) refuse(num uintptr, reason string) error {
	return fmt.Errorf("%s: %s: %w", nameOf(num), reason, backends.ErrNotSupported)
}

// nameOf is what the ABI calls a number, for errors.
func nameOf(num uintptr) string {
	for _, c := range hostABI.Calls() {
		if uintptr(c.Value) == num {
			return c.Name
		}
	}
	return fmt.Sprintf("call %d", num)
}

// words is the registers of a call to a kernel that shares our memory.
func words(c *backends.Call) (w [backends.MaxArgs]uintptr) {
	for i := range w {
		w[i] = c.Args[i].Word()
	}
	return w
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// first is the first process: this program.
type first kernel

var _ backends.Process = (*first)(nil)

var errFirst = errors.New("the first process of the host is this program; end it with os.Exit")

func (p *first) ID() int               { return os.Getpid() }
func (p *first) Done() <-chan struct{} { return p.done }
func (p *first) Close() error          { return errFirst }

// Fork makes a child of this program.
func (p *first) Fork(ctx context.Context, fds backends.Descriptors) (backends.Process, error) {
	return (*kernel)(p).fork(ctx, nil, fds)
}
