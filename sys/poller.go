package sys

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall"
)

// A poller tells goroutines when descriptors of one table are ready. It has
// one goroutine, which is blocked in a call of the kernel's own epoll or
// kqueue, so that any number of others may wait without holding a thread.
// A table gets its poller when something first has to wait, and a poller that
// has nothing to tell does nothing.
//
// A descriptor is registered once, for both directions and edge triggered,
// when it first has to wait, and taken out when it is closed. What is
// registered is the number: a late event for a file that had the number
// before makes somebody look in vain, and nothing else.
type poller struct {
	p     *Process // makes the calls; of no context
	queue eventQueue
	wake  [2]int // a pipe; a byte in it ends the poller

	mu    callLock
	descs map[int]*pollDesc
	err   error // why the poller ended; its descriptors are closed then

	done  chan struct{}  // closed when the goroutine has ended
	ended hypercall.Wait // the same, of a kernel that has a scheduler
}

// An eventQueue is the kernel's part of a poller. Its calls are made by the
// process that is given.
type eventQueue interface {
	// add registers a number for both directions. It may be registered
	// already.
	add(p *Process, num int) error
	// remove takes a number out.
	remove(p *Process, num int)
	// wait blocks until there are events and reports them.
	wait(p *Process, report func(num int, read, write bool)) error
	// close closes the queue's own descriptor.
	close(p *Process)
}

// poller is the one of p's table, made now if there is none.
func (p *Process) poller() (*poller, error) {
	t := p.fds
	t.mu.Lock()
	defer t.mu.Unlock()
	if po := t.poller.Load(); po != nil && po.alive() {
		return po, nil
	}
	owner := t.owner
	if owner == nil || isDone(owner.Done()) {
		owner = p.processState.raw
	}
	po, err := newPoller(p.k, &Process{processState: &processState{k: p.k, raw: owner, fds: t}})
	if err == nil {
		t.poller.Store(po)
	}
	return po, err
}

func isDone(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func newPoller(k *Kernel, p *Process) (_ *poller, err error) {
	po := &poller{p: p, descs: map[int]*pollDesc{}, done: make(chan struct{})}
	po.mu.sched = k.sched
	if po.queue, err = newEventQueue(p); err != nil {
		return nil, err
	}
	if err := po.makeWake(); err != nil {
		po.queue.close(p)
		return nil, err
	}
	if err := k.addPoller(po); err != nil {
		po.closeAll()
		return nil, err
	}
	po.start()
	return po, nil
}

func newEventQueue(p *Process) (eventQueue, error) {
	switch t := p.k.tab; {
	case t.has(opEpollCreate):
		return newEpoll(p)
	case t.has(opKqueue):
		return newKqueue(p)
	}
	return nil, fmt.Errorf("neither epoll nor kqueue in this ABI: %w", ErrNotSupported)
}

func (po *poller) makeWake() error {
	r, w, err := po.p.Pipe(O_CLOEXEC)
	if err != nil {
		return err
	}
	// The numbers are this poller's to close.
	r.Keep()
	w.Keep()
	po.wake = [2]int{r.num, w.num}
	if err := po.queue.add(po.p, r.num); err != nil {
		return errors.Join(err, r.Close(), w.Close())
	}
	return nil
}

func (po *poller) alive() bool {
	po.mu.Lock()
	defer po.mu.Unlock()
	return po.err == nil
}

// start starts the goroutine.
func (po *poller) start() {
	s := po.p.k.sched
	if s == nil {
		go po.run()
		return
	}
	po.ended = s.NewWait(func() string { return "the end of a poller" })
	s.Go("poller of "+po.p.k.name, po.run)
}

// join waits until the goroutine has ended.
func (po *poller) join() {
	if po.ended != nil {
		po.ended.Wait(nil)
		return
	}
	<-po.done
}

// run hands events to those who wait until the poller is stopped, or its
// process or its kernel ends.
func (po *poller) run() {
	defer po.end()
	stop := false
	report := func(num int, read, write bool) {
		if num == po.wake[0] {
			stop = true
		} else if d := po.find(num); d != nil {
			d.ready(read, write)
		}
	}
	for !stop {
		err := po.queue.wait(po.p, report)
		if err != nil && !po.p.isInterrupt(err) {
			po.fail(err)
			return
		}
		// Those who were woken run first, here and now, and not on a thread
		// that has to be woken for them because this one blocks again.
		runtime.Gosched()
	}
	po.fail(backends.ErrClosed)
}

func (po *poller) end() {
	close(po.done)
	if po.ended != nil {
		po.ended.Wake()
	}
}

func (po *poller) find(num int) *pollDesc {
	po.mu.Lock()
	defer po.mu.Unlock()
	return po.descs[num]
}

// fail ends all waiting, and the poller's usefulness.
func (po *poller) fail(err error) {
	po.mu.Lock()
	defer po.mu.Unlock()
	po.err = err
	for _, d := range po.descs {
		d.fail(err)
	}
	po.descs = nil
	po.closeAll()
}

func (po *poller) closeAll() {
	po.queue.close(po.p)
	for _, num := range po.wake {
		_, _ = po.p.call(opClose, backends.Int(uintptr(num)))
	}
}

// stop ends the poller and waits for its goroutine.
func (po *poller) stop() {
	po.mu.Lock()
	if po.err == nil { // the number is still the pipe's
		_, _ = po.p.call(opWrite, backends.Int(uintptr(po.wake[1])), backends.Mem([]byte{0}, backends.In), backends.Int(1))
	}
	po.mu.Unlock()
	po.join()
}

// register has the poller watch a number of the table of p.
func (po *poller) register(p *Process, num int) (*pollDesc, error) {
	po.mu.Lock()
	defer po.mu.Unlock()
	if po.err != nil {
		return nil, po.err
	}
	d := po.descs[num]
	if d == nil {
		d = newPollDesc(po.p.k.sched)
		po.descs[num] = d // before the first event
	}
	if err := po.queue.add(p, num); err != nil {
		// Others may wait by it already; nothing would wake them any more.
		delete(po.descs, num)
		d.fail(err)
		return nil, err
	}
	return d, nil
}

// forget takes out a number that is about to be closed.
func (po *poller) forget(p *Process, num int) {
	po.mu.Lock()
	d := po.descs[num]
	delete(po.descs, num)
	po.mu.Unlock()
	if d == nil {
		return
	}
	d.fail(errFileClosed)
	po.queue.remove(p, num)
}

// forget takes a number that is about to be closed out of the table's poller.
func (t *descriptorTable) forget(p *Process, num int) {
	if po := t.poller.Load(); po != nil {
		po.forget(p, num)
	}
}
