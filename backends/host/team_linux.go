//go:build amd64 || arm64

package host

import (
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
)

// A team is the LWPs of one process.
//
// The leader holds the process's attributes. It makes the calls that never
// block, and makes other LWPs; so it always answers soon. Workers make the
// calls that may block, one each, and inherit the attributes that the leader
// had when they were made. When the leader's attributes change, workers that
// are idle are replaced, and busy ones leave after their call.
type team struct {
	slots *slots
	pid   int // as the process itself sees it
	// kick sends the process the signal that interrupts; nil for the team of
	// this program. It is for the case that the leader is alone.
	kick func()

	// lead is held by who uses the leader. It comes before mu.
	lead   sync.Mutex
	leader *lwp // nil before the team starts and after it ended
	// alone is set when the kernel refuses to make more threads, as it does
	// after unshare(CLONE_NEWPID): the leader then makes every call.
	alone bool
	// gen counts the changes of attributes. It is written under lead and mu.
	gen uint64

	mu   sync.Mutex
	idle []*lwp
	busy map[*lwp]struct{}
	over bool // the process has ended or became another program
	once sync.Once

	// inFlight is the calls that hold a worker, or are about to. None is
	// added once over is set.
	inFlight sync.WaitGroup
}

// maxIdle bounds the workers that wait for calls.
const maxIdle = 8

const threadFlags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND |
	unix.CLONE_THREAD | unix.CLONE_SYSVSEM | unix.CLONE_CHILD_CLEARTID

// interruptSignal is the one that ends blocked calls: the first real-time
// signal that C libraries leave to programs, and the only one of those that
// Go's runtime neither handles nor blocks. It is only ever sent to LWPs.
const interruptSignal = 34

// A sigaction is the kernel's own, the same on both architectures.
type sigaction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

const (
	sigIgnore  = 1
	sigOnStack = 0x08000000
	sigRestore = 0x04000000 // SA_RESTORER
	sigSetSize = 8
	allSignals = ^uint64(0)
)

// What LWPs hand to the kernel by address. They never change.
var (
	// Without SA_RESTART, so that calls do end.
	interruptAction = &sigaction{handler: handlerAddr(), flags: sigOnStack | sigRestore, restorer: restorerAddr()}
	ignoreAction    = &sigaction{handler: sigIgnore}
	defaultAction   = &sigaction{}
	noSignals       = new(uint64)
	onlyInterrupt   = func() *uint64 { m := uint64(1) << (interruptSignal - 1); return &m }()
)

// useLeader runs f with the leader, which is alive, or was a moment ago.
func (t *team) useLeader(f func(*lwp) error) error {
	t.lead.Lock()
	defer t.lead.Unlock()
	if t.leader == nil {
		return backends.ErrExited
	}
	return f(t.leader)
}

// ask has the leader make a call.
func (t *team) ask(num uintptr, args ...uintptr) (r uintptr, err error) {
	err = t.useLeader(func(l *lwp) error {
		var alive bool
		if r, alive = l.do(num, args...); !alive {
			return backends.ErrExited
		}
		return nil
	})
	return r, err
}

// change has the leader make a call that changes its attributes. Nobody but
// the leader and workers that are in a call is left when it is made.
func (t *team) change(num uintptr, args *[6]uintptr) (r uintptr, err error) {
	err = t.useLeader(func(l *lwp) error {
		t.mu.Lock()
		t.gen++
		old := t.idle
		t.idle = nil
		t.mu.Unlock()
		for _, w := range old {
			w.retire()
			w.wait()
			t.slots.put(w.block)
		}
		var alive bool
		if r, alive = l.do(num, args[:]...); !alive {
			return backends.ErrExited
		}
		return nil
	})
	return r, err
}

// work has a worker make a call that may block.
func (t *team) work(num uintptr, args *[6]uintptr, cancel <-chan struct{}) (uintptr, error) {
	w, err := t.take()
	if err != nil {
		return 0, err
	}
	if w == nil {
		return t.workAlone(num, args, cancel)
	}
	defer t.give(w)
	if !w.post(num, args) {
		return 0, backends.ErrExited
	}
	return t.finish(w, cancel)
}

// workAlone has the leader make a call that may block. Other calls wait.
func (t *team) workAlone(num uintptr, args *[6]uintptr, cancel <-chan struct{}) (r uintptr, err error) {
	err = t.useLeader(func(l *lwp) error {
		if !l.post(num, args) {
			return backends.ErrExited
		}
		r, err = t.finish(l, cancel)
		l.spent = false // the leader is the only thread: no signal is left for others
		return err
	})
	return r, err
}

// finish waits for the end of a call that was posted, or interrupts it.
func (t *team) finish(w *lwp, cancel <-chan struct{}) (uintptr, error) {
	if w.spin() {
		if cancel == nil {
			w.wait()
		} else {
			t.waitCancel(w, cancel)
		}
	}
	r, alive := w.result()
	if !alive {
		return 0, backends.ErrExited
	}
	if e, bad := failed(r); bad && e == unix.EINTR && w.spent {
		return 0, backends.ErrInterrupted
	}
	return r, nil
}

func (t *team) waitCancel(w *lwp, cancel <-chan struct{}) {
	over, left := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		select {
		case <-cancel:
			w.spent = true
			t.interrupt(w, over)
		case <-over:
		}
	}()
	w.wait()
	close(over)
	<-left
}

// The interruption of a call begins at once and is repeated until the call is
// over: a signal that comes between the loop's look at the block and the
// system call itself does nothing, and neither does one that meets a call in
// a part that signals cannot end.
const (
	firstRepeat = 20 * time.Microsecond
	lastRepeat  = 10 * time.Millisecond
)

func (t *team) interrupt(w *lwp, over <-chan struct{}) {
	for wait := firstRepeat; w.busy(); wait = min(2*wait, lastRepeat) {
		t.signal(w)
		select {
		case <-over:
			return
		case <-time.After(wait):
		}
	}
}

// signal has the leader signal w: it knows w in its own process numbers, and
// may always signal its own threads. A leader without workers cannot.
func (t *team) signal(w *lwp) {
	if w.leads {
		t.kick()
		return
	}
	_, _ = t.ask(unix.SYS_TGKILL, uintptr(t.pid), uintptr(w.tid), interruptSignal)
}

// take is a worker for one call; nil where the leader must make it.
func (t *team) take() (w *lwp, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return nil, backends.ErrExited
	}
	t.inFlight.Add(1)
	defer func() {
		if w == nil {
			t.inFlight.Done()
		}
	}()
	for len(t.idle) > 0 {
		last := len(t.idle) - 1
		w := t.idle[last]
		t.idle = t.idle[:last]
		if w.load() != stateDead {
			t.busy[w] = struct{}{}
			return w, nil
		}
		t.slots.put(w.block)
	}
	t.mu.Unlock()
	w, err = t.hire()
	t.mu.Lock()
	if w == nil || err != nil {
		return nil, err
	}
	if t.over {
		w.retire()
		t.slots.put(w.block)
		return nil, backends.ErrExited
	}
	t.busy[w] = struct{}{}
	return w, nil
}

// give takes back a worker whose call is over. One that was interrupted is
// not used again: a signal may still be on its way to it.
func (t *team) give(w *lwp) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.inFlight.Done()
	delete(t.busy, w)
	if !t.over && !w.spent && w.gen == t.gen && len(t.idle) < maxIdle && w.load() != stateDead {
		t.idle = append(t.idle, w)
		return
	}
	w.retire()
	t.slots.put(w.block)
}

// retire tells an LWP to exit.
func (b *block) retire() { b.post(unix.SYS_EXIT, &[6]uintptr{}) }

// hire has the leader make a worker. It is nil where the kernel refuses.
func (t *team) hire() (w *lwp, err error) {
	err = t.useLeader(func(l *lwp) error {
		if t.alone {
			return nil
		}
		if l.load() == stateDead {
			return backends.ErrExited
		}
		b, err := t.slots.get()
		if err != nil {
			return err
		}
		r, alive := l.clone(threadFlags, b)
		if !alive {
			t.slots.put(b) // see slots.put
			return backends.ErrExited
		}
		if _, refused := failed(r); refused {
			b.bury()
			t.slots.put(b)
			t.alone = t.kick != nil
			return unlessAlone(t.alone, r)
		}
		w = &lwp{block: b, tid: int(r), gen: t.gen}
		mask := uintptr(unsafe.Pointer(onlyInterrupt))
		w.do(unix.SYS_RT_SIGPROCMASK, unix.SIG_UNBLOCK, mask, 0, sigSetSize)
		return nil
	})
	return w, err
}

func unlessAlone(alone bool, r uintptr) error {
	if alone {
		return nil
	}
	e, _ := failed(r)
	return e
}

// clone makes an LWP whose block is b; the result is that of clone(2).
func (l *lwp) clone(flags uintptr, b *block) (r uintptr, alive bool) {
	l.child = b.addr()
	defer func() { l.child = 0 }()
	a := cloneArgs(flags, b)
	return l.do(unix.SYS_CLONE, a[:]...)
}

// end is called when the process has ended, or became another program: its
// threads are gone from our memory, whether the kernel said so or not.
func (t *team) end() { t.once.Do(t.finishOff) }

func (t *team) finishOff() {
	t.mu.Lock()
	t.over = true
	for w := range t.busy {
		w.bury()
	}
	idle := t.idle
	t.idle = nil
	t.mu.Unlock()
	for _, w := range idle {
		w.bury()
		t.slots.put(w.block)
	}
	t.leader.bury() // first: who holds lead may be waiting for it
	t.lead.Lock()
	defer t.lead.Unlock()
	t.slots.put(t.leader.block)
	t.leader = nil
}

// start makes the leader of this program's own team, from a thread of Go's.
//
// The leader and its workers are threads of this process that Go's runtime
// does not know. That is sound: they run the loop only, on their own stacks;
// all signals are blocked in them, so that no handler of Go's ever runs
// there, but for the one that interrupts, whose handler is one instruction;
// Go sends its own signals to threads that it knows; and the kernel ends them
// with the process, or with its execve, like any other thread.
func (t *team) start() error {
	t.lead.Lock()
	defer t.lead.Unlock()
	if t.leader != nil {
		return nil
	}
	b, err := t.slots.get()
	if err != nil {
		return err
	}
	if err := installInterrupt(); err != nil {
		return err
	}
	r := cloneBlocked(threadFlags, b)
	if e, bad := failed(r); bad {
		b.bury()
		t.slots.put(b)
		return e
	}
	t.leader = &lwp{block: b, tid: int(r), leads: true}
	return nil
}

// cloneBlocked makes an LWP in which all signals are blocked.
func cloneBlocked(flags uintptr, b *block) uintptr {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	all, old := allSignals, uint64(0)
	maskSignals(&all, &old)
	r := loopClone(flags, b.stack(), b)
	maskSignals(&old, nil)
	return r
}

func maskSignals(set, old *uint64) {
	_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK,
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), sigSetSize, 0, 0)
}

// stop ends the team of this program: calls that its workers make are
// interrupted, and all its threads exit.
func (t *team) stop() {
	t.mu.Lock()
	t.over = true
	t.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		t.inFlight.Wait()
		close(gone)
	}()
	t.interruptAll(gone)
	t.mu.Lock()
	idle := t.idle
	t.idle = nil
	t.mu.Unlock()
	for _, w := range idle {
		w.retire()
		t.slots.put(w.block)
	}
	t.lead.Lock()
	defer t.lead.Unlock()
	if t.leader != nil {
		t.leader.retire()
		t.slots.put(t.leader.block)
		t.leader = nil
	}
}

// interruptAll interrupts every call until gone is closed.
func (t *team) interruptAll(gone <-chan struct{}) {
	for wait := firstRepeat; ; wait = min(2*wait, lastRepeat) {
		t.mu.Lock()
		var busy []*lwp
		for w := range t.busy {
			busy = append(busy, w)
		}
		t.mu.Unlock()
		for _, w := range busy {
			if w.busy() {
				t.signal(w)
			}
		}
		select {
		case <-gone:
			return
		case <-time.After(wait):
		}
	}
}
