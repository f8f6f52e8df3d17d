package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// A Pool runs cases in child processes, several at a time: one world runs in a
// process at a time, and what crashes ends its process.
type Pool struct {
	// Command is a program that calls Work. Pool adds files and an environment
	// variable to it.
	Command func(context.Context) *exec.Cmd
	// Jobs is how many run at a time; 0 is one for each processor.
	Jobs int
	// Timeout is how long a run may take, by the machine's clock; 0 is a
	// minute. One that takes longer has failed.
	Timeout time.Duration
	// Runs is how often each case is run; 0 is once. Runs of a case that have
	// different traces are a failure.
	Runs int
}

// window bounds how far the pool runs ahead of the oldest case whose result is
// not there.
const window = 1024

// Run runs cases until there are no more, ctx ends, or each returns false.
// Each is called with their results in the order of the cases, by one
// goroutine at a time. The error is about the pool; what is about a run is in
// its record.
func (p *Pool) Run(ctx context.Context, cases iter.Seq[Case], each func(Record) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next, stop := iter.Pull(cases)
	defer stop()
	q := newQueue(next, max(p.Runs, 1), each, cancel)
	defer context.AfterFunc(ctx, q.stop)()
	var wg sync.WaitGroup
	for range cmp.Or(p.Jobs, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			if err := p.work(ctx, q); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil && err != errEnough {
		return err
	}
	return nil
}

// work is one child after the other, each until it crashes.
func (p *Pool) work(ctx context.Context, q *queue) error {
	var w *worker
	defer func() { w.close() }()
	for {
		n, c, ok := q.take()
		if !ok {
			return nil
		}
		if w == nil {
			var err error
			if w, err = p.start(ctx); err != nil {
				return err
			}
		}
		r, err := w.run(c, cmp.Or(p.Timeout, time.Minute))
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			r = Record{Seed: c.Seed, Case: c.String(), Failed: true, Error: err.Error()}
			w.close()
			w = nil
		}
		q.put(n, r)
	}
}

// One runs one case.
func (p *Pool) One(ctx context.Context, c Case) (r Record, err error) {
	one := Pool{Command: p.Command, Jobs: 1, Timeout: p.Timeout, Runs: p.Runs}
	err = one.Run(ctx, func(yield func(Case) bool) { yield(c) }, func(x Record) bool {
		r = x
		return true
	})
	return r, err
}

// Seeds are the cases of a range of seeds, both included.
func Seeds(first, last uint64) iter.Seq[Case] {
	return func(yield func(Case) bool) {
		for seed := first; yield(Case{Seed: seed}) && seed != last; seed++ {
		}
	}
}

// A queue gives out runs, and puts their results into order.
type queue struct {
	runs int
	each func(Record) bool
	end  context.CancelCauseFunc

	mu    sync.Mutex
	moved sync.Cond // a result was told, or it is empty
	next  func() (Case, bool)
	at    Case             // whose runs are given out
	given int              // runs that were given out
	empty bool             // nothing is given out any more
	over  bool             // each is not called any more
	done  map[int][]Record // by number of the case
	told  int              // cases that each was called for
}

func newQueue(next func() (Case, bool), runs int, each func(Record) bool, end context.CancelCauseFunc) *queue {
	q := &queue{runs: runs, each: each, end: end, next: next, done: map[int][]Record{}}
	q.moved.L = &q.mu
	return q
}

var errEnough = errors.New("enough")

// stop has nothing given out any more.
func (q *queue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.empty = true
	q.moved.Broadcast()
}

// take is the next run: the number of its case, and the case.
func (q *queue) take() (int, Case, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.empty && q.given/q.runs-q.told >= window {
		q.moved.Wait()
	}
	if !q.empty && q.given%q.runs == 0 {
		c, ok := q.next()
		q.at, q.empty = c, !ok
	}
	if q.empty {
		return 0, Case{}, false
	}
	n := q.given / q.runs
	q.given++
	return n, q.at, true
}

// put takes a result, and calls each for the cases whose turn it is.
func (q *queue) put(n int, r Record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.done[n] = append(q.done[n], r)
	for !q.over && len(q.done[q.told]) == q.runs {
		r := same(q.done[q.told])
		delete(q.done, q.told)
		q.told++
		q.moved.Broadcast()
		if !q.each(r) {
			q.over, q.empty = true, true
			q.end(errEnough)
		}
	}
}

// same is the one result of several runs, which is that they differ where they
// do.
func same(runs []Record) Record {
	first := runs[0]
	for _, r := range runs[1:] {
		if r.Trace != first.Trace || r.Error != first.Error {
			first.Failed = true
			first.Error = fmt.Sprintf("not deterministic: runs have the traces %s and %s, %d and %d turns, the errors %q and %q",
				first.Trace, r.Trace, first.Turns, r.Turns, first.Error, r.Error)
			return first
		}
	}
	return first
}
