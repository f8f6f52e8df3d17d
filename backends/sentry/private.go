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
// boot without its CPU clock ticker, to reach its timers, or to run TCP's
// workers where a panic can be caught. Private fields make that possible. Their
// names and types are checked before any kernel is opened: a gVisor without
// them is an unmet requirement, not a crash.

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
	var all error
	for _, f := range []*privateField{
		&taskGoroutine, &tickerRunning, &blockingTimer, &realTimer,
		&dispatcher, &workersRunning, &workersClosed, &workers,
		&workerSleeper, &workerEndpoint, &workerClose, &workerPause,
	} {
		all = errors.Join(all, f.check())
	}
	return all
}

// fieldType is the type of a field of t; nil where there is none.
func fieldType(t reflect.Type, name string) reflect.Type {
	if t != nil && t.Kind() == reflect.Struct {
		if f, ok := t.FieldByName(name); ok {
			return f.Type
		}
	}
	return nil
}

// elemType is what a pointer or slice leads to; nil for other types.
func elemType(t reflect.Type) reflect.Type {
	if t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice) {
		return t.Elem()
	}
	return nil
}

func (f *privateField) check() error {
	if fieldType(f.in, f.name) == nil {
		return fmt.Errorf("gVisor's %v has no field %s", f.in, f.name)
	}
	field, _ := f.in.FieldByName(f.name)
	if field.Type != f.typ {
		return fmt.Errorf("gVisor's %v.%s has type %v, not %v", f.in, f.name, field.Type, f.typ)
	}
	f.off = field.Offset
	return nil
}

// of is where the field is in the struct at p.
func (f *privateField) of(p unsafe.Pointer) unsafe.Pointer { return unsafe.Add(p, f.off) }

func goroutineOf(t *kernel.Task) *atomicbitops.Int64 {
	return (*atomicbitops.Int64)(taskGoroutine.of(unsafe.Pointer(t)))
}

func setTickerRunning(k *kernel.Kernel) { *(*bool)(tickerRunning.of(unsafe.Pointer(k))) = true }

func blockingTimerOf(t *kernel.Task) *ktime.SampledTimer {
	return *(**ktime.SampledTimer)(blockingTimer.of(unsafe.Pointer(t)))
}

func realTimerOf(tg *kernel.ThreadGroup) *ktime.SampledTimer {
	return *(**ktime.SampledTimer)(realTimer.of(unsafe.Pointer(tg)))
}
