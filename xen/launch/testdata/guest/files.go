package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const page = 4096

// memfd: files in memory, and what is mapped of them.
func memfd([]string) {
	debug.SetPanicOnFault(true)
	f := newMemfd()
	check(f.Truncate(1<<40) == nil, "a sparse file of 1 TiB")
	check(must(f.Stat()).Size() == 1<<40, "its size is %d", must(f.Stat()).Size())
	check(f.Truncate(8*page) == nil, "a smaller one")

	a, b := mapFile(f, 0, 8*page), mapFile(f, 2*page, 6*page)
	b[5] = 7
	check(a[2*page+5] == 7, "two mappings of one page differ")
	got := make([]byte, page)
	must(f.ReadAt(got, 2*page))
	check(got[5] == 7 && got[6] == 0, "what is mapped is not read")
	must(f.WriteAt([]byte("hello"), 3*page-2))
	check(string(a[3*page-2:3*page+3]) == "hello", "what is written is not mapped")
	check(blocks(f) == 2*page/512, "two pages are %d blocks", blocks(f))

	fd := int(f.Fd())
	check(syscall.Madvise(a, syscall.MADV_DONTNEED) == nil && a[2*page+5] == 7, "madvise lost a shared page")
	check(unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 2*page+4, page) == nil, "punch a hole")
	check(a[2*page+3] == 0 && a[2*page+5] == 0 && a[3*page+3] == 0 && blocks(f) == 2*page/512, "the hole is not empty")
	check(unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 2*page, 2*page) == nil && blocks(f) == 0, "%d blocks are left", blocks(f))
	a[2*page] = 1
	check(b[0] == 1, "the mappings differ behind a hole")
	check(unix.Fallocate(fd, 0, 7*page, 2*page) == nil && must(f.Stat()).Size() == 9*page && blocks(f) == 3*page/512, "allocate")

	a[6*page], a[page+9] = 1, 1
	check(f.Truncate(page+9) == nil, "truncate")
	check(recovered(func() { sink = a[6*page] }) != nil, "a page behind the end is there")
	check(f.Truncate(8*page) == nil, "grow again")
	check(a[6*page] == 0 && a[page+9] == 0, "what was cut off came back")

	check(syscall.Mprotect(b, syscall.PROT_READ) == nil && recovered(func() { b[0] = 1 }) != nil, "a read-only mapping was written")
	private := must(syscall.Mmap(fd, 0, page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE))
	private[0] = 9
	check(a[0] == 0, "a private mapping is shared")
	check(f.Close() == nil, "close")
	a[7] = 8 // the mapping holds the file
	check(a[7] == 8 && syscall.Munmap(a) == nil && syscall.Munmap(b) == nil, "unmap")
	memfdReturns()
	memfdRefusals()
	fmt.Println("memfd ok")
}

func newMemfd() *os.File {
	return os.NewFile(uintptr(must(unix.MemfdCreate("test", unix.MFD_CLOEXEC))), "memfd")
}

func mapFile(f *os.File, at int64, size int) []byte {
	return must(syscall.Mmap(int(f.Fd()), at, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED))
}

func blocks(f *os.File) int64 { return must(f.Stat()).Sys().(*syscall.Stat_t).Blocks }

// memfdReturns: pages come back when a file ends, many times over.
func memfdReturns() {
	for range 30 {
		f := newMemfd()
		check(f.Truncate(8<<20) == nil, "truncate")
		m := mapFile(f, 0, 8<<20)
		for i := 0; i < len(m); i += page {
			m[i] = 1
		}
		f.Close()
		check(syscall.Munmap(m) == nil, "munmap")
	}
}

func memfdRefusals() {
	f := newMemfd()
	defer f.Close()
	fd := int(f.Fd())
	check(errors.Is(unix.Ftruncate(fd, -1), unix.EINVAL), "a negative size")
	check(errors.Is(unix.Ftruncate(fd, 1<<62), unix.EFBIG), "a size of 4 EiB")
	check(errors.Is(unix.Fallocate(fd, 0, 1<<62, 1<<62), unix.EFBIG), "an allocation that wraps")
	check(errors.Is(unix.Fallocate(fd, 0x40, 0, page), unix.EOPNOTSUPP), "a mode that is not there")
	check(errors.Is(unix.Ftruncate(1, 0), unix.EINVAL), "the console was cut")
	_, err := unix.Pwrite(fd, []byte("x"), 1<<50)
	check(errors.Is(err, unix.EFBIG), "a write behind all sizes: %v", err)
	_, err = unix.MemfdCreate("x", 1<<20)
	check(errors.Is(err, unix.EINVAL), "flags that are not there: %v", err)
	_, _, e := syscall.Syscall6(syscall.SYS_PWRITE64, uintptr(fd), 0x1000, 10, 5, 0, 0)
	check(e == syscall.EFAULT && must(f.Stat()).Size() == 0 && blocks(f) == 0, "a write from nowhere: %v", e)
	_, err = syscall.Mmap(fd, 1<<62, page, syscall.PROT_READ, syscall.MAP_SHARED)
	check(err != nil, "a mapping behind all sizes")
	n := 0
	for ; ; n++ {
		if _, err = unix.MemfdCreate("many", 0); err != nil {
			break
		}
	}
	check(n > 100 && errors.Is(err, unix.EMFILE), "%d files, then %v", n, err)
}

// pipes: what is written is read, by who waits and by who does not.
func pipes([]string) {
	r, w, err := os.Pipe()
	check(err == nil, "%v", err)
	sent := make([]byte, 300_000)
	for i := range sent {
		sent[i] = byte(i * 31 >> 4)
	}
	go func() {
		for b := sent; len(b) > 0; {
			n := must(w.Write(b[:min(len(b), 70_001)]))
			b = b[n:]
		}
		w.Close()
	}()
	check(bytes.Equal(must(io.ReadAll(r)), sent), "a pipe changed what went through it")
	r.Close()

	var fds [2]int
	check(unix.Pipe2(fds[:], 0) == nil, "pipe2")
	done := make(chan int)
	go func() { done <- must(unix.Write(fds[1], sent)) }() // waits in the call
	var got []byte
	for b := make([]byte, 1000); len(got) < len(sent); {
		got = append(got, b[:must(unix.Read(fds[0], b))]...)
	}
	check(<-done == len(sent) && bytes.Equal(got, sent), "a blocking write was cut short")

	check(unix.SetNonblock(fds[0], true) == nil && unix.SetNonblock(fds[1], true) == nil, "set nonblocking")
	_, err = unix.Read(fds[0], got)
	check(errors.Is(err, unix.EAGAIN), "an empty pipe: %v", err)
	n := must(unix.Write(fds[1], sent))
	check(n == 65536, "an empty pipe took %d bytes", n)
	must(unix.Read(fds[0], got[:100]))
	_, err = unix.Write(fds[1], sent[:200])
	check(errors.Is(err, unix.EAGAIN), "a short write was cut to the room there is: %v", err)
	signal.Ignore(syscall.SIGPIPE)
	unix.Close(fds[0])
	_, err = unix.Write(fds[1], sent[:1])
	check(errors.Is(err, unix.EPIPE), "a pipe that nobody reads: %v", err)
	unix.Close(fds[1])
	check(errors.Is(unix.Pipe2(fds[:], 1), unix.EINVAL), "flags that are not there")
	for range 1000 {
		r, w, err := os.Pipe()
		check(err == nil && r.Close() == nil && w.Close() == nil, "pipes run out: %v", err)
	}
	fmt.Println("pipes ok")
}

const usr1 = uint64(1) << (syscall.SIGUSR1 - 1)

// masks: a signal that is blocked but for the time of a call ends that call.
func masks([]string) {
	runtime.LockOSThread()
	got := make(chan os.Signal, 10)
	signal.Notify(got, syscall.SIGUSR1)
	var before, now uint64
	block := usr1
	sigprocmask(0, &block, &before)
	tid := syscall.Gettid()

	check(tgkill(tid) == nil, "tgkill")
	check(len(got) == 0, "a blocked signal came")
	check(ppoll(10*time.Second, &before) == syscall.EINTR, "a pending signal did not end ppoll")
	<-got
	sigprocmask(0, nil, &now)
	check(now == before|usr1, "the mask is %#x behind ppoll, was %#x", now, before|usr1)

	go func() {
		time.Sleep(20 * time.Millisecond)
		check(tgkill(tid) == nil, "tgkill")
	}()
	check(ppoll(10*time.Second, &before) == syscall.EINTR, "a signal did not end ppoll")
	<-got
	sigprocmask(0, nil, &now)
	check(now == before|usr1, "the mask is %#x behind a wait, was %#x", now, before|usr1)

	all := ^uint64(0)
	check(ppoll(10*time.Millisecond, &all) == 0, "ppoll did not end by itself")
	sigprocmask(0, nil, &now)
	check(now == before|usr1, "the mask is %#x behind a timeout, was %#x", now, before|usr1)

	ep := must(unix.EpollCreate1(0))
	check(tgkill(tid) == nil, "tgkill")
	var events [1]unix.EpollEvent
	_, _, e := syscall.Syscall6(syscall.SYS_EPOLL_PWAIT, uintptr(ep), uintptr(unsafe.Pointer(&events)), 1, 10_000, uintptr(unsafe.Pointer(&before)), 8)
	check(e == syscall.EINTR, "a pending signal did not end epoll_pwait: %v", e)
	<-got
	_, _, e = syscall.Syscall6(syscall.SYS_PPOLL, 0, 0, 0, 0x1000, 8, 0)
	check(e == syscall.EFAULT || e == syscall.EINVAL, "a mask at nowhere: %v", e)
	fmt.Println("masks ok")
}

func sigprocmask(how int, set, old *uint64) {
	_, _, e := syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, uintptr(how), uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
	check(e == 0, "rt_sigprocmask: %v", e)
}

func tgkill(tid int) error { return unix.Tgkill(os.Getpid(), tid, syscall.SIGUSR1) }

func ppoll(d time.Duration, mask *uint64) syscall.Errno {
	timeout := syscall.NsecToTimespec(int64(d))
	_, _, e := syscall.Syscall6(syscall.SYS_PPOLL, 0, 0, uintptr(unsafe.Pointer(&timeout)), uintptr(unsafe.Pointer(mask)), 8, 0)
	return e
}
