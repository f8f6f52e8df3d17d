//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/anykernel/anykernel/hypercall/rumpuser"
)

// An LWP makes the system calls of a process, one at a time. It is lent by
// [Process.LWP] for one call.
type LWP = rumpuser.Thread

// ErrExited is the error of a call for a process that has ended.
var ErrExited = errors.New("process has ended")

// A Process is a process inside a kernel. Its methods are safe for concurrent
// use.
type Process struct {
	k    *Kernel
	pid  int
	lwps lwps
	done chan struct{}
	end  sync.Once
}

// newProcess is a process that the kernel has, and of which first is an LWP,
// if it is not nil.
func (k *Kernel) newProcess(pid int, first *LWP) (*Process, error) {
	return k.addProcess(pid, first, nil)
}

// addProcess is newProcess, of a guest if it is not nil.
func (k *Kernel) addProcess(pid int, first *LWP, g *rumpuser.Guest) (*Process, error) {
	p := &Process{k: k, pid: pid, done: make(chan struct{})}
	p.lwps.init(k.host, pid)
	p.lwps.guest = g
	if first != nil {
		p.lwps.adopt(first)
	} else {
		t, err := p.lwps.take()
		if err != nil {
			return nil, err
		}
		p.lwps.give(t)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.processes[p] = struct{}{}
	return p, nil
}

// ID is the process's number.
func (p *Process) ID() int { return p.pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// LWP lends an LWP for one call. It is given back by Return, also after a call
// that failed.
func (p *Process) LWP() (*LWP, error) { return p.lwps.take() }

// Return gives back an LWP of LWP.
func (p *Process) Return(t *LWP) { p.lwps.give(t) }

// The flags of rfork in a rump kernel.
const (
	forkCopy  = 0x1 // RFFDG
	forkClean = 0x2 // RFCFDG
)

func forkFlags(clean, shared bool) uintptr {
	switch {
	case clean:
		return forkClean
	case shared:
		return 0
	}
	return forkCopy
}

// Fork makes a child of the process. With clean it starts without
// descriptors, with shared it has the parent's own, else copies of them.
func (p *Process) Fork(clean, shared bool) (*Process, error) {
	flags := forkFlags(clean, shared)
	t, err := p.lwps.take()
	if err != nil {
		return nil, err
	}
	defer p.lwps.give(t)
	parent := t.LWP()
	errno, err := t.Invoke(p.k.Symbol("rump_pub_lwproc_rfork"), flags)
	if err != nil {
		return nil, p.k.why(err)
	}
	// The kernel has made the child's first LWP the thread's own.
	child := t.LWP()
	t.SetLWP(parent)
	if int32(errno) != 0 {
		return nil, fmt.Errorf("rfork: error %d", int32(errno))
	}
	first, err := p.k.host.NewThread()
	if err != nil {
		return nil, err
	}
	first.SetLWP(child)
	pid, _, _, err := first.Syscall(sysGetpid)
	if err != nil {
		first.Free()
		return nil, p.k.why(err)
	}
	return p.k.newProcess(int(pid), first)
}

// Close ends the process: calls in flight are interrupted, and when they have
// ended its LWPs exit. It waits for both.
func (p *Process) Close() error {
	if p == p.k.init {
		return errors.New("the first process lives as long as the kernel")
	}
	var err error
	p.end.Do(func() {
		p.lwps.close()
		for !p.lwps.wait(p.k.host.Now().Add(10 * time.Millisecond)) {
			p.lwps.interrupt()
		}
		err = p.exit()
		p.k.mu.Lock()
		delete(p.k.processes, p)
		p.k.mu.Unlock()
		p.lwps.free()
		if p.lwps.guest != nil {
			p.lwps.guest.Free()
		}
		close(p.done)
	})
	<-p.done
	return err
}

// exit releases every LWP; the kernel frees the process with the last.
func (p *Process) exit() error {
	release := p.k.Symbol("rump_pub_lwproc_releaselwp")
	for _, t := range p.lwps.all {
		if _, err := t.Invoke(release); err != nil {
			return nil // the kernel has ended, and the process with it
		}
	}
	return nil
}
