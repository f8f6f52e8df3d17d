package sys

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/anykernel/anykernel/backends"
)

// A Process is a process inside a kernel. It executes nothing by itself: its
// calls are made by the methods of this type and of its files.
type Process struct {
	*processState
	// ctx ends the calls of this view; nil for none. See With.
	ctx context.Context
}

// processState is what all views of a process share.
type processState struct {
	k   *Kernel
	raw backends.Process
	fds *descriptorTable
	// parent is the process that made it; nil for the first.
	parent *processState
}

// A descriptorTable stands for a table of descriptors inside a kernel.
// Processes that share the table point to the same one.
type descriptorTable struct {
	owner backends.Process // the process that had the table first

	mu     callLock // held to make the poller
	poller atomic.Pointer[poller]
}

// Kernel is the kernel that p is in.
func (p *Process) Kernel() *Kernel { return p.k }

// ID is the process number that the kernel gave.
func (p *Process) ID() int { return p.raw.ID() }

// With is a view of p whose calls end when ctx does, as if a signal had been
// caught: with an error that is EINTR and the error of ctx. Files opened
// through the view are bound by ctx only while they are being opened.
func (p *Process) With(ctx context.Context) *Process {
	return &Process{processState: p.processState, ctx: ctx}
}

// Fork makes a child of p that has the descriptors that fds says. The child
// has no files of Go's: what it inherited is reached by [Process.FD].
func (p *Process) Fork(ctx context.Context, fds backends.Descriptors) (*Process, error) {
	raw, err := p.raw.Fork(ctx, fds)
	if err != nil {
		return nil, p.wrap("fork", "", err)
	}
	t := p.fds
	if fds != backends.SharedDescriptors {
		t = p.k.table(raw)
	}
	child := p.k.process(raw, t)
	child.parent = p.processState
	return child, nil
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.raw.Done() }

// Close ends the process as SIGKILL would and waits for its end. Its exit
// status stays for its parent to wait for.
func (p *Process) Close() error {
	if err := p.raw.Close(); err != nil {
		return fmt.Errorf("close process %d of kernel %s: %w", p.ID(), p.k.name, err)
	}
	return nil
}

// Raw makes a raw call in the kernel's own ABI and returns its results as they
// are; see [backends.Process] for the errors. It is what the packages of
// single OSes are made of. A context of p ends it, unless c.Cancel is set.
func (p *Process) Raw(c backends.Call) (r0, r1 uintptr, err error) {
	if c.Cancel == nil && p.ctx != nil {
		c.Cancel = p.ctx.Done()
	}
	return p.raw.Call(c)
}

// call makes the call that op means in this kernel's ABI. Its error is not
// wrapped.
func (p *Process) call(o op, args ...backends.Arg) (uintptr, error) {
	n := p.k.tab.calls[o]
	if n.num == noCall {
		return 0, errNoCall
	}
	c := backends.Call{Num: uintptr(n.num)}
	n.place(&c.Args, args)
	if p.ctx != nil {
		c.Cancel = p.ctx.Done()
	}
	r, _, err := p.raw.Call(c)
	return r, err
}

// callRefs is call for memory that holds pointers. Holders are counted by the
// position in args.
func (p *Process) callRefs(o op, refs []backends.Ref, args ...backends.Arg) (uintptr, error) {
	n := p.k.tab.calls[o]
	if n.num == noCall {
		return 0, errNoCall
	}
	c := backends.Call{Num: uintptr(n.num), Refs: refs}
	n.place(&c.Args, args)
	if p.ctx != nil {
		c.Cancel = p.ctx.Done()
	}
	r, _, err := p.raw.Call(c)
	return r, err
}

// RawAll makes raw calls one after the other, whatever becomes of them, and
// stores what became of each in results, which is as long as calls. Kernels in
// this process are entered once for all of them. A context of p is looked at
// before, not while they are made: they should be such as do not wait.
func (p *Process) RawAll(calls []backends.Call, results []backends.Result) error {
	if len(results) != len(calls) {
		return fmt.Errorf("%d calls with room for %d results", len(calls), len(results))
	}
	if p.ctx != nil && p.ctx.Err() != nil {
		return p.wrap("calls", "", backends.ErrInterrupted)
	}
	backends.CallAll(p.raw, calls, results)
	return nil
}
