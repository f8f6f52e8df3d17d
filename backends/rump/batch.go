//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"runtime"
	"sync"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall/rumpuser"
	"github.com/anykernel/anykernel/rump"
)

var _ backends.Batcher = (*Process)(nil)

// batches is memory for calls, which lies on the heap, where it does not move.
var batches = sync.Pool{New: func() any { return new([maxBatch]rumpuser.Batch) }}

// maxBatch is how many calls are made in one crossing at most.
const maxBatch = 64

// CallAll implements [backends.Batcher].
func (p *Process) CallAll(calls []backends.Call, results []backends.Result) {
	memory := batches.Get().(*[maxBatch]rumpuser.Batch)
	defer batches.Put(memory)
	for len(calls) > 0 {
		n := min(len(calls), maxBatch)
		p.callSome(memory[:n], calls[:n], results[:n])
		calls, results = calls[n:], results[n:]
	}
}

// callSome makes calls in one crossing. One that is wrong by itself is getpid
// instead, and its result an error.
func (p *Process) callSome(batch []rumpuser.Batch, calls []backends.Call, results []backends.Result) {
	for i := range calls {
		results[i].Err = p.arrange(&batch[i], &calls[i])
	}
	l, err := p.raw.LWP()
	if err != nil {
		fail(results, p.gone(err))
		return
	}
	err = l.Syscalls(batch)
	p.raw.Return(l)
	runtime.KeepAlive(calls)
	if err != nil {
		fail(results, p.dead(err))
		return
	}
	for i := range batch {
		r, b := &results[i], &batch[i]
		switch {
		case r.Err == nil && b.Errno == 0:
			r.R0, r.R1 = b.R0, b.R1
			continue
		case r.Err == nil:
			r.Err = p.failed(b.Errno, nil, nil)
		}
		r.R0, r.R1 = 0, 0
	}
}

// arrange writes a call down as the kernel takes it.
func (p *Process) arrange(b *rumpuser.Batch, c *backends.Call) error {
	const getpid = 20
	b.Num, b.R0, b.R1 = getpid, 0, 0
	if len(c.Refs) > 0 {
		if err := c.Link(); err != nil {
			return err
		}
	}
	if c.Num == 0 || c.Num >= rump.NumCalls {
		return p.unknown()
	}
	b.Num = c.Num
	for i := range b.Args {
		b.Args[i] = c.Args[i].Word()
	}
	return nil
}

func fail(results []backends.Result, err error) {
	for i := range results {
		results[i].R0, results[i].R1 = 0, 0
		if results[i].Err == nil {
			results[i].Err = err
		}
	}
}
