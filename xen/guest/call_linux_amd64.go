package guest

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"github.com/anykernel/anykernel/xen/internal/shm"
)

// platformCall is a number that Linux does not have and never will: it answers
// with ENOSYS.
const platformCall = 0x4b00

// present asks the shim, once. A seccomp filter may kill who makes a call that
// nobody knows, so what Linux says of itself is asked first.
var present = sync.OnceValue(func() bool {
	var u syscall.Utsname
	if syscall.Uname(&u) != nil || !isShim(u.Version[:]) {
		return false
	}
	v, _, e := syscall.RawSyscall(platformCall, opVersion, 0, 0)
	return e == 0 && v == version
})

func isShim(text []int8) bool {
	const want = "#1 anykernel shim"
	for i := range len(want) {
		if byte(text[i]) != want[i] {
			return false
		}
	}
	return true
}

// call makes one platform call. Pointers that are converted in its arguments
// are kept where they are until it returns.
//
//go:uintptrescapes
func call(op, a, b, c, d uintptr) (uintptr, error) {
	if !present() {
		return 0, ErrNotGuest
	}
	r, _, e := syscall.RawSyscall6(platformCall, op, a, b, c, d, 0)
	if e != 0 {
		return 0, e
	}
	return r, nil
}

func alloc(size int) (shm.Region, error) {
	if size <= 0 {
		return shm.Region{}, fmt.Errorf("memory of %d bytes", size)
	}
	var physical uint64
	va, err := call(opMemory, uintptr(size), uintptr(unsafe.Pointer(&physical)), 0, 0)
	if err != nil {
		return shm.Region{}, fmt.Errorf("memory of %d bytes for devices: %w", size, err)
	}
	return shm.Region{Bytes: bytesAt(va, size), Address: physical}, nil
}

func mapPhysical(physical uint64, size int, cached bool) (shm.Region, error) {
	kind := uintptr(0)
	if cached {
		kind = 1
	}
	va, err := call(opMap, uintptr(physical), uintptr(size), kind, 0)
	if err != nil {
		return shm.Region{}, fmt.Errorf("map %d bytes at %#x: %w", size, physical, err)
	}
	return shm.Region{Bytes: bytesAt(va, size), Address: physical}, nil
}

func sharedInfo() (shm.Region, error) {
	va, err := call(opSharedInfo, 0, 0, 0, 0)
	if err != nil {
		return shm.Region{}, fmt.Errorf("shared page of Xen: %w", err)
	}
	return shm.Region{Bytes: bytesAt(va, 4096)}, nil
}

// bytesAt is memory that the shim has mapped: it is not of Go's heap, and
// stays.
func bytesAt(va uintptr, size int) []byte {
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&va))), size)
}

func interrupt(source int) (*os.File, byte, error) {
	var vector byte
	fd, err := call(opInterrupt, uintptr(source), uintptr(unsafe.Pointer(&vector)), 0, 0)
	if err != nil {
		return nil, 0, fmt.Errorf("interrupt %d: %w", source, err)
	}
	return os.NewFile(fd, fmt.Sprintf("interrupt %d", source)), vector, nil
}

func hypercall(nr uint64, args []uint64) (int64, error) {
	var h [6]uint64
	if len(args) >= len(h) {
		return 0, fmt.Errorf("hypercall %d with %d arguments: there are up to %d", nr, len(args), len(h)-1)
	}
	h[0] = nr
	copy(h[1:], args)
	if !present() {
		return 0, ErrNotGuest
	}
	r, _, e := syscall.RawSyscall(platformCall, opHypercall, uintptr(unsafe.Pointer(&h)), 0)
	runtime.KeepAlive(&h)
	if e != 0 {
		return -int64(e), nil
	}
	return int64(r), nil
}

func pointer(r shm.Region) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(r.Bytes)))) }
