//go:build cgo && linux && (amd64 || arm64)

package rumpuser

// #include <stdlib.h>
// #include "rumpuser.h"
import "C"

import (
	"errors"
	"sync"
	"unsafe"
)

// ErrEnded is the error of an entry into a kernel that has ended, or that did
// so meanwhile.
var ErrEnded = errors.New("the kernel has ended")

// A Thread is an LWP of a kernel with what its host side needs. It is used by
// one goroutine at a time, except for Interrupt.
type Thread struct {
	c *C.struct_hyp_thread
	k *Kernel
	// after is called when a call has ended that takes turns.
	after func()
	lost  bool
}

// NewThread makes a thread without an LWP. Until it has one, the kernel lends
// it one of its first process for each call of Invoke.
func (k *Kernel) NewThread() (*Thread, error) {
	c := C.hyp_thread_alloc(k.c)
	if c == nil {
		return nil, errors.New("no memory for a thread")
	}
	return &Thread{c: c, k: k}, nil
}

// Free gives back a thread whose LWP is gone, or goes with the kernel.
func (t *Thread) Free() { C.hyp_thread_free(t.c) }

// LWP is the address of the thread's LWP.
func (t *Thread) LWP() uintptr { return uintptr(unsafe.Pointer(t.c.lwp)) }

// SetLWP makes an LWP that the kernel made the thread's.
func (t *Thread) SetLWP(lwp uintptr) { *(*uintptr)(unsafe.Pointer(&t.c.lwp)) = lwp }

// Invoke calls a function of the kernel with up to six words. Memory that they
// point to is not Go's, or lies on Go's heap and is kept alive by the caller.
func (t *Thread) Invoke(fn uintptr, args ...uintptr) (int, error) {
	a := t.Args()
	*a = [8]uintptr{}
	copy(a[:6], args)
	r := t.invoke(fn)
	if r == C.HYP_DEAD {
		t.k.noteEnd()
		return 0, ErrEnded
	}
	return int(r), nil
}

// Args is where the arguments of the next system call are put, as registers
// hold them.
func (t *Thread) Args() *[8]uintptr { return (*[8]uintptr)(unsafe.Pointer(&t.c.args)) }

// Syscall makes a system call with what stands in Args. It returns the
// kernel's error number, 0 for none.
func (t *Thread) Syscall(num uintptr) (r0, r1 uintptr, errno int, err error) {
	t.c.ret[0], t.c.ret[1] = 0, 0
	if t.k.turns != nil {
		return t.syscallInTurns(num, nil)
	}
	r := C.hyp_syscall(C.uintptr_t(uintptr(unsafe.Pointer(t.c))), C.uintptr_t(num))
	if r == C.HYP_DEAD {
		t.k.noteEnd()
		return 0, 0, 0, ErrEnded
	}
	return uintptr(t.c.ret[0]), uintptr(t.c.ret[1]), int(r), nil
}

// A Batch is a system call of several: number and arguments, and what the
// kernel answers. It has the layout of struct hyp_batch.
type Batch struct {
	Num    uintptr
	Args   [8]uintptr
	R0, R1 uintptr
	Errno  int // the kernel's, 0 for none
}

// Syscalls makes system calls one after the other, whatever becomes of them, in
// one crossing. The error is ErrEnded.
func (t *Thread) Syscalls(calls []Batch) error {
	if len(calls) == 0 {
		return nil
	}
	if t.k.turns != nil {
		return t.syscallsInTurns(calls)
	}
	r := C.hyp_syscalls(C.uintptr_t(uintptr(unsafe.Pointer(t.c))), (*C.struct_hyp_batch)(unsafe.Pointer(&calls[0])), C.uintptr_t(len(calls)))
	if r == C.HYP_DEAD {
		t.k.noteEnd()
		return ErrEnded
	}
	return nil
}

// syscallsInTurns makes each call by itself: another thread's turn may come
// between them.
func (t *Thread) syscallsInTurns(calls []Batch) (err error) {
	for i := range calls {
		c := &calls[i]
		*t.Args() = c.Args
		if c.R0, c.R1, c.Errno, err = t.Syscall(c.Num); err != nil {
			return err
		}
	}
	return nil
}

func (t *Thread) invoke(fn uintptr) C.long {
	if t.k.turns != nil {
		return t.invokeInTurns(fn)
	}
	return C.hyp_invoke(t.c, C.uintptr_t(fn))
}

// NewLWP gives the thread an LWP of a process of the kernel. It returns the
// kernel's error number, 0 for none.
func (t *Thread) NewLWP(pid int) (errno int, err error) {
	t.Args()[0] = uintptr(pid)
	r := t.invoke(uintptr(C.hyp_newlwp))
	if r == C.HYP_DEAD {
		t.k.noteEnd()
		return 0, ErrEnded
	}
	return int(r), nil
}

// Interrupt ends the sleep that the thread's system call is in, or its next
// one, if it is one that a signal would end.
func (t *Thread) Interrupt() { C.hyp_interrupt(t.c) }

// Uninterrupt takes back Interrupt, between calls.
func (t *Thread) Uninterrupt() { t.c.interrupted = false }

// threads is a stock of threads with an LWP of process 0.
type threads struct {
	k    *Kernel
	mu   sync.Mutex
	idle []*Thread
	all  []*Thread
}

func (p *threads) get() (*Thread, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		t := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return t, nil
	}
	p.mu.Unlock()
	t, err := p.k.NewThread()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.all = append(p.all, t)
	p.mu.Unlock()
	if p.k.turns != nil {
		return t, nil // it gets its LWP in its first call
	}
	if errno, err := t.NewLWP(0); err != nil || errno != 0 {
		return nil, errors.Join(err, errors.New("the kernel gave no LWP"))
	}
	return t, nil
}

func (p *threads) put(t *Thread) {
	p.mu.Lock()
	p.idle = append(p.idle, t)
	p.mu.Unlock()
}

func (p *threads) freeAll() {
	for _, t := range p.all {
		t.Free()
	}
	p.all, p.idle = nil, nil
}
