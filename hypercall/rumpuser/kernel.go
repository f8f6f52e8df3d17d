//go:build cgo && linux && (amd64 || arm64)

package rumpuser

/*
#cgo CFLAGS: -std=gnu11 -O2 -Wall -Wextra -fno-strict-aliasing
#cgo LDFLAGS: -lpthread
#cgo noescape hyp_syscall
#include <stdlib.h>
#include "rumpuser.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime/cgo"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/anykernel/anykernel/hypercall"
)

// Options says what a kernel gets.
type Options struct {
	// Memory is the most that the kernel may have, in bytes.
	Memory int
	// CPUs is the number of its virtual CPUs.
	CPUs int
	// Seat is the kernel's with the host's scheduler, where it has one.
	Seat hypercall.Seat
	// CallName names system calls, for people; nil: by number.
	CallName func(num uintptr) string
}

// A Kernel is the host side of one kernel.
type Kernel struct {
	c      *C.struct_hyp_kernel
	handle cgo.Handle
	host   hypercall.Host
	tail   tail
	files  files
	nics   nics
	ended  chan struct{}
	once   sync.Once
	turns  *turns  // nil where the kernel has threads of its own
	system threads // LWPs of process 0, for transfers and packets
	work   sync.WaitGroup
	hosts  sync.WaitGroup // threads of the host: carriers, and runners of errands
	free   atomic.Bool
}

// New makes the host side of a kernel. It is given back by Free.
func New(host hypercall.Host, o Options) (*Kernel, error) {
	if host.Scheduler != nil && o.Memory > arenaMax {
		return nil, fmt.Errorf("%d bytes of memory: a kernel whose threads take turns has at most %d", o.Memory, arenaMax)
	}
	k := &Kernel{host: host, ended: make(chan struct{})}
	k.handle = cgo.NewHandle(k)
	k.c = C.hyp_kernel_new(C.uintptr_t(k.handle), C.size_t(o.Memory), C.int(o.CPUs), C.uint32_t(hooks(host)), C.uintptr_t(o.arenaAddress()))
	if k.c == nil {
		k.handle.Delete()
		return nil, fmt.Errorf("no room for a kernel of %d bytes", o.Memory)
	}
	k.system.k = k
	if host.Scheduler != nil {
		k.takeTurns(host.Scheduler, o)
	}
	return k, nil
}

func hooks(h hypercall.Host) (bits uint32) {
	if h.Clock != nil {
		bits |= C.HYP_HOOK_CLOCK
	}
	if h.Memory != nil {
		bits |= C.HYP_HOOK_MEMORY
	}
	if h.Threads != nil {
		bits |= C.HYP_HOOK_THREADS
	}
	return bits
}

// Free gives back what the kernel had: threads, memory, files, interfaces. The
// kernel has ended, or never began, and no call on it is under way.
func (k *Kernel) Free() {
	if k.free.Swap(true) {
		return
	}
	k.End(Exited)
	k.nics.close()
	k.files.closeAll()
	k.work.Wait()
	if k.turns != nil {
		k.turns.s.Leave(k.turns.seat)
	}
	k.system.freeAll()
	C.hyp_kernel_leave(k.c)
	k.hosts.Wait()
	C.hyp_kernel_free(k.c)
	k.handle.Delete()
}

// symbols is what libraries find here by name.
var symbols = sync.OnceValue(func() map[string]uintptr {
	m := map[string]uintptr{}
	for _, s := range unsafe.Slice(C.hyp_symbol_table(), int(C.hyp_nsymbols)) {
		m[C.GoString(s.name)] = uintptr(s.addr)
	}
	return m
})

// Symbol is the address of what answers for a name in a kernel's libraries:
// hypercalls, and functions of the kernel that this package takes the place
// of.
func Symbol(name string) (addr uintptr, ok bool) {
	addr, ok = symbols()[name]
	return addr, ok
}

// Trap is the address of what answers for functions that nobody has: it ends
// the kernel that calls it.
func Trap() uintptr { return uintptr(C.hyp_trap) }

// TLSSize is the size of the thread-local storage that a kernel may have. It
// is what its current LWP takes.
const TLSSize = 8

// An Image is what this package wants to know of a kernel in memory.
type Image interface {
	Symbol(name string) (addr uintptr, size int)
	LinkSet(name string) [][2]uintptr // start and end, lower libraries first
}

// Bind tells the kernel's host side where the kernel's own functions are.
func (k *Kernel) Bind(im Image) error {
	addr, _ := im.Symbol("rump_syscall")
	if addr == 0 {
		return errors.New("the kernel has no rump_syscall")
	}
	*(*uintptr)(unsafe.Pointer(&k.c.syscall)) = addr
	for name, to := range map[string]unsafe.Pointer{
		"rumpns_copyin":           unsafe.Pointer(&k.c.orig.copyin),
		"rumpns_copyout":          unsafe.Pointer(&k.c.orig.copyout),
		"rumpns_copyinstr":        unsafe.Pointer(&k.c.orig.copyinstr),
		"rumpns_copyoutstr":       unsafe.Pointer(&k.c.orig.copyoutstr),
		"rumpns_cv_wait_sig":      unsafe.Pointer(&k.c.orig.cv_wait_sig),
		"rumpns_cv_timedwait_sig": unsafe.Pointer(&k.c.orig.cv_timedwait_sig),
		"rumpns_cv_timedwait":     unsafe.Pointer(&k.c.orig.cv_timedwait),
		"rumpns_sleepq_block":     unsafe.Pointer(&k.c.orig.sleepq_block),
		"rumpns_kpause":           unsafe.Pointer(&k.c.orig.kpause),
		"rumpns_tsleep":           unsafe.Pointer(&k.c.orig.tsleep),
		"rumpns_mtsleep":          unsafe.Pointer(&k.c.orig.mtsleep),
		"rumpns_cprng_fast32":     unsafe.Pointer(&k.c.orig.cprng_fast32),
		"rumpns_ether_ioctl":      unsafe.Pointer(&k.c.orig.ether_ioctl),
		"rumpns_ifioctl_common":   unsafe.Pointer(&k.c.orig.ifioctl_common),
		"rumpns_ifq_enqueue":      unsafe.Pointer(&k.c.orig.ifq_enqueue),
		"rumpns_m_defrag":         unsafe.Pointer(&k.c.orig.m_defrag),
		"rumpns_m_freem":          unsafe.Pointer(&k.c.orig.m_freem),
	} {
		*(*uintptr)(to), _ = im.Symbol(name)
	}
	deliver, _ := im.Symbol("rump_virtif_virt_deliverpkt")
	k.c.deliver = C.uintptr_t(deliver)
	k.c.components, k.c.ncomponents = linkSets(im.LinkSet("rump_components"))
	k.c.modules, k.c.nmodules = linkSets(im.LinkSet("modules"))
	return nil
}

func linkSets(sets [][2]uintptr) (*C.struct_hyp_linkset, C.size_t) {
	if len(sets) == 0 {
		return nil, 0
	}
	p := (*C.struct_hyp_linkset)(C.calloc(C.size_t(len(sets)), C.size_t(unsafe.Sizeof(C.struct_hyp_linkset{}))))
	copy(unsafe.Slice((*[2]uintptr)(unsafe.Pointer(p)), len(sets)), sets)
	return p, C.size_t(len(sets))
}

// How is how a kernel ended.
type How int

const (
	Alive    How = C.HYP_ALIVE
	Exited   How = C.HYP_EXITED   // by itself, or by End
	Panicked How = C.HYP_PANICKED // its panic message is in its console's tail
	Faulted  How = C.HYP_FAULTED  // a bad address, or a function that nobody has
	// Exhausted: its memory was used up, and nobody gave any back for seconds.
	Exhausted How = C.HYP_EXHAUSTED
)

// An End is how and why a kernel ended.
type End struct {
	How     How
	Status  int     // of exit
	Signal  int     // of a fault: the host's signal
	Address uintptr // of a fault: what was accessed
	PC      uintptr // of a fault: by which instruction
	Missing string  // the function that nobody has
}

// State is how the kernel ended, if it has.
func (k *Kernel) State() End {
	return End{
		How: How(C.int(atomic.LoadInt32((*int32)(unsafe.Pointer(&k.c.end))))), Status: int(k.c.status),
		Signal: int(k.c.fault_signal), Address: uintptr(k.c.fault_addr), PC: uintptr(k.c.fault_pc),
		Missing: C.GoString(&k.c.missing[0]),
	}
}

// Ended is closed when the kernel has ended.
func (k *Kernel) Ended() <-chan struct{} { return k.ended }

// End ends a kernel from outside, as it is: nothing is written back. Callers
// leave it at their next wait.
func (k *Kernel) End(how How) {
	C.hyp_kill(k.c, C.int(how))
	k.noteEnd()
}

// noteEnd is called when the kernel is seen to have ended.
func (k *Kernel) noteEnd() {
	k.once.Do(func() {
		close(k.ended)
		if k.turns != nil {
			k.turns.wakeAll()
		}
	})
}

// Tail is the end of what the kernel printed.
func (k *Kernel) Tail() []byte { return k.tail.bytes() }

// MemoryUsed is how much memory the kernel has now, in bytes.
func (k *Kernel) MemoryUsed() int { return int(k.c.arena.used) }

// Fibers is how many threads the kernel has made.
func (k *Kernel) Fibers() int { return int(k.c.nthreads) }
