//go:build linux && (amd64 || arm64)

package sentry

import (
	"time"

	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/sentry/arch"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/timerfd"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/ktime"
)

// gVisor's timers wait by timers of the host and look at the kernel's clock
// only when those fire. A kernel whose clock moves in steps has all of them
// look after each: reading a gVisor timer makes it expire if it is due.

// NextTimer is how long it is, by the kernel's clock, until the first of the
// timers that moving a [hypercall.StepClock] wakes is due; false where none is set.
// What is due already is 0.
func (k *Kernel) NextTimer() (time.Duration, bool) {
	first, any := k.netClock.next()
	k.eachTimer(func(left time.Duration) {
		if !any || left < first {
			first, any = left, true
		}
	})
	return max(0, first), any
}

// stepped is called after each step of the kernel's clock.
func (k *Kernel) stepped() {
	k.netClock.fire()
	k.eachTimer(func(time.Duration) {})
}

// eachTimer reads every timer of every task and process and calls f with what
// is left of those that are set.
func (k *Kernel) eachTimer(f func(left time.Duration)) {
	if k.isDead() {
		return
	}
	var tasks []*task
	var procs []*Process
	k.mu.Lock()
	for _, t := range k.tasks {
		tasks = append(tasks, t)
	}
	for _, p := range k.procs {
		procs = append(procs, p)
	}
	k.mu.Unlock()
	read := func(now ktime.Time, s ktime.Setting) {
		if s.Enabled {
			f(s.Next.Sub(now))
		}
	}
	for _, t := range tasks {
		select {
		case <-t.ready: // its timer is there
			readTimer(blockingTimerOf(t.t).Get, read)
		default:
		}
	}
	for _, p := range procs {
		readTimer(realTimerOf(p.leader.t.ThreadGroup()).Get, read)
		for id := range p.timers.Load() {
			if spec, err := p.leader.t.IntervalTimerGettime(linux.TimerID(id)); err == nil && spec.Value != (linux.Timespec{}) {
				f(spec.Value.ToDuration())
			}
		}
		p.eachTimerFD(func(t *timerfd.TimerFileDescription) { readTimer(t.GetTime, read) })
	}
}

// readTimer reads a timer that may be destroyed at this moment, which gVisor
// answers with a panic. It holds no lock then, and nobody waits for a
// destroyed timer.
func readTimer(get func() (ktime.Time, ktime.Setting), f func(ktime.Time, ktime.Setting)) {
	defer func() { _ = recover() }()
	f(get())
}

// eachTimerFD calls f for the timerfds of p.
func (p *Process) eachTimerFD(f func(*timerfd.TimerFileDescription)) {
	var fds *kernel.FDTable
	p.leader.t.WithMuLocked(func(t *kernel.Task) {
		if fds = t.FDTable(); fds != nil && !fds.TryIncRef() {
			fds = nil
		}
	})
	if fds == nil {
		return
	}
	ctx := p.k.gv.SupervisorContext()
	defer fds.DecRef(ctx)
	for _, fd := range fds.GetFDs(ctx) {
		file, _ := fds.Get(fd)
		if file == nil {
			continue // closed meanwhile
		}
		if t, ok := file.Impl().(*timerfd.TimerFileDescription); ok {
			f(t)
		}
		file.DecRef(ctx)
	}
}

// countTimers is timer_create. gVisor numbers a process's timers from 0, so
// that their count bounds the numbers.
func countTimers(gvisors kernel.SyscallFn) kernel.SyscallFn {
	return func(t *kernel.Task, nr uintptr, args arch.SyscallArguments) (uintptr, *kernel.SyscallControl, error) {
		r, ctrl, err := gvisors(t, nr, args)
		if k := kernelOf(t); err == nil && k != nil {
			if c := k.taskOf(t); c != nil {
				c.p.timers.Add(1)
			}
		}
		return r, ctrl, err
	}
}
