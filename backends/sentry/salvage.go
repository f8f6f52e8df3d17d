//go:build linux && (amd64 || arm64)

package sentry

import (
	"errors"
	"maps"
	"slices"
	"time"
)

// salvageTime bounds how long Close of a kernel that panicked takes.
const salvageTime = 5 * time.Second

var errNotSalvaged = errors.New("the kernel panicked, and some of what it had could not be given back")

// salvage gives back what it can of a kernel that panicked. Its processes
// cannot end as they should, because that would enter gVisor again: their
// goroutines are ended where they are, and what keeps others running is
// stopped. What is left is garbage, but for timers that processes made.
func (k *Kernel) salvage() error {
	logs.remove(k)
	done := make(chan error, 1)
	go func() {
		defer func() {
			if recover() != nil {
				done <- errNotSalvaged
			}
		}()
		done <- k.takeApart(time.Now().Add(salvageTime))
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(2 * salvageTime):
		return errNotSalvaged // something waits for a lock that nobody will open
	}
}

func (k *Kernel) takeApart(deadline time.Time) error {
	for !k.quiet() {
		if time.Now().After(deadline) {
			return errNotSalvaged
		}
		time.Sleep(time.Millisecond)
	}
	k.mu.Lock()
	for tg := range k.procs {
		realTimerOf(tg).Destroy()
	}
	nets := slices.Collect(maps.Keys(k.nets))
	k.mu.Unlock()
	k.netClock.close()
	// The rest of a stack stands still without its workers, and its sockets
	// may be locked for ever.
	for _, n := range nets {
		endWorkers(n)
	}
	for _, l := range k.links {
		l.Close()
		l.Wait()
	}
	if k.memory != nil { // the boot came so far
		k.memory.file.Destroy()
	}
	return nil
}

// quiet reports whether nobody is inside the kernel any more.
func (k *Kernel) quiet() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range k.tasks {
		if !t.abandoned.Load() || t.state.Load() == taken && !t.broken.Load() {
			return false
		}
	}
	return true
}
