//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/rumpuser"
	"github.com/anykernel/anykernel/rump/kit"
	"github.com/anykernel/anykernel/rump/loader"
)

// A Kernel is a NetBSD kernel in this process. Its methods are safe for
// concurrent use.
type Kernel struct {
	host       *rumpuser.Kernel
	image      *loader.Image
	components []string
	init       *Process
	own        *ownFiles
	memory     int // the most that it may have, in bytes
	undebug    []func()

	mu        sync.Mutex
	processes map[*Process]struct{}
	closing   atomic.Bool
	ending    sync.WaitGroup // tells the host that the kernel has ended
	closed    chan struct{}
}

// System calls that this package makes itself; their numbers never change.
const (
	sysGetpid = 20
	sysReboot = 208
)

// NumCalls is one more than the largest number of a call.
const NumCalls = 512

// Boot loads and boots a kernel. It is given back by Close.
func Boot(c Config) (*Kernel, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Kit == "" {
		c.Kit = kit.DefaultDir()
	}
	prog, err := link(c.Kit, c.Components)
	if err != nil {
		return nil, err
	}
	c.Log.Debug("linked", "components", strings.Join(prog.order, ","), "kit", c.Kit, "missing", len(prog.Missing()))
	k := &Kernel{
		components: prog.order, own: &ownFiles{Block: c.Host.Block}, memory: c.arena(),
		processes: map[*Process]struct{}{}, closed: make(chan struct{}),
	}
	c.Host.Block = k.own
	c.Host.Params = settings{c.Host.Params, c.params()}
	c.Host = c.Hooks.Wrap(c.Host)
	if err := k.load(c, prog.Program); err != nil {
		return nil, err
	}
	if err := k.boot(); err != nil {
		err = fmt.Errorf("boot: %w", k.why(err))
		k.tellEnd(c.Host.Lifecycle)
		k.free()
		return nil, err
	}
	k.ending.Go(func() {
		<-k.host.Ended()
		k.tellEnd(c.Host.Lifecycle)
	})
	return k, nil
}

// load makes a copy of the program and a host side for it.
func (k *Kernel) load(c Config, prog *loader.Program) (err error) {
	o := rumpuser.Options{Memory: c.arena(), CPUs: c.CPUs}
	leave := func() {}
	if s := c.Host.Scheduler; s != nil {
		if o.Seat, err = s.Seat(c.Hostname); err != nil {
			return err
		}
		leave = func() { s.Leave(o.Seat) }
	}
	if k.image, err = prog.LoadAt(o.Seat.Address); err != nil {
		leave()
		return err
	}
	if k.host, err = rumpuser.New(c.Host, o); err != nil {
		k.image.Close()
		leave()
		return err
	}
	if c.Debug {
		for _, object := range k.image.DebugObjects() {
			k.undebug = append(k.undebug, rumpuser.RegisterDebug(object))
		}
	}
	return nil
}

func (k *Kernel) boot() error {
	if err := k.host.Bind(image{k.image}); err != nil {
		return err
	}
	t, err := k.host.NewThread()
	if err != nil {
		return err
	}
	defer t.Free()
	for _, f := range k.image.Constructors() {
		if _, err := t.Invoke(f); err != nil {
			return err
		}
	}
	init, _ := k.image.Symbol("rump_init")
	if init == 0 {
		return errors.New("the kernel has no rump_init")
	}
	errno, err := t.Invoke(init)
	if err != nil {
		return err
	}
	if int32(errno) != 0 {
		return fmt.Errorf("rump_init: error %d", int32(errno))
	}
	k.tune()
	k.init, err = k.newProcess(1, nil)
	return err
}

// Components is what the kernel is made of, in link order.
func (k *Kernel) Components() []string { return k.components }

// Init is the process that the kernel has from the start.
func (k *Kernel) Init() *Process { return k.init }

// Ended is closed when the kernel has ended, by Close or by itself.
func (k *Kernel) Ended() <-chan struct{} { return k.host.Ended() }

// Symbol is the address of a function or variable of the kernel, 0 where it
// has none of that name.
func (k *Kernel) Symbol(name string) uintptr {
	addr, _ := k.image.Symbol(name)
	return addr
}

// MemoryUsed is how much memory the kernel has now, in bytes.
func (k *Kernel) MemoryUsed() int { return k.host.MemoryUsed() }

// Tail is the end of what the kernel printed.
func (k *Kernel) Tail() []byte { return k.host.Tail() }

// A CrashError says why a kernel ended that nobody ended.
type CrashError struct {
	Reason  string // in one line
	Console []byte // the end of its console
}

func (e *CrashError) Error() string { return e.Reason }

// Err is nil while the kernel runs; then a [*CrashError], or ErrEnded where it
// was halted.
func (k *Kernel) Err() error {
	select {
	case <-k.host.Ended():
		return k.why(rumpuser.ErrEnded)
	default:
		return nil
	}
}

// why turns ErrEnded into the reason, if there is a better one.
func (k *Kernel) why(err error) error {
	if !errors.Is(err, rumpuser.ErrEnded) {
		return err
	}
	end, tail := k.host.State(), k.host.Tail()
	switch end.How {
	case rumpuser.Panicked:
		return &CrashError{panicMessage(tail), tail}
	case rumpuser.Exhausted:
		return &CrashError{fmt.Sprintf("out of memory: its limit is %d bytes, and nothing could be freed", k.memory), tail}
	case rumpuser.Faulted:
		return &CrashError{k.faultMessage(end), tail}
	}
	return err
}

// panicMessage finds the line in which a kernel said why it panicked.
func panicMessage(console []byte) string {
	for line := range strings.Lines(string(console)) {
		if _, message, ok := strings.Cut(line, "panic: "); ok {
			return strings.TrimSpace(message)
		}
	}
	return "panic without a message"
}

func (k *Kernel) faultMessage(end rumpuser.End) string {
	if end.Missing != "" {
		return fmt.Sprintf("call of %s, which no component has", end.Missing)
	}
	where := k.image.Describe(end.PC)
	if where == "" {
		where = fmt.Sprintf("address %#x", end.PC)
	}
	return fmt.Sprintf("fault (signal %d) in %s, at address %#x", end.Signal, where, end.Address)
}

// closeTime bounds how long a kernel may take to write everything back.
const closeTime = 30 * time.Second

// leaveTime bounds how long calls may take to end after they were
// interrupted, before the kernel is halted under them. Then closeTime becomes
// stuckTime: one that never ends keeps a virtual CPU, and the kernel may need
// it to halt.
const (
	leaveTime = 200 * time.Millisecond
	stuckTime = 5 * time.Second
)

// Close halts the kernel: it interrupts the calls in flight, writes its file
// systems back, ends its threads and gives back its memory. Only the first
// Close does anything; later ones wait for it.
func (k *Kernel) Close() error {
	if k.closing.Swap(true) {
		<-k.closed
		return nil
	}
	defer close(k.closed)
	var err error
	if k.Err() == nil {
		within := closeTime
		if !k.interruptAll() {
			within = stuckTime
		}
		err = k.halt(within)
	}
	k.host.End(rumpuser.Exited)
	k.drain()
	k.free()
	return err
}

// tellEnd tells the host how the kernel ended.
func (k *Kernel) tellEnd(l hypercall.Lifecycle) {
	if l == nil {
		return
	}
	var crash *CrashError
	if errors.As(k.why(rumpuser.ErrEnded), &crash) {
		l.Panic(crash.Reason)
	} else {
		l.Exit(k.host.State().Status)
	}
}

// halt reboots the kernel, from which no call returns. It does so for process
// 0, whose rights nobody can have given away.
func (k *Kernel) halt(within time.Duration) error {
	t, err := k.host.NewThread()
	if err != nil {
		return err
	}
	defer t.Free()
	stop := k.host.AfterFunc(within, func() { k.host.End(rumpuser.Exited) })
	errno, err := t.NewLWP(0)
	if err == nil && errno == 0 {
		_, _, errno, err = t.Syscall(sysReboot)
	}
	if !stop() {
		return fmt.Errorf("the kernel was not ready after %v: what it had not written back is lost", within)
	}
	if err == nil {
		return fmt.Errorf("reboot: error %d", errno)
	}
	if err := k.why(err); !errors.Is(err, rumpuser.ErrEnded) {
		return fmt.Errorf("the kernel crashed while it halted: %w", err)
	}
	return nil
}

func (k *Kernel) all() []*Process {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []*Process
	for p := range k.processes {
		list = append(list, p)
	}
	return list
}

// interruptAll ends calls that can be ended, and waits for them a moment. It
// reports whether all have ended.
func (k *Kernel) interruptAll() bool {
	deadline := k.host.Now().Add(leaveTime)
	for _, p := range k.all() {
		p.lwps.close()
		p.lwps.interrupt()
	}
	ended := true
	for _, p := range k.all() {
		ended = p.lwps.wait(deadline) && ended
	}
	return ended
}

// drain waits until no call is in the kernel, which has ended. Threads leave it
// at their next wait; those that go round in a circle, as over a damaged file
// system, when its code is taken from under them.
func (k *Kernel) drain() {
	deadline := k.host.Now().Add(leaveTime)
	for _, p := range k.all() {
		p.lwps.close()
		if !p.lwps.wait(deadline) {
			_ = k.image.Revoke()
		}
		p.lwps.wait(time.Time{})
	}
}

func (k *Kernel) free() {
	k.host.End(rumpuser.Exited)
	k.ending.Wait()
	for _, p := range k.all() {
		p.lwps.free()
	}
	_ = k.image.Revoke() // the kernel's own threads, as in drain
	k.host.Free()
	for _, undo := range k.undebug {
		undo()
	}
	k.image.Close()
}
