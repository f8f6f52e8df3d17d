package kerneltest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// fileCases hold for kernels with a writable file system.
var fileCases = slices.Concat(openFileCases, descriptorCases, pathCases, directoryCases, treeCases)

// openFileCases are about what is done with an open file.
var openFileCases = []Case{
	{Name: "files are opened, read and written", Needs: backends.Files, Run: testOpenReadWrite},
	{Name: "reads and writes at an offset", Needs: backends.Files, Run: testPreadPwrite},
	{Name: "vectors are gathered and scattered", Needs: backends.Files, Run: testVectors},
	{Name: "offsets beyond 4 GiB", Needs: backends.Files, Run: testLargeOffsets},
	{Name: "files are written to their device", Needs: backends.Files, Run: testSync},
	{Name: "space is allocated", Needs: backends.Files, Run: testAllocate},
	{Name: "record locks between processes", Needs: backends.Fork, Run: testRecordLocks},
	{Name: "flock between open files", Needs: backends.Files, Run: testFlock},
}

// tempDir is a new directory that goes when the case ends.
func tempDir(t T, p *sys.Process) string {
	t.Helper()
	if err := p.MkdirAll(sys.TempDir, 0o777|fs.ModeSticky); err != nil {
		t.Fatalf("%v", err)
	}
	dir, err := p.MkdirTemp("", "kerneltest")
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		if err := p.RemoveAll(dir); err != nil && p.Kernel().Err() == nil {
			t.Errorf("removing what the case made: %v", err)
		}
	})
	return dir
}

// create is a new file with that content, open for reading and writing. It
// closes when the case ends.
func create(t T, p *sys.Process, path string, content []byte) *sys.File {
	t.Helper()
	f, err := p.Open(path, sys.O_RDWR|sys.O_CREAT|sys.O_EXCL|sys.O_CLOEXEC, 0o644)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(content); err != nil {
		t.Fatalf("%v", err)
	}
	return f
}

// must ends the case where one of several calls failed.
func must(t T, errs ...error) {
	t.Helper()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("call %d of %d: %v", i+1, len(errs), err)
		}
	}
}

func testOpenReadWrite(t T, k *sys.Kernel) {
	p := k.Init()
	path := tempDir(t, p) + "/file"
	if _, err := p.Open(path, sys.O_RDWR, 0); !errors.Is(err, sys.ENOENT) {
		t.Errorf("open of a missing file: %v, want ENOENT", err)
	}
	data := pattern(10000)
	f := create(t, p, path, data)
	if _, err := p.Open(path, sys.O_RDWR|sys.O_CREAT|sys.O_EXCL, 0o644); !errors.Is(err, fs.ErrExist) {
		t.Errorf("O_EXCL of a file that exists: %v, want fs.ErrExist", err)
	}
	buf := make([]byte, 4096)
	if n, err := f.Read(buf); n != 0 || err != io.EOF {
		t.Errorf("read at the end: %d, %v, want 0, EOF", n, err)
	}
	if n, err := f.Seek(8192, io.SeekStart); n != 8192 || err != nil {
		t.Errorf("seek: %d, %v", n, err)
	}
	if n, err := f.Read(buf); n != 10000-8192 || err != nil || !bytes.Equal(buf[:n], data[8192:]) {
		t.Errorf("read near the end: %d bytes, %v, want the last %d", n, err, 10000-8192)
	}
	if n, err := f.Read(nil); n != 0 || err != nil {
		t.Errorf("read into nothing: %d, %v, want 0, nil", n, err)
	}
	testAppend(t, p, path, data)
	must(t, f.Close(), f.Close())
	if _, err := f.Read(buf); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("read of a closed file: %v, want fs.ErrClosed", err)
	}
}

func testAppend(t T, p *sys.Process, path string, data []byte) {
	f, err := p.Open(path, sys.O_WRONLY|sys.O_APPEND, 0)
	must(t, err)
	defer f.Close()
	if _, err := f.WriteString("tail"); err != nil {
		t.Errorf("append: %v", err)
	}
	if _, err := f.Read(make([]byte, 1)); !errors.Is(err, sys.EBADF) {
		t.Errorf("read of a file that is open for writing: %v, want EBADF", err)
	}
	if got, err := p.ReadFile(path); err != nil || string(got) != string(data)+"tail" {
		t.Errorf("the file has %d bytes after an append, %v, want %d", len(got), err, len(data)+4)
	}
	must(t, p.WriteFile(path, []byte("new"), 0))
	if got, err := p.ReadFile(path); err != nil || string(got) != "new" {
		t.Errorf("a file that was truncated and written has %q, %v", got, err)
	}
}

func testPreadPwrite(t T, k *sys.Kernel) {
	p := k.Init()
	data := pattern(3000)
	f := create(t, p, tempDir(t, p)+"/file", data)
	buf := make([]byte, 1000)
	if n, err := f.ReadAt(buf, 1500); n != 1000 || err != nil || !bytes.Equal(buf, data[1500:2500]) {
		t.Errorf("ReadAt in the middle: %d, %v", n, err)
	}
	if n, err := f.ReadAt(buf, 2500); n != 500 || err != io.EOF || !bytes.Equal(buf[:n], data[2500:]) {
		t.Errorf("ReadAt over the end: %d, %v, want 500, EOF", n, err)
	}
	if n, err := f.WriteAt([]byte("xyz"), 5000); n != 3 || err != nil {
		t.Errorf("WriteAt behind the end: %d, %v", n, err)
	}
	if n, err := f.ReadAt(buf[:10], 4995); n != 8 || string(buf[:8]) != "\x00\x00\x00\x00\x00xyz" {
		t.Errorf("ReadAt over a hole: %d, %v, %q", n, err, buf[:n])
	}
	if off, err := f.Tell(); off != 3000 || err != nil {
		t.Errorf("the offset is %d, %v, want 3000: pread and pwrite must not move it", off, err)
	}
	for _, off := range []int64{-1, -1 << 63} {
		if _, err := f.ReadAt(buf, off); !errors.Is(err, sys.EINVAL) {
			t.Errorf("ReadAt of offset %d: %v, want EINVAL", off, err)
		}
		if _, err := f.WriteAt(buf, off); !errors.Is(err, sys.EINVAL) {
			t.Errorf("WriteAt of offset %d: %v, want EINVAL", off, err)
		}
	}
}

func testVectors(t T, k *sys.Kernel) {
	p := k.Init()
	f := create(t, p, tempDir(t, p)+"/file", nil)
	data := pattern(5000)
	parts := [][]byte{data[:10], data[10:10], data[10:4000], data[4000:]}
	if n, err := f.Writev(parts); n != len(data) || err != nil {
		t.Fatalf("writev: %d, %v", n, err)
	}
	if n, err := f.Pwritev(parts, 5000); n != len(data) || err != nil {
		t.Fatalf("pwritev: %d, %v", n, err)
	}
	a, b, c := make([]byte, 3000), make([]byte, 0), make([]byte, 7000)
	if n, err := f.Preadv([][]byte{a, b, c}, 0); n != 10000 || err != nil {
		t.Fatalf("preadv: %d, %v", n, err)
	}
	if got := slices.Concat(a, b, c); !bytes.Equal(got, slices.Concat(data, data)) {
		t.Errorf("what was gathered is not what was scattered")
	}
	_, err := f.Seek(9999, io.SeekStart)
	must(t, err)
	if n, err := f.Readv([][]byte{a, c}); n != 1 || err != nil || a[0] != data[4999] {
		t.Errorf("readv of the last byte: %d, %v", n, err)
	}
	if n, err := f.Readv([][]byte{a, c}); n != 0 || err != io.EOF {
		t.Errorf("readv at the end: %d, %v, want 0, EOF", n, err)
	}
	if _, err := f.Readv(make([][]byte, sys.MaxVectors+1)); err == nil {
		t.Errorf("readv of %d buffers succeeded", sys.MaxVectors+1)
	}
}

func testLargeOffsets(t T, k *sys.Kernel) {
	const far = 1 << 33
	p := k.Init()
	path := tempDir(t, p) + "/file"
	f := create(t, p, path, nil)
	must(t, f.Truncate(far+3))
	st, err := f.Stat()
	if err != nil || st.Size != far+3 {
		t.Fatalf("the size after ftruncate is %d, %v, want %d", st.Size, err, int64(far+3))
	}
	if off, err := f.Seek(-3, io.SeekEnd); off != far || err != nil {
		t.Errorf("seek from the end: %d, %v, want %d", off, err, int64(far))
	}
	if _, err := f.Write([]byte("far")); err != nil {
		t.Errorf("write at 2^33: %v", err)
	}
	if off, err := f.Tell(); off != far+3 || err != nil {
		t.Errorf("tell: %d, %v, want %d", off, err, int64(far+3))
	}
	buf := make([]byte, 8)
	if n, err := f.ReadAt(buf, far); string(buf[:n]) != "far" || err != io.EOF {
		t.Errorf("pread at 2^33: %q, %v", buf[:n], err)
	}
	must(t, p.Truncate(path, far+1))
	if st, err := p.Stat(path); err != nil || st.Size != far+1 {
		t.Errorf("the size after truncate is %d, %v, want %d", st.Size, err, int64(far+1))
	}
}

func testSync(t T, k *sys.Kernel) {
	p := k.Init()
	f := create(t, p, tempDir(t, p)+"/file", []byte("x"))
	must(t, f.Sync(), f.Datasync(), p.Sync())
	must(t, f.Close())
	if err := f.Sync(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("fsync of a closed file: %v, want fs.ErrClosed", err)
	}
	if err := p.FD(987654).Sync(); !errors.Is(err, sys.EBADF) {
		t.Errorf("fsync of an unused descriptor: %v, want EBADF", err)
	}
}

// isUnsupported reports whether a call failed because the kernel, or its file
// system, has nothing of the kind.
func isUnsupported(err error) bool {
	return errors.Is(err, sys.ErrNotSupported) || errors.Is(err, sys.ENODEV)
}

func testAllocate(t T, k *sys.Kernel) {
	p := k.Init()
	f := create(t, p, tempDir(t, p)+"/file", []byte("x"))
	if err := f.Advise(0, 0, sys.POSIX_FADV_SEQUENTIAL); err != nil && !isUnsupported(err) {
		t.Errorf("advise: %v", err)
	}
	switch err := f.Allocate(0, 100000); {
	case isUnsupported(err):
		t.Logf("this kernel does not allocate: %v", err)
	case err != nil:
		t.Errorf("allocate: %v", err)
	default:
		st, err := f.Stat()
		if err != nil || st.Size != 100000 || st.Blocks*512 < 100000 {
			t.Errorf("100,000 bytes allocated: size %d, %d blocks, %v", st.Size, st.Blocks, err)
		}
	}
}

// testRecordLocks has two processes contend for a part of a file.
func testRecordLocks(t T, k *sys.Kernel) {
	p := k.Init()
	path := tempDir(t, p) + "/file"
	mine := create(t, p, path, pattern(100))
	child, err := p.Fork(t.Context(), backends.CleanDescriptors)
	must(t, err)
	defer child.Close()
	theirs, err := child.Open(path, sys.O_RDWR, 0)
	must(t, err)
	defer theirs.Close()
	part := sys.Lock{Type: sys.F_WRLCK, Start: 10, Len: 20}
	must(t, mine.SetLock(part))
	if err := theirs.SetLock(part); !errors.Is(err, sys.EAGAIN) && !errors.Is(err, sys.EACCES) {
		t.Errorf("lock of what another process has: %v, want EAGAIN", err)
	}
	held, err := theirs.GetLock(sys.Lock{Type: sys.F_RDLCK, Start: 0, Len: 100})
	if want := (sys.Lock{Type: sys.F_WRLCK, Start: 10, Len: 20, PID: p.ID()}); err != nil || held != want {
		t.Errorf("the lock in the way is %v, %v, want %v", held, err, want)
	}
	_, err = theirs.Seek(10, io.SeekStart)
	must(t, err)
	var locked *sys.LockedError
	if err := theirs.Lockf(sys.F_TEST, 1); !errors.As(err, &locked) || locked.Held.PID != p.ID() || !errors.Is(err, sys.EACCES) {
		t.Errorf("lockf F_TEST: %v, want a LockedError of process %d", err, p.ID())
	}
	if err := theirs.Lockf(sys.F_TLOCK, 1); !errors.Is(err, sys.EAGAIN) && !errors.Is(err, sys.EACCES) {
		t.Errorf("lockf F_TLOCK: %v, want EAGAIN", err)
	}
	waited := make(chan error, 1)
	go func() { waited <- theirs.Lockf(sys.F_LOCK, 1) }()
	select {
	case err := <-waited:
		t.Errorf("lockf F_LOCK did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	part.Type = sys.F_UNLCK
	must(t, mine.SetLock(part))
	if err := <-waited; err != nil {
		t.Errorf("lockf F_LOCK after the other unlocked: %v", err)
	}
	must(t, theirs.Lockf(sys.F_ULOCK, 1), mine.SetLock(sys.Lock{Type: sys.F_WRLCK, Start: 10, Len: 20}))
}

func testFlock(t T, k *sys.Kernel) {
	p := k.Init()
	path := tempDir(t, p) + "/file"
	a := create(t, p, path, nil)
	b, err := p.Open(path, sys.O_RDWR, 0)
	must(t, err)
	defer b.Close()
	must(t, a.Flock(sys.LOCK_SH), b.Flock(sys.LOCK_SH|sys.LOCK_NB))
	if err := a.Flock(sys.LOCK_EX | sys.LOCK_NB); !errors.Is(err, sys.EWOULDBLOCK) {
		t.Errorf("exclusive lock of what another has shared: %v, want EWOULDBLOCK", err)
	}
	must(t, b.Flock(sys.LOCK_UN), a.Flock(sys.LOCK_EX|sys.LOCK_NB))
	if err := b.Flock(sys.LOCK_SH | sys.LOCK_NB); !errors.Is(err, sys.EWOULDBLOCK) {
		t.Errorf("shared lock of what another has exclusively: %v, want EWOULDBLOCK", err)
	}
	must(t, a.Close(), b.Flock(sys.LOCK_EX|sys.LOCK_NB))
}

// collect runs the garbage collector until done, or not for longer than it
// takes where it works.
func collect(done func() bool) bool {
	for range 100 {
		runtime.GC()
		if done() {
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
	return false
}
