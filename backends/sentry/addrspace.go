//go:build linux && (amd64 || arm64)

package sentry

import (
	"unsafe"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/context"
	"gvisor.dev/gvisor/pkg/errors/linuxerr"
	"gvisor.dev/gvisor/pkg/hostarch"
	"gvisor.dev/gvisor/pkg/safecopy"
	"gvisor.dev/gvisor/pkg/safemem"
	"gvisor.dev/gvisor/pkg/sentry/memmap"
	"gvisor.dev/gvisor/pkg/sentry/platform"
)

// An addressSpace is gVisor's view of how a process's memory is reached. Its
// copies go straight to host memory; what lies in the window is left to
// gVisor's own tables.
type addressSpace struct{ win window }

// MapFile does nothing: no machine code runs that would need the mapping.
func (*addressSpace) MapFile(hostarch.Addr, memmap.File, memmap.FileRange, hostarch.AccessType, bool) error {
	return nil
}

func (*addressSpace) Unmap(hostarch.Addr, uint64) {}
func (*addressSpace) Release()                    {}
func (*addressSpace) PreFork()                    {}
func (*addressSpace) PostFork()                   {}

// isHost reports whether n bytes at addr are host memory.
func (a *addressSpace) isHost(addr hostarch.Addr, n uintptr) bool {
	start := uintptr(addr)
	end := start + n
	return start >= userMin && end >= start && (end <= a.win.start || start >= a.win.end && end <= userMax)
}

// errElsewhere makes gVisor go through its own tables.
var errElsewhere error = platform.AddressSpaceIOUnavailable{}

// pointer is addr as a pointer to host memory. It may point anywhere: every
// access to it goes through safecopy, which turns faults into errors.
func pointer(addr hostarch.Addr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&addr))
}

func (a *addressSpace) CopyOut(addr hostarch.Addr, src []byte) (int, error) {
	if !a.isHost(addr, uintptr(len(src))) {
		return 0, errElsewhere
	}
	n, err := safecopy.CopyOut(pointer(addr), src)
	return n, fault(err)
}

func (a *addressSpace) CopyIn(addr hostarch.Addr, dst []byte) (int, error) {
	if !a.isHost(addr, uintptr(len(dst))) {
		return 0, errElsewhere
	}
	n, err := safecopy.CopyIn(dst, pointer(addr))
	return n, fault(err)
}

func (a *addressSpace) ZeroOut(addr hostarch.Addr, n uintptr) (uintptr, error) {
	if !a.isHost(addr, n) {
		return 0, errElsewhere
	}
	done, err := safecopy.ZeroOut(pointer(addr), n)
	return done, fault(err)
}

func (a *addressSpace) SwapUint32(addr hostarch.Addr, v uint32) (uint32, error) {
	if !a.isHost(addr, 4) {
		return 0, errElsewhere
	}
	old, err := safecopy.SwapUint32(pointer(addr), v)
	return old, fault(err)
}

func (a *addressSpace) CompareAndSwapUint32(addr hostarch.Addr, before, after uint32) (uint32, error) {
	if !a.isHost(addr, 4) {
		return 0, errElsewhere
	}
	old, err := safecopy.CompareAndSwapUint32(pointer(addr), before, after)
	return old, fault(err)
}

func (a *addressSpace) LoadUint32(addr hostarch.Addr) (uint32, error) {
	if !a.isHost(addr, 4) {
		return 0, errElsewhere
	}
	v, err := safecopy.LoadUint32(pointer(addr))
	return v, fault(err)
}

func fault(err error) error {
	if err != nil {
		return linuxerr.EFAULT
	}
	return nil
}

// hostMemory is a file, mappable in kernels, whose offsets are addresses of
// this process.
type hostMemory struct {
	// present says that the memory is Go's own, which is always there, so that
	// gVisor may read and write it as any other slice.
	//
	// That is faster, and it is right where the other way is not: gVisor's
	// receive on Unix sockets loses what it copies through a buffer of its own.
	present bool

	arena *arena // what it is part of; nil where it lasts

	memmap.DefaultMemoryType
	memmap.NoBufferedIOFallback
	memmap.MappingSpace
}

// MapInternal gives the memory itself. Unless it is Go's it may not be there;
// see pointer.
func (m *hostMemory) MapInternal(fr memmap.FileRange, _ hostarch.AccessType) (safemem.BlockSeq, error) {
	p := pointer(hostarch.Addr(fr.Start))
	if m.present {
		return safemem.BlockSeqOf(safemem.BlockFromSafePointer(p, int(fr.Length()))), nil
	}
	return safemem.BlockSeqOf(safemem.BlockFromUnsafePointer(p, int(fr.Length()))), nil
}

func (m *hostMemory) IncRef(memmap.FileRange, uint32)    { m.arena.hold() }
func (m *hostMemory) DecRef(memmap.FileRange)            { m.arena.drop() }
func (*hostMemory) DataFD(memmap.FileRange) (int, error) { return -1, unix.ENODEV }
func (*hostMemory) FD() int                              { return -1 }

// hostMapping is hostMemory as a memmap.Mappable and its identity.
type hostMapping struct{ file hostMemory }

func (m *hostMapping) Translate(_ context.Context, _, optional memmap.MappableRange, _ hostarch.AccessType) ([]memmap.Translation, error) {
	return []memmap.Translation{{Source: optional, File: &m.file, Offset: optional.Start, Perms: hostarch.ReadWrite}}, nil
}

func (*hostMapping) AddMapping(context.Context, memmap.MappingSpace, hostarch.AddrRange, uint64, bool) error {
	return nil
}

func (*hostMapping) RemoveMapping(context.Context, memmap.MappingSpace, hostarch.AddrRange, uint64, bool) {
}

func (*hostMapping) CopyMapping(context.Context, memmap.MappingSpace, hostarch.AddrRange, hostarch.AddrRange, uint64, bool) error {
	return nil
}

func (*hostMapping) InvalidateUnsavable(context.Context) error         { return nil }
func (m *hostMapping) IncRef()                                         { m.file.arena.hold() }
func (m *hostMapping) DecRef(context.Context)                          { m.file.arena.drop() }
func (*hostMapping) MappedName(context.Context) string                 { return "[go]" }
func (*hostMapping) DeviceID() uint64                                  { return 0 }
func (*hostMapping) InodeID() uint64                                   { return 0 }
func (*hostMapping) Msync(context.Context, memmap.MappableRange) error { return nil }

// presentMemory maps Go's own memory.
var presentMemory = &hostMapping{file: hostMemory{present: true}}

// mapHost maps host memory around the window.
func (m *hostMapping) mapHost(ctx context.Context, mm platform.MemoryManager, win window) error {
	for _, r := range goMemory().around(win) {
		mapping := m
		if r.present {
			mapping = presentMemory
		}
		if _, err := mm.MMap(ctx, memmap.MMapOpts{
			Length:          uint64(r.end - r.start),
			Mappable:        mapping,
			MappingIdentity: mapping,
			Offset:          uint64(r.start),
			Addr:            hostarch.Addr(r.start),
			Fixed:           true,
			Unmap:           true,
			Perms:           hostarch.ReadWrite,
			MaxPerms:        hostarch.ReadWrite,
		}); err != nil {
			return err
		}
	}
	return nil
}
