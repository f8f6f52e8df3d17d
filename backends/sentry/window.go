//go:build linux && (amd64 || arm64)

package sentry

import (
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The window is a range of addresses that is reserved in this process and
// never holds memory of Go's. In the address spaces of kernels it is where
// stacks, images and the results of mmap(2) are; everything around it is this
// process's own memory at its own addresses. Address spaces are independent,
// so one window serves every process of every kernel.
//
// Invariant: the window is mapped PROT_NONE from the first boot to the end of
// this process, so that no Go pointer ever points into it.
type window struct{ start, end uintptr }

// windowSize leaves room for large images and mappings. It costs nothing but
// addresses: one mapping, no page.
const windowSize = 1 << 40

var reserveWindow = sync.OnceValues(func() (window, error) {
	var hint uintptr = windowHint
	p, err := unix.MmapPtr(-1, 0, *(*unsafe.Pointer)(unsafe.Pointer(&hint)), windowSize, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return window{}, fmt.Errorf("reserving %d GiB of addresses: %w", windowSize>>30, err)
	}
	return window{uintptr(p), uintptr(p) + windowSize}, nil
})

// userCode is where the processes of kernels "execute": the address of a call
// instruction that is never run. The image of the first process is there.
func (w window) userCode() uintptr { return w.start + 0x1000 }

// afterCall is where a process is when it waits for a call to make.
func (w window) afterCall() uintptr { return w.userCode() + callLength }
