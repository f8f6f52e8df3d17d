package backends

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/anykernel/anykernel/hypercall"
)

// SeparateOption describes the option process=separate, which backends have
// whose kernels can have guests. It boots the kernel in a child of this
// process: a crash of the kernel's code, or of what runs it, then ends the child
// alone. Open sees to it; a backend's own Open never does.
var SeparateOption = OptionInfo{
	Key: optionProcess, Value: separate, Doc: "boot the kernel in a child process, which a crash of native code ends alone",
}

const (
	optionProcess = "process"
	separate      = "separate"
)

// A Separator opens kernels in child processes. The child is this program
// again: it is the kernel instead of what the program is otherwise, before
// main and as soon as all that it needs is initialised.
type Separator struct {
	// Open opens a kernel in a child, whose specification it gives to Run
	// there.
	Open func(ctx context.Context, spec Spec, cfg Config) (Kernel, error)
	// Spec is the specification that this process was started for as a child,
	// "" where it was not.
	Spec func() string
	// Run is the child. It does not return.
	Run func(b *Backend, spec Spec)
}

var separator struct {
	sync.Mutex
	s *Separator
}

// RegisterSeparate says how kernels are opened in child processes. It is
// called from init, by package remote.
func RegisterSeparate(s Separator) {
	separator.Lock()
	separator.s = &s
	separator.Unlock()
	becomeChild()
}

// becomeChild turns this process into a kernel if it was started for that, and
// the kernel's backend is there.
func becomeChild() {
	separator.Lock()
	s := separator.s
	separator.Unlock()
	if s == nil || s.Spec() == "" {
		return
	}
	spec, err := ParseSpec(s.Spec())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	registry.RLock()
	b := registry.m[spec.Name]
	registry.RUnlock()
	if b != nil {
		s.Run(b, spec)
	}
}

// takeSeparate takes the option out of a specification.
func (s *Spec) takeSeparate() (bool, error) {
	value, ok := s.Get(optionProcess)
	if !ok {
		return false, nil
	}
	if value != separate {
		return false, &SpecError{s.String(), optionProcess + "=" + value, "there is process=separate"}
	}
	s.Options = slices.DeleteFunc(slices.Clone(s.Options), func(o Option) bool { return o.Key == optionProcess })
	return true, nil
}

// openSeparate opens a kernel in a child process.
func openSeparate(ctx context.Context, spec Spec, cfg Config) (Kernel, error) {
	separator.Lock()
	s := separator.s
	separator.Unlock()
	if s == nil {
		return nil, errors.New("process=separate needs the backend remote: import backends/remote")
	}
	host := cfg.Host
	host.Console = nil
	if host != (hypercall.Host{}) || cfg.Hooks != nil || len(cfg.NICs) > 0 || cfg.Guests {
		return nil, fmt.Errorf("a host, hooks, network interfaces and guests here, for a kernel in a process of its own: %w", ErrNotSupported)
	}
	return s.Open(ctx, spec, cfg)
}
