//go:build linux && (amd64 || arm64)

package sentry

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"gvisor.dev/gvisor/pkg/atomicbitops"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/ktime"
)

// gVisor has no way to run a call on another goroutine than the task's own, to
// boot without its CPU clock ticker, or to reach its timers. Private fields
// make that possible. Their names and types are checked before any kernel is opened: a
// gVisor without them is an unmet requirement, not a crash.

// A privateField is a field of a struct of gVisor's that is not exported.
type privateField struct {
	in   reflect.Type
	name string
	typ  reflect.Type
	off  uintptr // set by check
}

var (
	// taskGoroutine is the number of the goroutine that acts as the task.
	//
	// Invariant: it is written by whoever owns the task (see task.state) and
	// holds the number of the goroutine that executes gVisor code as the task.
	taskGoroutine = privateField{in: reflect.TypeFor[kernel.Task](), name: "goid", typ: reflect.TypeFor[atomicbitops.Int64]()}

	// tickerRunning says that the CPU clock ticker runs. Set before the first
	// task starts, it keeps gVisor from ever waking a ticker: there is none,
	// because it cannot be stopped and wakes up 100 times a second.
	tickerRunning = privateField{in: reflect.TypeFor[kernel.Kernel](), name: "cpuClockTickerRunning", typ: reflect.TypeFor[bool]()}

	// blockingTimer is what timeouts of a task's calls wait by; the pointer is
	// set before the task parks for the first time and never changes.
	blockingTimer = privateField{in: reflect.TypeFor[kernel.Task](), name: "blockingTimer", typ: reflect.TypeFor[*ktime.SampledTimer]()}

	// realTimer is a process's ITIMER_REAL, set when the process is made. It
	// has a goroutine, which must be ended by this field where a kernel
	// panicked and its processes cannot end by themselves.
	realTimer = privateField{in: reflect.TypeFor[kernel.ThreadGroup](), name: "itimerRealTimer", typ: reflect.TypeFor[*ktime.SampledTimer]()}
)

// checkPrivate finds the private fields.
func checkPrivate() error {
	return errors.Join(taskGoroutine.check(), tickerRunning.check(), blockingTimer.check(), realTimer.check())
}

func (f *privateField) check() error {
	field, ok := f.in.FieldByName(f.name)
	switch {
	case !ok:
		return fmt.Errorf("gVisor's %v has no field %s", f.in, f.name)
	case field.Type != f.typ:
		return fmt.Errorf("gVisor's %v.%s has type %v, not %v", f.in, f.name, field.Type, f.typ)
	}
	f.off = field.Offset
	return nil
}

func goroutineOf(t *kernel.Task) *atomicbitops.Int64 {
	return (*atomicbitops.Int64)(unsafe.Add(unsafe.Pointer(t), taskGoroutine.off))
}

func setTickerRunning(k *kernel.Kernel) {
	*(*bool)(unsafe.Add(unsafe.Pointer(k), tickerRunning.off)) = true
}

func blockingTimerOf(t *kernel.Task) *ktime.SampledTimer {
	return *(**ktime.SampledTimer)(unsafe.Add(unsafe.Pointer(t), blockingTimer.off))
}

func realTimerOf(tg *kernel.ThreadGroup) *ktime.SampledTimer {
	return *(**ktime.SampledTimer)(unsafe.Add(unsafe.Pointer(tg), realTimer.off))
}
