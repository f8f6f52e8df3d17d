package linux_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	_ "github.com/anykernel/anykernel/backends/host"
	"github.com/anykernel/anykernel/backends/kerneltest"
	_ "github.com/anykernel/anykernel/backends/sentry"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/linux"
)

// tempDir is a new directory in the kernel that goes when the test ends.
func tempDir(t *testing.T, p *sys.Process) string {
	t.Helper()
	dir, err := p.MkdirTemp("", "linux")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// lacks reports, in the test's log, whether a kernel has no such call: gVisor
// has not all of Linux's.
func lacks(t *testing.T, err error) bool {
	t.Helper()
	if errors.Is(err, sys.ErrNotSupported) || errors.Is(err, sys.ENOSYS) {
		t.Logf("not in this kernel: %v", err)
		return true
	}
	return false
}

func TestStatx(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		p := k.Init()
		path := tempDir(t, p) + "/file"
		if err := p.WriteFile(path, []byte("hello"), 0o640); err != nil {
			t.Fatal(err)
		}
		want, err := p.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := linux.Statx(p, path, 0, linux.STATX_BASIC_STATS|linux.STATX_BTIME|linux.STATX_MNT_ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.Mask&linux.STATX_BTIME != 0 {
			if d := want.Mtime.Sub(got.Btime); d < -time.Second || d > time.Minute {
				t.Errorf("created at %v and written at %v", got.Btime, want.Mtime)
			}
		}
		got.Btime = time.Time{}
		if fmt.Sprint(got.Stat) != fmt.Sprint(want) {
			t.Errorf("statx says %v, stat %v", got.Stat, want)
		}
		f, err := p.Open(path, sys.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		byFile, err := linux.StatxFile(f, linux.STATX_BASIC_STATS)
		if err != nil || !byFile.SameFile(&want) {
			t.Errorf("statx of the open file: %v, %v", &byFile, err)
		}
	})
}

func TestSpace(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		p := k.Init()
		f, err := p.Open(tempDir(t, p)+"/file", sys.O_RDWR|sys.O_CREAT, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		data := bytes.Repeat([]byte{1}, 64<<10)
		if _, err := f.Write(data); err != nil {
			t.Fatal(err)
		}
		for what, err := range map[string]error{
			"sync_file_range": linux.SyncFileRange(f, 0, 4096, linux.SYNC_FILE_RANGE_WRITE|linux.SYNC_FILE_RANGE_WAIT_AFTER),
			"syncfs":          linux.Syncfs(f),
			"readahead":       linux.Readahead(f, 0, 4096),
		} {
			// gVisor says EINVAL to readahead of files in memory.
			if err != nil && !lacks(t, err) && !(what == "readahead" && errors.Is(err, sys.EINVAL)) {
				t.Errorf("%s: %v", what, err)
			}
		}
		err = linux.Fallocate(f, linux.FALLOC_FL_PUNCH_HOLE|linux.FALLOC_FL_KEEP_SIZE, 16<<10, 32<<10)
		if lacks(t, err) {
			return
		}
		b := make([]byte, len(data))
		n, readErr := f.ReadAt(b, 0)
		if err != nil || n != len(data) || bytes.Count(b, []byte{0}) != 32<<10 || b[16<<10-1] != 1 || b[16<<10] != 0 {
			t.Errorf("a hole of 32 KiB: %v, %d zeros, %v", err, bytes.Count(b, []byte{0}), readErr)
		}
	})
}

func TestPipeSize(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		r, w, err := k.Init().Pipe(sys.O_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		size, err := linux.SetPipeSize(r, 100_000)
		if err != nil || size < 100_000 {
			t.Fatalf("setting a pipe's size to 100,000 gives %d, %v", size, err)
		}
		if got, err := linux.PipeSize(w); got != size || err != nil {
			t.Errorf("the size is %d, %v, want %d", got, err, size)
		}
		if n, err := w.Write(make([]byte, 300)); n != 300 || err != nil {
			t.Fatal(n, err)
		}
		if n, err := r.Readable(); n != 300 || err != nil {
			t.Errorf("%d bytes can be read, %v, want 300", n, err)
		}
	})
}

func TestOpenBounded(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		p := k.Init()
		path := tempDir(t, p)
		if err := errors.Join(p.WriteFile(path+"/file", []byte("x"), 0o600), p.Symlink("file", path+"/link"),
			p.Symlink("/etc", path+"/out")); err != nil {
			t.Fatal(err)
		}
		dir, err := p.Open(path, sys.O_RDONLY|sys.O_DIRECTORY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer dir.Close()
		f, err := linux.OpenBounded(dir, "link", sys.O_RDONLY|sys.O_CLOEXEC, 0, linux.RESOLVE_BENEATH)
		if lacks(t, err) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		for name, flags := range map[string]linux.ResolveFlags{
			"link": linux.RESOLVE_NO_SYMLINKS, "../x": linux.RESOLVE_BENEATH, "out/passwd": linux.RESOLVE_BENEATH,
		} {
			if f, err := linux.OpenBounded(dir, name, sys.O_RDONLY, 0, flags); err == nil {
				t.Errorf("%s was opened with %v as %s", name, flags, f.Name())
			}
		}
		f, err = linux.OpenBounded(dir, "new", sys.O_RDWR|sys.O_CREAT, 0o640, linux.RESOLVE_BENEATH)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if st, err := f.Stat(); err != nil || st.Mode != 0o640 {
			t.Errorf("a new file has mode %v, %v", st.Mode, err)
		}
	})
}

func TestTempFile(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		p := k.Init()
		dir := tempDir(t, p)
		f, err := linux.OpenTemp(p, dir, 0o600)
		if lacks(t, err) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString("named later"); err != nil {
			t.Fatal(err)
		}
		if list, err := p.ReadDir(dir); len(list) != 0 || err != nil {
			t.Errorf("a file without a name shows as %v, %v", list, err)
		}
		if err := linux.LinkTemp(f, dir+"/name"); err != nil {
			t.Fatal(err)
		}
		if b, err := p.ReadFile(dir + "/name"); string(b) != "named later" || err != nil {
			t.Errorf("the file has %q, %v", b, err)
		}
	})
}

func TestFileHandle(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		p := k.Init()
		dir := tempDir(t, p)
		if err := p.WriteFile(dir+"/file", []byte("by handle"), 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := linux.NameToHandle(p, dir+"/file")
		if lacks(t, err) {
			return
		}
		if err != nil || len(h.Bytes) == 0 {
			t.Fatalf("%+v, %v", h, err)
		}
		mount, err := p.Open(dir, sys.O_RDONLY|sys.O_DIRECTORY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer mount.Close()
		f, err := linux.OpenByHandle(mount, h, sys.O_RDONLY|sys.O_CLOEXEC)
		if errors.Is(err, fs.ErrPermission) {
			t.Logf("only the superuser opens by handle: %v", err)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		b := make([]byte, 20)
		if n, err := f.Read(b); string(b[:n]) != "by handle" || err != nil {
			t.Errorf("the file has %q, %v", b[:n], err)
		}
		h.Bytes = make([]byte, 1000)
		if _, err := linux.OpenByHandle(mount, h, 0); err == nil {
			t.Error("a handle of 1000 bytes was taken")
		}
	})
}

func TestShm(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		p := k.Init()
		label := fmt.Sprintf("/anykernel-%d", time.Now().UnixNano())
		f, err := linux.ShmOpen(p, label, sys.O_RDWR|sys.O_CREAT|sys.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			t.Skipf("no /dev/shm: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		g, err := linux.ShmOpen(p, label, sys.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		b := make([]byte, 6)
		_, err1 := f.WriteString("shared")
		_, err2 := g.ReadAt(b, 0)
		if err := errors.Join(err1, err2, linux.ShmUnlink(p, label)); err != nil || string(b) != "shared" {
			t.Errorf("%q, %v", b, err)
		}
		for _, bad := range []string{"", "/", "a/b", "..", "/../etc/passwd"} {
			if _, err := linux.ShmOpen(p, bad, sys.O_RDONLY, 0); err == nil {
				t.Errorf("shared memory named %q was opened", bad)
			}
		}
	})
}

// TestFilesOfAnotherKernel uses a descriptor where it means nothing.
func TestFilesOfAnotherKernel(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		other, err := sys.Open(t.Context(), "sentry")
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		r, w, err := k.Init().Pipe(sys.O_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		ep, err := linux.NewEpoll(other.Init(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := ep.Add(r, linux.EPOLLIN, 1); err == nil {
			t.Error("a file of another kernel was added to an Epoll")
		}
		if _, err := linux.Splice(ep.File, nil, r, nil, 1, 0); err == nil {
			t.Error("data moved to another kernel")
		}
	}, "host")
}

func Example() {
	ctx := context.Background()
	k, err := sys.Open(ctx, "sentry")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer k.Close()
	p := k.Init()
	in, err := linux.NewInotify(p, linux.IN_CLOEXEC|linux.IN_NONBLOCK)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := in.AddWatch("/tmp", linux.IN_CREATE); err != nil {
		fmt.Println(err)
		return
	}
	if err := p.WriteFile("/tmp/report.txt", []byte("done"), 0o644); err != nil {
		fmt.Println(err)
		return
	}
	for e, err := range in.Events() {
		fmt.Println(e.Mask, e.Name, err)
		break
	}
	// Output: IN_CREATE report.txt <nil>
}
