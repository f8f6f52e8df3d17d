//go:build linux && (amd64 || arm64)

package sentry

import (
	"math"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/context"
	"gvisor.dev/gvisor/pkg/hostarch"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/mm"
	"gvisor.dev/gvisor/pkg/sentry/platform"
)

// userMin is where user addresses begin: what lies below is never memory, so
// that small numbers are bad pointers.
const userMin = 0x10000

// goPlatform is the gVisor platform whose user code is Go callers.
type goPlatform struct {
	platform.NoCPUPreemptionDetection
	platform.NoCPUNumbers

	k    *Kernel
	win  window
	host hostMapping

	// max is the end of user addresses. It is the window's end while an image
	// is loaded, so that gVisor puts everything into the window, and userMax
	// for the moment in which a loaded address space is opened up.
	//
	// Invariant: whoever loads an image or opens an address space up holds
	// k.execMu, or is the boot.
	max atomic.Uintptr
}

func newPlatform(k *Kernel, win window) *goPlatform {
	p := &goPlatform{k: k, win: win}
	p.max.Store(win.end)
	return p
}

// SupportsAddressSpaceIO says that all addresses around the window are this
// program's memory, which is not so in a kernel for guests.
func (p *goPlatform) SupportsAddressSpaceIO() bool { return !p.k.cfg.Guests }

func (*goPlatform) HaveGlobalMemoryBarrier() bool   { return true } // atomics of Go are barriers already
func (*goPlatform) GlobalMemoryBarrier() error      { return nil }
func (*goPlatform) MapUnit() uint64                 { return 0 }
func (*goPlatform) MinUserAddress() hostarch.Addr   { return userMin }
func (p *goPlatform) MaxUserAddress() hostarch.Addr { return hostarch.Addr(p.max.Load()) }
func (*goPlatform) ConcurrencyCount() int           { return math.MaxInt }

func (*goPlatform) SeccompInfo() platform.SeccompInfo {
	return platform.StaticSeccompInfo{PlatformName: Name}
}

func (p *goPlatform) NewAddressSpace() (platform.AddressSpace, error) {
	return &addressSpace{win: p.win}, nil
}

// NewContext is called while gVisor makes a task, with its locks held.
func (p *goPlatform) NewContext(ctx context.Context) platform.Context {
	return p.k.newTask(kernel.TaskFromContext(ctx))
}

// openUp lets the address space reach host memory, unless it does already: a
// forked one inherits that.
func (p *goPlatform) openUp(t *kernel.Task, m platform.MemoryManager) error {
	space := m.(*mm.MemoryManager)
	if _, ok := space.CheckIORange(userMax-1, 1); ok {
		return nil
	}
	p.max.Store(userMax)
	_, err := space.SetMmapLayout(t.Arch(), t.ThreadGroup().Limits())
	p.max.Store(p.win.end)
	if err != nil {
		return err
	}
	return p.host.mapHost(t, space, p.win)
}
