package sys_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/anykernel/anykernel/backends"
	_ "github.com/anykernel/anykernel/backends/host"
	"github.com/anykernel/anykernel/sys"
	"golang.org/x/sys/unix"
)

// The benchmarks come in threes: x/sys, the call through the host backend
// alone, and the method of this package. What counts is the ratio in one run:
//
//	go test -run '^$' -bench 'Getpid|Read|Write|Stat|Open|Getdents' ./sys

func openHost(t testing.TB) *sys.Kernel {
	t.Helper()
	k, err := sys.Open(t.Context(), "host")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k
}

// benchFile is a file of 64 KiB on the kernel of the host.
func benchFile(t testing.TB, k *sys.Kernel) *sys.File {
	t.Helper()
	f, err := k.Init().Open(filepath.Join(t.TempDir(), "file"), sys.O_RDWR|sys.O_CREAT|sys.O_CLOEXEC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if _, err := f.Write(make([]byte, 64<<10)); err != nil {
		t.Fatal(err)
	}
	return f
}

func run(b *testing.B, name string, f func() error) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := f(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// raw is a call through the backend alone.
func raw(k *sys.Kernel, name string, args ...backends.Arg) func() error {
	p := k.Raw().Init()
	num, _ := k.ABI().Call(name)
	c := backends.Call{Num: num}
	copy(c.Args[:], args)
	return func() error {
		_, _, err := p.Call(c)
		return err
	}
}

func BenchmarkGetpid(b *testing.B) {
	k := openHost(b)
	run(b, "xsys", func() error { _, _, _ = unix.Syscall(unix.SYS_GETPID, 0, 0, 0); return nil })
	run(b, "backend", raw(k, "getpid"))
}

func BenchmarkRead(b *testing.B) {
	k := openHost(b)
	f := benchFile(b, k)
	buf := make([]byte, 4096)
	fd := f.FD()
	run(b, "xsys", func() error { _, err := unix.Pread(fd, buf, 0); return err })
	run(b, "backend", raw(k, "pread64", backends.Int(uintptr(fd)), backends.Mem(buf, backends.Out), backends.Int(4096)))
	run(b, "sys", func() error { _, err := f.Pread(buf, 0); return err })
}

func BenchmarkWrite(b *testing.B) {
	k := openHost(b)
	f := benchFile(b, k)
	buf := make([]byte, 4096)
	fd := f.FD()
	run(b, "xsys", func() error { _, err := unix.Pwrite(fd, buf, 0); return err })
	run(b, "backend", raw(k, "pwrite64", backends.Int(uintptr(fd)), backends.Mem(buf, backends.In), backends.Int(4096)))
	run(b, "sys", func() error { _, err := f.WriteAt(buf, 0); return err })
}

func BenchmarkStat(b *testing.B) {
	k := openHost(b)
	p := k.Init()
	path := benchFile(b, k).Name()
	var st unix.Stat_t
	buf, name := make([]byte, 256), append([]byte(path), 0)
	run(b, "xsys", func() error { return unix.Stat(path, &st) })
	cwd := unix.AT_FDCWD
	run(b, "backend", raw(k, "newfstatat", backends.Int(uintptr(cwd)), backends.Mem(name, backends.In), backends.Mem(buf, backends.Out)))
	run(b, "sys", func() error { _, err := p.Stat(path); return err })
}

func BenchmarkOpenClose(b *testing.B) {
	k := openHost(b)
	p := k.Init()
	path := benchFile(b, k).Name()
	run(b, "xsys", func() error {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return unix.Close(fd)
	})
	run(b, "sys", func() error {
		f, err := p.Open(path, sys.O_RDONLY|sys.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return f.Close()
	})
}

// BenchmarkGetdents reads a directory of 10,000 entries: x/sys only copies
// the names out, sys makes an entry of each.
func BenchmarkGetdents(b *testing.B) {
	k := openHost(b)
	p := k.Init()
	dir := b.TempDir()
	for i := range 10_000 {
		if err := p.WriteFile(fmt.Sprintf("%s/file-%05d", dir, i), nil, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	f, err := p.Open(dir, sys.O_RDONLY|sys.O_DIRECTORY|sys.O_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, 32<<10)
	run(b, "xsys", func() error {
		if _, err := unix.Seek(f.FD(), 0, 0); err != nil {
			return err
		}
		var names []string
		for {
			n, err := unix.Getdents(f.FD(), buf)
			if err != nil || n == 0 {
				return err
			}
			_, _, names = unix.ParseDirent(buf[:n], -1, names)
		}
	})
	run(b, "sys", func() error {
		for _, err := range f.Entries() {
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// TestCallsDoNotAllocate holds the hot calls to what their documentation says.
func TestCallsDoNotAllocate(t *testing.T) {
	k := openHost(t)
	p := k.Init()
	f := benchFile(t, k)
	buf := make([]byte, 4096)
	path := f.Name()
	for name, call := range map[string]func() error{
		"pread":    func() error { _, err := f.Pread(buf, 0); return err },
		"read":     func() error { _, err1 := f.Seek(0, 0); _, err2 := f.Read(buf); return errors.Join(err1, err2) },
		"pwrite":   func() error { _, err := f.WriteAt(buf, 0); return err },
		"stat":     func() error { _, err := p.Stat(path); return err },
		"fstat":    func() error { _, err := f.Stat(); return err },
		"access":   func() error { return p.Access(path, sys.R_OK) },
		"chmod":    func() error { return p.Chmod(path, 0o600) },
		"truncate": func() error { return f.Truncate(64 << 10) },
		"seek":     func() error { _, err := f.Seek(0, 0); return err },
		"flags":    func() error { _, err := f.Flags(); return err },
		"statfs":   func() error { _, err := f.Statfs(); return err },
	} {
		n := testing.AllocsPerRun(100, func() {
			if err := call(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		})
		if n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
