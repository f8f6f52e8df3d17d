package sys

import (
	"sync"

	"github.com/anykernel/anykernel/hypercall"
)

// A callLock is a lock that may be held in calls of a kernel. Where a
// scheduler runs the kernel, who waits for the lock gives its turn away: the
// holder may need it to go on.
type callLock struct {
	sched hypercall.Scheduler // nil: mu is the lock
	mu    sync.Mutex

	held  bool
	waits []hypercall.Wait
}

// Lock implements sync.Locker.
func (l *callLock) Lock() {
	if l.sched == nil {
		l.mu.Lock()
		return
	}
	for l.held {
		w := l.sched.NewWait(func() string { return "a lock of package sys" })
		l.waits = append(l.waits, w)
		w.Wait(nil)
	}
	l.held = true
}

// Unlock implements sync.Locker.
func (l *callLock) Unlock() {
	if l.sched == nil {
		l.mu.Unlock()
		return
	}
	l.held = false
	for _, w := range l.waits {
		w.Wake()
	}
	l.waits = nil
}
