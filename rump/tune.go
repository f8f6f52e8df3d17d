//go:build cgo && linux && (amd64 || arm64)

package rump

import "encoding/binary"

const (
	// freePages is what a kernel is told that it has: 64 GiB. Its memory is
	// limited by its arena, and by RUMP_MEMLIMIT, which both know what is
	// used.
	freePages = 16 << 20
	// MaxFiles is how many files a kernel may have open. NetBSD's own number
	// is for a machine of the nineties, and a rump kernel has no sysctl for
	// it.
	MaxFiles = 64 << 10
)

// tune sets variables of the kernel that nothing else can set.
func (k *Kernel) tune() {
	order := binary.NativeEndian
	if v := k.image.Variable("rumpns_maxfiles"); len(v) == 4 && order.Uint32(v) < MaxFiles {
		order.PutUint32(v, MaxFiles)
	}
	k.tuneLimits()
	// struct uvmexp begins with the size, mask and shift of a page, the
	// number of pages and that of free ones, in every release: top(1) reads
	// it. A rump kernel sets the last once, to the 512 MiB that it calls its
	// physical memory, and counts nothing there; but file systems in memory
	// look at it, and refuse files with large holes.
	v := k.image.Variable("rumpns_uvmexp")
	if len(v) < 20 || order.Uint32(v) != 4096 || order.Uint32(v[4:]) != 4095 || order.Uint32(v[8:]) != 12 {
		return
	}
	if free := v[16:20]; order.Uint32(free) == order.Uint32(v[12:]) && order.Uint32(free) < freePages {
		order.PutUint32(free, freePages)
	}
}

// tuneLimits lets processes have as many files open as the kernel has room for.
//
// setrlimit(2) of the first process would do, too, but a rump kernel has
// children of a process that ever called it share that process's limits. So
// what all begin with is changed instead, which each process copies when it
// sets limits of its own. It begins with a struct rlimit for each resource.
func (k *Kernel) tuneLimits() {
	const (
		rlimitNofile = 8
		size         = 16
		at           = rlimitNofile * size
	)
	order := binary.NativeEndian
	v := k.image.Variable("rumpns_limit0")
	if len(v) < at+size {
		return
	}
	soft, hard := v[at:at+8], v[at+8:at+size]
	if order.Uint64(soft) <= MaxFiles && order.Uint64(soft) <= order.Uint64(hard) {
		order.PutUint64(soft, MaxFiles)
		order.PutUint64(hard, MaxFiles)
	}
}
