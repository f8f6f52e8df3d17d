//go:build linux && (amd64 || arm64)

package sentry

import (
	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/sentry/kernel"

	"github.com/anykernel/anykernel/backends"
)

// worker is a task of the process for one call: an idle one, or a new one.
func (p *Process) worker(cancel <-chan struct{}) (*task, error) {
	if t := p.idle.Swap(nil); t != nil && p.usable(t) {
		return t, nil
	}
	for {
		t := p.pop()
		if t == nil {
			return p.newWorker(cancel)
		}
		if p.usable(t) {
			return t, nil
		}
	}
}

// release gives a worker back.
func (p *Process) release(t *task) {
	if t.born == p.stale.Load() && p.idle.CompareAndSwap(nil, t) {
		// A change may have retired the idle workers just before.
		if t.born != p.stale.Load() && p.idle.CompareAndSwap(t, nil) {
			t.retire()
		}
		return
	}
	p.push(t)
}

func (p *Process) pop() *task {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.pool)
	if n == 0 {
		return nil
	}
	t := p.pool[n-1]
	p.pool[n-1] = nil
	p.pool = p.pool[:n-1]
	return t
}

func (p *Process) push(t *task) {
	p.mu.Lock()
	keep := t.born == p.stale.Load() && len(p.pool) < maxIdle
	if keep {
		p.pool = append(p.pool, t)
	}
	p.mu.Unlock()
	if !keep {
		t.retire()
	}
}

// usable reports whether a worker that was idle may still be used, and retires
// it otherwise.
func (p *Process) usable(t *task) bool {
	switch {
	case t.state.Load() == ended:
		return false
	case t.born != p.stale.Load():
		t.retire()
		return false
	}
	return true
}

// retireIdle retires every idle worker and waits for their end.
func (p *Process) retireIdle() {
	p.mu.Lock()
	idle := p.pool
	p.pool = nil
	p.mu.Unlock()
	if t := p.idle.Swap(nil); t != nil {
		idle = append(idle, t)
	}
	for _, t := range idle {
		t.retire()
	}
	for _, t := range idle {
		select {
		case <-t.exited:
		case <-p.k.dead:
		}
	}
}

// retire ends a worker. It does not wait.
func (c *task) retire() {
	c.request.Store(&request{nr: unix.SYS_EXIT})
	c.poke()
}

// newWorker clones a worker from the leader.
func (p *Process) newWorker(cancel <-chan struct{}) (*task, error) {
	if err := p.lock(cancel); err != nil {
		return nil, err
	}
	defer p.unlock()
	born, execs := p.stale.Load(), p.execs.Load()
	c := backends.Call{Num: unix.SYS_CLONE}
	c.Args[0] = backends.Int(threadFlags)
	tid, err := p.leader.call(&c, false)
	if err != nil {
		return nil, err
	}
	t := p.k.taskOf(p.leader.t.PIDNamespace().TaskWithID(kernel.ThreadID(tid)))
	if t == nil {
		return nil, p.leader.gone()
	}
	select {
	case <-t.ready:
	case <-t.exited:
		return nil, t.gone()
	case <-p.k.dead:
		return nil, p.k.Err()
	}
	t.born, t.execs = born, execs
	return t, nil
}
