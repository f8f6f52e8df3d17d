//go:build cgo && linux && (amd64 || arm64)

package rumpuser

// #include <stdlib.h>
// #include "rumpuser.h"
import "C"

import (
	"net"
	"os"
	"runtime"
	"runtime/cgo"
	"strconv"
	"sync"
	"time"
	"unsafe"

	"github.com/anykernel/anykernel/hypercall"
)

// What C calls. Each function runs on a thread that has left the kernel's
// virtual CPU or is about to come back at once.

func kernelOf(handle C.uintptr_t) *Kernel { return cgo.Handle(handle).Value().(*Kernel) }

func itoa(n int) string { return strconv.Itoa(n) }

//export goEnded
func goEnded(handle C.uintptr_t) { kernelOf(handle).noteEnd() }

//export goAllocate
func goAllocate(handle C.uintptr_t, size, align C.size_t) C.int {
	if kernelOf(handle).host.Memory.Allocate(int(size), int(align)) != nil {
		return enomem
	}
	return 0
}

//export goStartThread
func goStartThread(handle C.uintptr_t, name *C.char) C.int {
	if kernelOf(handle).host.Threads.Start(C.GoString(name)) != nil {
		return eagain
	}
	return 0
}

// goThread starts a thread of the host, which the kernel does not outlive.
//
//export goThread
func goThread(handle C.uintptr_t, name *C.char, fn C.uintptr_t) {
	k := kernelOf(handle)
	k.hosts.Go(func() {
		runtime.LockOSThread() // and so it ends with this goroutine
		C.hyp_host_thread_run(k.c, name, fn)
	})
}

//export goClock
func goClock(handle C.uintptr_t, which C.int) C.int64_t {
	clock := kernelOf(handle).host.Clock
	if which == 0 {
		return C.int64_t(clock.Now().UnixNano())
	}
	return C.int64_t(clock.Monotonic() / time.Nanosecond)
}

//export goParam
func goParam(handle C.uintptr_t, name *C.char, buf unsafe.Pointer, size C.size_t) C.int {
	k := kernelOf(handle)
	value, ok := k.param(C.GoString(name))
	if !ok {
		return enoent
	}
	if len(value) >= int(size) {
		return einval
	}
	b := unsafe.Slice((*byte)(buf), int(size))
	b[copy(b, value)] = 0
	return 0
}

func (k *Kernel) param(name string) (string, bool) {
	if k.host.Params == nil {
		return "", false
	}
	return k.host.Params.Param(name)
}

// The flags of rumpuser_open.
const (
	openAccess    = 0x3
	openWriteOnly = 0x1
	openReadWrite = 0x2
	openCreate    = 0x4
	openExclusive = 0x8
)

func openMode(flags int) (m hypercall.OpenMode) {
	switch flags & openAccess {
	case openWriteOnly:
		m = hypercall.Write
	case openReadWrite:
		m = hypercall.Read | hypercall.Write
	default:
		m = hypercall.Read
	}
	if flags&openCreate != 0 {
		m |= hypercall.Create
	}
	if flags&openExclusive != 0 {
		m |= hypercall.Exclusive
	}
	return m
}

//export goOpen
func goOpen(handle C.uintptr_t, path *C.char, flags C.int, fd, host *C.int) C.int {
	k := kernelOf(handle)
	f, err := k.block().Open(C.GoString(path), openMode(int(flags)))
	if err != nil {
		return C.int(netbsdErrno(err))
	}
	if o, ok := f.(*os.File); ok {
		*host = C.int(o.Fd())
	}
	*fd = C.int(k.files.add(f))
	return 0
}

func (k *Kernel) block() hypercall.Block {
	if k.host.Block == nil {
		return hypercall.UnimplementedBlock{}
	}
	return k.host.Block
}

//export goStat
func goStat(handle C.uintptr_t, path *C.char, size *C.uint64_t, kind *C.int) C.int {
	info, err := kernelOf(handle).block().Stat(C.GoString(path))
	if err != nil {
		return C.int(netbsdErrno(err))
	}
	*size, *kind = C.uint64_t(info.Size), C.int(fileType(info.Mode))
	return 0
}

//export goClose
func goClose(handle C.uintptr_t, fd C.int) C.int {
	return C.int(netbsdErrno(kernelOf(handle).files.remove(int(fd))))
}

// The operations of rumpuser_bio.
const (
	bioRead = 0x1
	bioSync = 0x4
)

//export goBio
func goBio(handle C.uintptr_t, fd, op C.int, data unsafe.Pointer, size C.size_t, off C.int64_t, done, arg C.uintptr_t) {
	k := kernelOf(handle)
	f, err := k.files.get(int(fd))
	if err != nil {
		f = failing{err}
	}
	k.start(bio{
		file: f, write: op&bioRead == 0, sync: op&bioSync != 0,
		data: unsafe.Slice((*byte)(data), int(size)), off: int64(off),
		done: uintptr(done), arg: uintptr(arg),
	})
}

// failing is a file that is not there.
type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error)  { return 0, f.err }
func (f failing) WriteAt([]byte, int64) (int, error) { return 0, f.err }
func (f failing) Sync() error                        { return f.err }
func (f failing) Close() error                       { return nil }

func (t *Thread) biodone(done, arg uintptr, n, errno int) {
	*t.Args() = [8]uintptr{done, arg, uintptr(n), uintptr(errno)}
	t.invoke(uintptr(C.hyp_biodone))
}

//export goIov
func goIov(handle C.uintptr_t, fd, write C.int, iov unsafe.Pointer, n C.size_t, off C.int64_t, got *C.size_t) C.int {
	f, err := kernelOf(handle).files.get(int(fd))
	if err != nil {
		return C.int(netbsdErrno(err))
	}
	total, err := transferAll(f, write != 0, pieces(iov, int(n)), int64(off))
	*got = C.size_t(total)
	return C.int(netbsdErrno(err))
}

// An iovec is a piece of the kernel's memory.
type iovec struct {
	base unsafe.Pointer
	size uintptr
}

func iovecs(iov unsafe.Pointer, n int) []iovec { return unsafe.Slice((*iovec)(iov), n) }

// pieces is the memory that an array of iovecs describes.
func pieces(iov unsafe.Pointer, n int) [][]byte {
	list := make([][]byte, 0, n)
	for _, v := range iovecs(iov, n) {
		list = append(list, unsafe.Slice((*byte)(v.base), int(v.size)))
	}
	return list
}

// syncWrite is the flag of rumpuser_syncfd that asks for anything at all.
const syncWrite = 0x2

//export goSync
func goSync(handle C.uintptr_t, fd, flags C.int, start, n C.uint64_t) C.int {
	f, err := kernelOf(handle).files.get(int(fd))
	if err == nil && flags&syncWrite != 0 {
		err = f.Sync()
	}
	return C.int(netbsdErrno(err))
}

// randomNoWait is the flag of rumpuser_getrandom that prefers nothing to
// waiting.
const randomNoWait = 0x2

//export goRandom
func goRandom(handle C.uintptr_t, buf unsafe.Pointer, size C.size_t, flags C.int, got *C.size_t) C.int {
	k := kernelOf(handle)
	r := k.host.Random
	if r == nil {
		r = hypercall.POSIX().Random
	}
	n, err := r.Read(unsafe.Slice((*byte)(buf), int(size)))
	*got = C.size_t(n)
	return C.int(netbsdErrno(err))
}

//export goPrint
func goPrint(handle C.uintptr_t, text unsafe.Pointer, n C.size_t) {
	k := kernelOf(handle)
	b := C.GoBytes(text, C.int(n))
	k.tail.add(b)
	if k.host.Console != nil {
		_ = k.host.Console.Print(b) // the kernel could not do anything about it
	}
}

//export goSignal
func goSignal(handle C.uintptr_t, pid C.int64_t, signal C.int) {
	if l := kernelOf(handle).host.Lifecycle; l != nil {
		l.Signal(int(pid), int(signal))
	}
}

//export goErrno
func goErrno(host C.int) C.int { return C.int(hostErrno(int(host))) }

//export goWatch
func goWatch(handle C.uintptr_t, fd, id C.int) C.int {
	return C.int(netbsdErrno(kernelOf(handle).watch(int(fd), int(id))))
}

func (k *Kernel) changed(id int) { C.hyp_changed(k.c, C.int(id)) }

//export goMapFile
func goMapFile(handle C.uintptr_t, fd C.int, n C.size_t, mem *unsafe.Pointer) C.int {
	p, err := kernelOf(handle).mapFile(int(fd), int(n))
	*mem = p
	return C.int(netbsdErrno(err))
}

//export goAttach
func goAttach(handle C.uintptr_t, unit *C.char, sc C.uintptr_t, mac *C.uint8_t, nic *C.uintptr_t) C.int {
	addr := net.HardwareAddr(C.GoBytes(unsafe.Pointer(mac), 6))
	n, err := kernelOf(handle).attach(C.GoString(unit), addr, uintptr(sc))
	*nic = C.uintptr_t(n)
	copy(unsafe.Slice((*byte)(mac), len(addr)), addr)
	return C.int(netbsdErrno(err))
}

//export goSend
func goSend(handle, nic C.uintptr_t, iov unsafe.Pointer, n C.size_t) {
	l := kernelOf(handle).nics.get(uintptr(nic))
	if l == nil {
		return
	}
	frame := frames.Get().(*[]byte)
	*frame = (*frame)[:0]
	for _, v := range iovecs(iov, int(n)) {
		*frame = append(*frame, unsafe.Slice((*byte)(v.base), int(v.size))...)
	}
	l.Send(*frame)
	frames.Put(frame)
}

// frames are buffers in which frames are put together.
var frames = sync.Pool{New: func() any { return new([]byte) }}

//export goDetach
func goDetach(handle, nic C.uintptr_t) { kernelOf(handle).nics.remove(uintptr(nic)) }

func (k *Kernel) deliverAddr() uintptr { return uintptr(k.c.deliver) }

// deliver gives the kernel a frame, which lies on Go's heap.
func (t *Thread) deliver(fn, sc uintptr, frame unsafe.Pointer, n int) {
	t.setDelivery(fn, sc, frame, n)
	t.invoke(uintptr(C.hyp_deliver))
	runtime.KeepAlive(frame)
}

// setDelivery makes the arguments of a delivery. The iovec stands behind those
// that the call takes.
func (t *Thread) setDelivery(fn, sc uintptr, frame unsafe.Pointer, n int) {
	a := t.Args()
	a[6], a[7] = uintptr(frame), uintptr(n)
	a[0], a[1], a[2], a[3] = fn, sc, uintptr(unsafe.Pointer(&a[6])), 1
}
