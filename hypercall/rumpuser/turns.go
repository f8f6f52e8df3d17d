//go:build cgo && linux && (amd64 || arm64)

package rumpuser

// #include "rumpuser.h"
import "C"

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/anykernel/anykernel/hypercall"
)

// turns is the Go side of a kernel whose threads take turns; see turns.c. All
// of it belongs to whose turn it is.
type turns struct {
	k        *Kernel
	s        hypercall.Scheduler
	seat     hypercall.Seat
	callName func(uintptr) string
	calls    []*Thread // in flight, in the order of their beginning
}

var _ hypercall.Machine = (*turns)(nil)

// A seat's addresses, from its own on: the libraries, stacks, and memory.
const (
	stacksAt = 2 << 30
	arenaAt  = 4 << 30
	arenaMax = 11 << 30 // the rest is for what describes it
)

func (o *Options) arenaAddress() uintptr {
	if o.Seat.Address == 0 {
		return 0
	}
	return o.Seat.Address + arenaAt
}

// takeTurns makes the threads of a new kernel take turns.
func (k *Kernel) takeTurns(s hypercall.Scheduler, o Options) {
	k.turns = &turns{k: k, s: s, seat: o.Seat, callName: o.CallName}
	var stacks, end uintptr
	if o.Seat.Address != 0 {
		stacks, end = o.Seat.Address+stacksAt, o.Seat.Address+arenaAt
	}
	C.hyp_turns_init(k.c, C.uint64_t(o.Seat.Seed), C.uint32_t(o.Seat.Preempt*math.MaxUint32), C.int64_t(o.Seat.Epoch.UnixNano()),
		(*C.char)(nil), nil)
	*(*uintptr)(unsafe.Pointer(&k.c.turns.stacks)) = stacks
	*(*uintptr)(unsafe.Pointer(&k.c.turns.stacks_end)) = end
	k.turns.SetTime(o.Seat.Elapsed)
	s.Join(o.Seat, k.turns)
}

// Ready implements hypercall.Machine.
func (m *turns) Ready() bool { return m.k.c.nready > 0 && m.alive() }

func (m *turns) alive() bool { return m.k.c.end == C.HYP_ALIVE }

// Run implements hypercall.Machine.
func (m *turns) Run(n int) {
	end := m.k.c.turns.count + C.uint64_t(n)
	for m.alive() && m.k.c.nready > 0 && m.k.c.turns.count < end {
		if c := C.hyp_take_turns(m.k.c, C.int(end-m.k.c.turns.count)); c != nil {
			m.ended(c)
		}
	}
	if !m.alive() {
		m.k.noteEnd()
	}
}

// ended is called when a call has ended.
func (m *turns) ended(c *C.struct_hyp_thread) {
	for i, t := range m.calls {
		if t.c == c {
			m.calls = slices.Delete(m.calls, i, i+1)
			t.after()
			return
		}
	}
}

// wakeAll ends the calls in flight of a kernel that has ended.
func (m *turns) wakeAll() {
	calls := m.calls
	m.calls = nil
	for _, t := range calls {
		t.after()
	}
}

// Next implements hypercall.Machine.
func (m *turns) Next() (time.Duration, bool) {
	first := m.k.c.timers
	if first == nil || !m.alive() {
		return 0, false
	}
	return time.Duration(first.deadline), true
}

// SetTime implements hypercall.Machine.
func (m *turns) SetTime(now time.Duration) {
	m.k.c.turns.now = C.int64_t(now)
	if at, ok := m.Next(); ok && at <= now {
		C.hyp_expire_timers(m.k.c)
	}
}

// Trace implements hypercall.Machine.
func (m *turns) Trace() uint64 { return uint64(m.k.c.turns.trace) }

// Waiting implements hypercall.Machine.
func (m *turns) Waiting() []string {
	var buf [4096]byte
	n := C.hyp_describe(m.k.c, (*C.char)(unsafe.Pointer(&buf[0])), C.size_t(len(buf)))
	return strings.Split(strings.TrimRight(string(buf[:n]), "\n"), "\n")
}

func (m *turns) note(b []byte) {
	if len(b) > 0 {
		C.hyp_note_bytes(m.k.c, unsafe.Pointer(&b[0]), C.size_t(len(b)))
	}
}

// finish waits until the call that a thread has begun has ended.
func (t *Thread) finish(cancel <-chan struct{}, what func() string) C.long {
	m := t.k.turns
	t.lost = true // where the goroutine ends while it waits
	C.hyp_go_on(t.c)
	if t.c.finished {
		m.s.Pause()
	} else {
		w := m.s.NewWait(what)
		t.after = w.Wake
		m.calls = append(m.calls, t)
		for !w.Wait(cancel) {
			cancel = nil
			t.Interrupt()
		}
	}
	t.lost = false
	if !t.c.finished {
		return C.HYP_DEAD
	}
	return t.c.result
}

// Sleep lets time pass: the host's, or that of the kernel's scheduler.
func (k *Kernel) Sleep(d time.Duration) {
	if k.turns != nil {
		k.turns.s.Sleep(d)
		return
	}
	time.Sleep(d)
}

// AfterFunc has f called after d, and returns what takes that back.
func (k *Kernel) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	if k.turns != nil {
		return k.turns.s.AfterFunc(d, f)
	}
	return time.AfterFunc(d, f).Stop
}

// Now is the time by which Sleep sleeps.
func (k *Kernel) Now() time.Time {
	if k.turns != nil {
		return k.turns.s.Now()
	}
	return time.Now()
}

func (t *Thread) invokeInTurns(fn uintptr) C.long {
	C.hyp_begin(t.c, C.uintptr_t(fn))
	return t.finish(nil, func() string { return "an entry of the kernel" })
}

// Lost reports whether the goroutine ended that made the thread's call. Nobody
// will use the thread any more.
func (t *Thread) Lost() bool { return t.lost }

// SyscallUntil is Syscall that is interrupted when cancel is closed, for
// kernels whose threads take turns.
func (t *Thread) SyscallUntil(cancel <-chan struct{}, num uintptr) (r0, r1 uintptr, errno int, err error) {
	t.c.ret[0], t.c.ret[1] = 0, 0
	r0, r1, errno, err = t.syscallInTurns(num, cancel)
	t.Uninterrupt()
	return r0, r1, errno, err
}

func (t *Thread) syscallInTurns(num uintptr, cancel <-chan struct{}) (r0, r1 uintptr, errno int, err error) {
	C.hyp_begin_syscall(t.c, C.uintptr_t(num))
	r := t.finish(cancel, func() string { return "system call " + t.k.turns.name(num) })
	if r == C.HYP_DEAD {
		t.k.noteEnd()
		return 0, 0, 0, ErrEnded
	}
	return uintptr(t.c.ret[0]), uintptr(t.c.ret[1]), int(r), nil
}

func (m *turns) name(num uintptr) string {
	if m.callName == nil {
		return fmt.Sprint(num)
	}
	return m.callName(num)
}

// begin has a thread of process 0 call fn, and then f, unless the kernel has
// ended.
func (m *turns) begin(fn unsafe.Pointer, set func(t *Thread), f func()) {
	t, err := m.k.system.get()
	if err != nil {
		return
	}
	set(t)
	t.after = func() {
		m.k.system.put(t)
		if m.alive() {
			f()
		}
	}
	C.hyp_begin(t.c, C.uintptr_t(uintptr(fn)))
	if !t.c.finished {
		m.calls = append(m.calls, t)
		C.hyp_ready(t.c)
	}
}

// transfer makes a transfer at once; its end reaches the kernel as a turn.
func (m *turns) transfer(b bio) {
	n, delay, err := b.transferLate()
	end := func() {
		m.begin(C.hyp_biodone, func(t *Thread) {
			*t.Args() = [8]uintptr{b.done, b.arg, uintptr(n), uintptr(netbsdErrno(err))}
		}, func() {})
	}
	if delay > 0 {
		m.s.AfterFunc(delay, end)
	} else {
		end()
	}
}

// An inbox is the frames that came for a network interface. The kernel takes
// them one after the other.
type inbox struct {
	m           *turns
	deliver, sc uintptr
	frames      [][]byte
}

// inbox takes frames for the interface whose driver is sc.
func (m *turns) inbox(deliver, sc uintptr) func([]byte) {
	b := &inbox{m: m, deliver: deliver, sc: sc}
	return func(frame []byte) {
		if len(frame) == 0 || deliver == 0 {
			return
		}
		b.frames = append(b.frames, slices.Clone(frame))
		if len(b.frames) == 1 {
			b.next()
		}
	}
}

func (b *inbox) next() {
	frame := b.frames[0]
	b.m.note(frame)
	b.m.begin(C.hyp_deliver, func(t *Thread) {
		t.setDelivery(b.deliver, b.sc, unsafe.Pointer(&frame[0]), len(frame))
	}, func() {
		b.frames = b.frames[1:]
		if len(b.frames) > 0 {
			b.next()
		}
	})
}
