//go:build linux && (amd64 || arm64)

package sentry

import "sync/atomic"

// A watch ends a call when its Cancel channel is closed. It costs something
// only when the call blocks: then a goroutine waits for the channel and
// interrupts the task.
//
// begin, arm, fired and end are for the driver of the task and the caller that
// waits for it; they do not run at the same time.
type watch struct {
	c     <-chan struct{}
	armed atomic.Pointer[armedWatch]
}

type armedWatch struct {
	state atomic.Uint32 // watching, then one of fired or over
	stop  chan struct{}
	told  chan struct{} // closed when the task has been interrupted
}

const (
	watching uint32 = iota
	watchFired
	watchOver
)

// begin sets the channel for one call; nil for none.
func (w *watch) begin(c <-chan struct{}) { w.c = c }

// arm starts the watch. The task is interrupted at once where the channel is
// closed already.
func (w *watch) arm(t *task) {
	if w.c == nil || w.armed.Load() != nil {
		return
	}
	a := &armedWatch{stop: make(chan struct{}), told: make(chan struct{})}
	w.armed.Store(a)
	go func(c <-chan struct{}) {
		select {
		case <-c:
			if a.state.CompareAndSwap(watching, watchFired) {
				t.t.Interrupt()
			}
			close(a.told)
		case <-a.stop:
		}
	}(w.c)
}

// fired reports whether the call has been cancelled.
func (w *watch) fired() bool {
	a := w.armed.Load()
	return a != nil && a.state.Load() == watchFired
}

// end ends the watch of a call and reports whether it fired. Afterwards it
// interrupts nobody.
func (w *watch) end() bool {
	a := w.armed.Load()
	w.c = nil
	if a == nil {
		return false
	}
	w.armed.Store(nil)
	if a.state.CompareAndSwap(watching, watchOver) {
		close(a.stop)
		return false
	}
	<-a.told
	return true
}
