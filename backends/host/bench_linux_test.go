//go:build amd64 || arm64

package host_test

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/host"
)

// benchCalls are calls of the issue: what it measures, with memory of the
// caller's.
func benchCalls(b *testing.B) map[string]backends.Call {
	zero, err := unix.Open("/dev/zero", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = unix.Close(zero) })
	buf, st, path := make([]byte, 64), make([]byte, 512), append([]byte("/tmp"), 0)
	fd, n := backends.Int(uintptr(zero)), backends.Int(uintptr(len(buf)))
	cwd := -100
	return map[string]backends.Call{
		"getpid": {Num: unix.SYS_GETPID},
		"read":   {Num: unix.SYS_READ, Args: [backends.MaxArgs]backends.Arg{fd, backends.Mem(buf, backends.Out), n}},
		"write":  {Num: unix.SYS_WRITE, Args: [backends.MaxArgs]backends.Arg{fd, backends.Mem(buf, backends.In), n}},
		"stat": {Num: sysStat, Args: [backends.MaxArgs]backends.Arg{
			backends.Int(uintptr(cwd)), backends.Mem(path, backends.In), backends.Mem(st, backends.Out)}},
	}
}

// BenchmarkCall measures calls through the backend and through x/sys by
// turns, so that what else the machine does meets both, and reports the ratio
// of the times.
func BenchmarkCall(b *testing.B) {
	k, err := host.Open()
	if err != nil {
		b.Fatal(err)
	}
	defer k.Close()
	p := k.Init()
	for name, c := range benchCalls(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			compare(b, func() {
				if _, _, err := p.Call(c); err != nil {
					b.Fatal(err)
				}
			}, peer(b, c))
		})
	}
}

// peer makes the same call by x/sys.
func peer(b *testing.B, c backends.Call) func() {
	var p [4]unsafe.Pointer
	var w [4]uintptr
	for i := range p {
		if m := c.Args[i].Bytes(); m != nil {
			p[i] = unsafe.Pointer(&m[0])
		} else {
			w[i] = c.Args[i].Word()
		}
	}
	check := func(e unix.Errno) {
		if e != 0 {
			b.Fatal(e)
		}
	}
	switch c.Num {
	case unix.SYS_GETPID:
		return func() { _, _, e := unix.Syscall(unix.SYS_GETPID, 0, 0, 0); check(e) }
	case sysStat:
		return func() {
			_, _, e := unix.Syscall6(sysStat, w[0], uintptr(p[1]), uintptr(p[2]), 0, 0, 0)
			check(e)
		}
	}
	num := c.Num
	return func() { _, _, e := unix.Syscall(num, w[0], uintptr(p[1]), w[2]); check(e) }
}

// BenchmarkChild measures calls of a process made by Fork: one that its leader
// makes, and one that a worker makes.
func BenchmarkChild(b *testing.B) {
	k, err := host.Open()
	if err != nil {
		b.Fatal(err)
	}
	defer k.Close()
	p, err := k.Init().Fork(b.Context(), backends.CopiedDescriptors)
	if err != nil {
		b.Skip(err)
	}
	calls := benchCalls(b)
	for _, name := range []string{"getpid", "stat"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := p.Call(calls[name]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFork measures the life of a process: fork, end and wait.
func BenchmarkFork(b *testing.B) {
	k, err := host.Open()
	if err != nil {
		b.Fatal(err)
	}
	defer k.Close()
	for b.Loop() {
		p, err := k.Init().Fork(b.Context(), backends.CleanDescriptors)
		if err != nil {
			b.Skip(err)
		}
		if err := p.Close(); err != nil {
			b.Fatal(err)
		}
		wait := backends.Call{Num: unix.SYS_WAIT4}
		wait.Args[0] = backends.Int(uintptr(p.ID()))
		if _, _, err := k.Init().Call(wait); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInterruptible measures a call of the program itself that could be
// interrupted, and is not.
func BenchmarkInterruptible(b *testing.B) {
	k, err := host.Open()
	if err != nil {
		b.Fatal(err)
	}
	defer k.Close()
	c := benchCalls(b)["stat"]
	c.Cancel = make(chan struct{})
	for b.Loop() {
		if _, _, err := k.Init().Call(c); err != nil {
			b.Fatal(err)
		}
	}
}
