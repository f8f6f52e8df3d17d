package backends

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"

	"github.com/anykernel/anykernel/hypercall"
)

// A Backend is one way to reach a kernel. Packages below this one register
// theirs when they are imported.
type Backend struct {
	// Name is how specifications name it.
	Name string
	// Summary is one line for people.
	Summary string
	// Args describes the arguments that a specification may give, in one
	// line; empty where there are none.
	Args string
	// NeedsArgs says that a specification without arguments names no kernel.
	NeedsArgs bool
	// Options are the options that a specification may give. Open refuses
	// others before the backend sees them.
	Options []OptionInfo
	// Requirements are what the backend needs of the machine, each with the
	// state it is in now. nil: nothing.
	Requirements func() []Requirement
	// NICs says that the backend's kernels take network interfaces of
	// Config.NICs. Open refuses them to others.
	NICs bool
	// Scheduled says that the backend's kernels take part where Config.Host has
	// a Scheduler. Open refuses others.
	Scheduled bool
	// Open boots or attaches to a kernel. Spec holds known options only.
	Open func(ctx context.Context, spec Spec, cfg Config) (Kernel, error)
}

// An OptionInfo describes one option of a backend.
type OptionInfo struct {
	Key     string
	Value   string // the form of the value, such as "size" or "name"
	Default string
	Doc     string // one line
}

// A Requirement is one thing that a backend needs of the machine.
type Requirement struct {
	Name   string // such as "kit"
	Err    error  // nil: it is there
	Remedy string // the command or setting that supplies it
}

// A Config is what every backend takes from the program that opens a kernel.
// The zero Config is valid.
type Config struct {
	// Console receives what the kernel prints. nil: it is dropped (its end
	// is kept for a PanicError all the same). Writes are serialised.
	Console io.Writer
	// Log receives what the backend itself has to say. nil: nothing.
	Log hclog.Logger
	// Host answers what the kernel asks for. What it leaves out the backend
	// answers in its own way. A backend that is no kernel in this process has
	// no use for it.
	Host hypercall.Host
	// Hooks see what the kernel asks for, and the system calls of its
	// processes. nil: none. [Open] puts those of hypercall.WithHooks around
	// them.
	Hooks *hypercall.Hooks
	// NICs are network interfaces that the kernel has from the start besides
	// its loopback, in this order. The kernel names them: eth0, eth1 … is
	// Linux's way, virt0, virt1 … a rump kernel's. They have no addresses.
	NICs []NIC
	// Guests asks for a kernel that is a [GuestKernel]. A backend that has
	// none of the kind may ignore it.
	Guests bool
}

// WholeHost is c.Host that prints to c.Console as well, and has c.NICs in its
// network. Backends put their own answers behind it, and c.Hooks around it.
func (c Config) WholeHost() hypercall.Host {
	h := c.Host
	if c.Console != nil {
		h.Console = &console{w: c.Console, next: h.Console}
	}
	if len(c.NICs) > 0 {
		h.Net = nicNet{c.NICs, h.Net}
	}
	return h
}

// Logger is c.Log, or one that drops everything.
func (c Config) Logger() hclog.Logger {
	if c.Log == nil {
		return hclog.NewNullLogger()
	}
	return c.Log
}

var registry struct {
	sync.RWMutex
	m map[string]*Backend
}

// Register adds a backend. It is called from init and panics on a name that
// is malformed or taken, which is a mistake in the program.
func Register(b Backend) {
	register(b)
	becomeChild()
}

func register(b Backend) {
	registry.Lock()
	defer registry.Unlock()
	if !isName(b.Name) || b.Open == nil {
		panic(fmt.Sprintf("backends.Register: malformed backend %q", b.Name))
	}
	if registry.m[b.Name] != nil {
		panic(fmt.Sprintf("backends.Register: %q is registered twice", b.Name))
	}
	if registry.m == nil {
		registry.m = map[string]*Backend{}
	}
	registry.m[b.Name] = &b
}

// List is all registered backends by name.
func List() []*Backend {
	registry.RLock()
	defer registry.RUnlock()
	var l []*Backend
	for _, b := range registry.m {
		l = append(l, b)
	}
	slices.SortFunc(l, func(a, b *Backend) int { return strings.Compare(a.Name, b.Name) })
	return l
}

// Lookup finds a backend by name. The error lists the names there are.
func Lookup(name string) (*Backend, error) {
	registry.RLock()
	b := registry.m[name]
	registry.RUnlock()
	if b != nil {
		return b, nil
	}
	var names []string
	for _, b := range List() {
		names = append(names, b.Name)
	}
	have := "none is linked into this program: import one, such as backends/sentry"
	if len(names) > 0 {
		have = "this program has " + strings.Join(names, ", ")
	}
	return nil, fmt.Errorf("no kernel backend %q: %s", name, have)
}

// Ready is nil where nothing that b requires is missing; else an error that
// names each missing thing and its remedy.
func (b *Backend) Ready() error {
	if b.Requirements == nil {
		return nil
	}
	var missing []error
	for _, r := range b.Requirements() {
		if r.Err != nil {
			missing = append(missing, fmt.Errorf("%s: %w (remedy: %s)", r.Name, r.Err, r.Remedy))
		}
	}
	return errors.Join(missing...)
}

// Open opens the kernel that spec describes; see [Spec] for its form. The
// context bounds the opening, not the kernel's life: end that with Close.
func Open(ctx context.Context, spec string, cfg Config) (Kernel, error) {
	s, err := ParseSpec(spec)
	if err != nil {
		return nil, err
	}
	b, err := Lookup(s.Name)
	if err != nil {
		return nil, err
	}
	if err := b.check(spec, s); err != nil {
		return nil, err
	}
	if err := b.checkNICs(cfg.NICs); err != nil {
		return nil, fmt.Errorf("kernel %q: %w", spec, err)
	}
	if err := b.Ready(); err != nil {
		return nil, fmt.Errorf("kernel %q cannot run here: %w", spec, err)
	}
	if hooks := hypercall.HooksOf(ctx); len(hooks) > 0 {
		if cfg.Hooks == nil {
			cfg.Hooks = hypercall.NewHooks(spec)
		}
		cfg.Hooks.Add(hooks...)
	}
	open := b.Open
	apart, err := s.takeSeparate()
	switch {
	case err != nil:
		return nil, err
	case cfg.Host.Scheduler != nil && (apart || !b.Scheduled):
		return nil, fmt.Errorf("kernel %q is not in this process, and cannot take part in a world: %w", spec, ErrNotSupported)
	case apart:
		open = openSeparate
	}
	k, err := open(ctx, s, cfg)
	if stopped := cfg.Hooks.Err(); stopped != nil {
		if k != nil {
			err = k.Close()
		}
		err = errors.Join(stopped, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open kernel %q: %w", spec, err)
	}
	return Hooked(k, cfg.Hooks), nil
}

func (b *Backend) check(text string, s Spec) error {
	if len(s.Args) > 0 && b.Args == "" {
		return &SpecError{text, s.Args[0], b.Name + " takes no arguments"}
	}
	if len(s.Args) == 0 && b.NeedsArgs {
		return &SpecError{text, "", b.Name + " needs arguments: " + b.Args}
	}
	for _, o := range s.Options {
		if !slices.ContainsFunc(b.Options, func(i OptionInfo) bool { return i.Key == o.Key }) {
			return &SpecError{text, o.Key, "no such option; " + b.optionNames()}
		}
	}
	return nil
}

func (b *Backend) optionNames() string {
	if len(b.Options) == 0 {
		return b.Name + " has none"
	}
	var names []string
	for _, o := range b.Options {
		names = append(names, o.Key)
	}
	return b.Name + " has " + strings.Join(names, ", ")
}
