//go:build cgo && linux && (amd64 || arm64)

package rumpuser

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"
	"unsafe"

	"github.com/anykernel/anykernel/hypercall"
	"golang.org/x/sys/unix"
)

// files is the open files of a kernel, by the number that the kernel has.
type files struct {
	mu      sync.Mutex
	open    []hypercall.File // nil where a number is free
	closers []func()         // watches and mappings, which go with the kernel
}

func (t *files) add(f hypercall.File) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, used := range t.open {
		if used == nil {
			t.open[i] = f
			return i
		}
	}
	t.open = append(t.open, f)
	return len(t.open) - 1
}

func (t *files) get(fd int) (hypercall.File, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if fd < 0 || fd >= len(t.open) || t.open[fd] == nil {
		return nil, unix.EBADF
	}
	return t.open[fd], nil
}

func (t *files) remove(fd int) error {
	f, err := t.get(fd)
	if err != nil {
		return err
	}
	t.mu.Lock()
	t.open[fd] = nil
	t.mu.Unlock()
	return errors.Join(f.Sync(), f.Close())
}

func (t *files) atClose(f func()) {
	t.mu.Lock()
	t.closers = append(t.closers, f)
	t.mu.Unlock()
}

func (t *files) closeAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.open {
		if f != nil {
			f.Close()
		}
	}
	for _, f := range t.closers {
		f()
	}
	t.open, t.closers = nil, nil
}

// A bio is a transfer between a kernel's memory and a block device. NetBSD's
// rumpblk makes each synchronous write one with sync, and that is all it has
// for a barrier: its DIOCCACHESYNC succeeds without asking anybody.
type bio struct {
	file      hypercall.File
	write     bool
	sync      bool
	data      []byte
	off       int64
	done, arg uintptr
}

// start begins a transfer, which ends in a goroutine of its own.
func (k *Kernel) start(b bio) {
	if k.turns != nil {
		k.turns.transfer(b)
		return
	}
	k.work.Go(func() {
		n, err := b.transfer()
		t, lwpErr := k.system.get()
		if lwpErr != nil {
			return // the kernel has ended: nobody waits for it
		}
		t.biodone(b.done, b.arg, n, netbsdErrno(err))
		k.system.put(t)
	})
}

func (b *bio) transfer() (n int, err error) {
	if !b.write {
		n, err = b.file.ReadAt(b.data, b.off)
		return n, noEOF(err)
	}
	n, err = b.file.WriteAt(b.data, b.off)
	if err == nil && b.sync {
		err = b.file.Sync()
	}
	return n, err
}

// transferLate is transfer that says how late it should be.
func (b *bio) transferLate() (n int, delay time.Duration, err error) {
	f, ok := b.file.(hypercall.LateFile)
	if !ok {
		n, err = b.transfer()
		return n, 0, err
	}
	if !b.write {
		n, delay, err = f.ReadLate(b.data, b.off)
		return n, delay, noEOF(err)
	}
	n, delay, err = f.WriteLate(b.data, b.off)
	if err == nil && b.sync {
		var more time.Duration
		more, err = f.SyncLate()
		delay += more
	}
	return n, delay, err
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// noOffset is the offset of a transfer at the file's own position.
const noOffset = -1

// transferAll reads or writes pieces of memory one after the other.
func transferAll(f hypercall.File, write bool, pieces [][]byte, off int64) (total int, err error) {
	for _, p := range pieces {
		n, err := transferOne(f, write, p, off)
		total += n
		if off != noOffset {
			off += int64(n)
		}
		if err != nil && !(errors.Is(err, io.EOF) || total > 0) {
			return 0, err
		}
		if err != nil || n < len(p) {
			break
		}
	}
	return total, nil
}

func transferOne(f hypercall.File, write bool, p []byte, off int64) (int, error) {
	if off != noOffset {
		if write {
			return f.WriteAt(p, off)
		}
		return f.ReadAt(p, off)
	}
	if w, ok := f.(io.Writer); ok && write {
		return w.Write(p)
	}
	if r, ok := f.(io.Reader); ok && !write {
		return r.Read(p)
	}
	return 0, unix.ESPIPE
}

// descriptor is the host's descriptor of a file that has one.
func (k *Kernel) descriptor(fd int) (uintptr, error) {
	f, err := k.files.get(fd)
	if err != nil {
		return 0, err
	}
	if d, ok := hypercall.Descriptor(f); ok {
		return d, nil
	}
	return 0, unix.EOPNOTSUPP
}

// mapFile makes a file n bytes long and maps it, until the kernel ends.
func (k *Kernel) mapFile(fd, n int) (unsafe.Pointer, error) {
	host, err := k.descriptor(fd)
	if err != nil {
		return nil, err
	}
	if err := unix.Ftruncate(int(host), int64(n)); err != nil {
		return nil, err
	}
	b, err := unix.Mmap(int(host), 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	k.files.atClose(func() { _ = unix.Munmap(b) })
	return unsafe.Pointer(unsafe.SliceData(b)), nil
}

// watch tells the kernel of writes to a file, whoever makes them, until the
// kernel ends.
func (k *Kernel) watch(fd, id int) error {
	if k.turns != nil {
		return unix.EOPNOTSUPP // changes come when they come
	}
	host, err := k.descriptor(fd)
	if err != nil {
		return err
	}
	path, err := os.Readlink("/proc/self/fd/" + itoa(int(host)))
	if err != nil {
		return err
	}
	in, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(in), "inotify")
	if _, err := unix.InotifyAddWatch(in, path, unix.IN_MODIFY); err != nil {
		f.Close()
		return err
	}
	k.work.Go(func() {
		var buf [4096]byte
		for {
			if _, err := f.Read(buf[:]); err != nil {
				return
			}
			k.changed(id)
		}
	})
	k.files.atClose(func() { f.Close() })
	return nil
}
