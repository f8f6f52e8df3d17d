//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/anykernel/anykernel/rump/kit"
)

// stockLibraries is what the stock program is linked with.
var stockLibraries = []string{
	"rumpfs_tmpfs", "rumpfs_ffs", "rumpvfs", "rumpnet_netinet", "rumpnet_net", "rumpnet", "rumpdev", "rumpdev_disk", "rump", "rumpuser",
}

// A callsBench runs the loops of testdata/calls on both hosts.
type callsBench struct {
	b     *testing.B
	kit   string // a folder with the kit's libraries and ours
	stock string // the program
}

func newCallsBench(b *testing.B) *callsBench {
	needKit(b)
	dir := b.TempDir()
	c := &callsBench{b: b, kit: filepath.Join(dir, "kit"), stock: filepath.Join(dir, "stock")}
	libs, err := filepath.Abs(kit.DefaultDir())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(libs, "librumpuser.so")); err != nil {
		b.Skip("the kit has no stock librumpuser.so to compare with")
	}
	entries, err := os.ReadDir(libs)
	if err == nil {
		err = os.Mkdir(c.kit, 0o755)
	}
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		if err := os.Symlink(filepath.Join(libs, e.Name()), filepath.Join(c.kit, e.Name())); err != nil {
			b.Fatal(err)
		}
	}
	c.run("cc", "-O2", "-shared", "-fPIC", "-nostdlib", "-o", filepath.Join(c.kit, "librumpcalls.so"), "testdata/calls/calls.c")
	link := []string{"-O2", "-o", c.stock, "testdata/calls/stock.c", "testdata/calls/calls.c", "-L" + libs, "-Wl,-rpath," + libs, "-Wl,--no-as-needed", "-Wl,--allow-shlib-undefined"}
	for _, l := range stockLibraries {
		link = append(link, "-l"+l)
	}
	c.run("cc", append(link, "-lpthread", "-ldl")...)
	return c
}

// image makes an FFS.
func (c *callsBench) image() string {
	if _, err := exec.LookPath("makefs"); err != nil {
		c.b.Skip("makefs is not here (remedy: apt-get install makefs)")
	}
	image := filepath.Join(c.b.TempDir(), "ffs.img")
	c.run("makefs", "-t", "ffs", "-o", "version=2", "-f", "10", "-s", "128m", image, c.b.TempDir())
	return image
}

func (c *callsBench) run(name string, args ...string) string {
	c.b.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "RUMP_NCPU=1")
	cmd.Stderr = nil
	out, err := cmd.Output()
	if err != nil {
		c.b.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return string(out)
}

// call calls a function of calls.c, which may not fail.
func (c *callsBench) call(k *Kernel, function string, arg int) int {
	l, err := k.Init().LWP()
	if err != nil {
		c.b.Error(err)
		return -1
	}
	defer k.Init().Return(l)
	r, err := l.Invoke(k.Symbol("calls_"+function), uintptr(arg))
	if err != nil || int(r) < 0 {
		c.b.Errorf("%s: line %d of calls.c, %v", function, -int(r), err)
	}
	return int(r)
}

// A callsLoop is a loop of calls.c, or one like it from Go.
type callsLoop struct {
	name   string
	stock  string                                // the loop of the stock program; "" is the same name
	loop   func(c *callsBench, k *Kernel, n int) // nil: the function of that name
	n      int                                   // how many times
	bytes  int                                   // that one time moves; 0 where time is the figure
	disk   bool
	before func(c *callsBench, k *Kernel)
	once   func(c *callsBench, k *Kernel)
}

var callsLoops = []callsLoop{
	{name: "getpid", n: 1_000_000},
	{name: "getpid-go", stock: "getpid", loop: getpidFromGo, n: 1_000_000},
	{name: "tmpfs", n: 50_000, once: func(c *callsBench, k *Kernel) { c.call(k, "tmpfs_mount", 0) }},
	{name: "tcp", loop: tcp, n: 2000, bytes: 64 << 10},
	{name: "tcp-go", stock: "tcp", loop: tcpFromGo, n: 2000, bytes: 64 << 10},
	{name: "ffs_write", n: 1024, bytes: 64 << 10, disk: true, once: func(c *callsBench, k *Kernel) { c.call(k, "ffs_mount", 0) }},
	{
		name: "ffs_read", n: 1024, bytes: 64 << 10, disk: true,
		once: func(c *callsBench, k *Kernel) { c.call(k, "ffs_mount", 0); c.call(k, "ffs_write", 1024) },
		before: func(c *callsBench, k *Kernel) {
			c.call(k, "ffs_unmount", 0)
			c.call(k, "ffs_mount", 0)
		},
	},
}

// tcp sends and receives in C.
func tcp(c *callsBench, k *Kernel, n int) {
	listener := c.call(k, "tcp_listen", 0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.call(k, "tcp_receive", listener)
	}()
	c.call(k, "tcp_send", n)
	<-done
}

func getpidFromGo(c *callsBench, k *Kernel, n int) {
	p := k.Init()
	for range n {
		l, err := p.LWP()
		if err != nil {
			c.b.Fatal(err)
		}
		l.Syscall(sysGetpid)
		p.Return(l)
	}
}

// tcpFromGo is tcp with each call made from Go.
func tcpFromGo(c *callsBench, k *Kernel, n int) {
	const sysAccept, sysConnect, sysListen, stream = 30, 98, 106, 1
	must := func(num uintptr, args ...any) int {
		r, errno, err := call(k.Init(), num, args...)
		if errno != 0 || err != nil {
			c.b.Errorf("call %d: error %d, %v", num, errno, err)
		}
		return int(r)
	}
	addr := inet("127.0.0.1", 4322)
	listener := must(sysSocket, afInet, stream, 0)
	must(sysBind, listener, addr, len(addr))
	must(sysListen, listener, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s, buf := must(sysAccept, listener, 0, 0), make([]byte, 64<<10)
		for must(sysRead, s, buf, len(buf)) > 0 {
		}
		must(sysClose, s)
	}()
	s, buf := must(sysSocket, afInet, stream, 0), make([]byte, 64<<10)
	must(sysConnect, s, addr, len(addr))
	for range n {
		for sent := 0; sent < len(buf) && !c.b.Failed(); {
			sent += must(sysWrite, s, buf[sent:], len(buf)-sent)
		}
	}
	must(sysClose, s)
	<-done
	must(sysClose, listener)
}

// BenchmarkCalls runs loops of system calls, in C, over our hypercalls and over
// the stock ones, by turns, and reports the medians of both and their ratio.
func BenchmarkCalls(b *testing.B) {
	c := newCallsBench(b)
	for _, l := range callsLoops {
		b.Run(l.name, func(b *testing.B) {
			c.b = b
			k, err := Boot(Config{Kit: c.kit, Components: []string{"calls", "vfs", "tmpfs", "ffs", "netinet"}})
			if err != nil {
				b.Fatal(err)
			}
			defer k.Close()
			args := []string{cmp.Or(l.stock, l.name), strconv.Itoa(l.n), "1"}
			if l.disk {
				args = append(args, c.image())
				if err := k.Register("/disk", c.image(), BlockDevice, 0, ToTheEnd); err != nil {
					b.Fatal(err)
				}
			}
			if l.once != nil {
				l.once(c, k)
			}
			var ours, stock []time.Duration
			for b.Loop() {
				if l.before != nil {
					l.before(c, k)
				}
				start := time.Now()
				if l.loop != nil {
					l.loop(c, k, l.n)
				} else {
					c.call(k, l.name, l.n)
				}
				ours = append(ours, time.Since(start))
				ns, err := strconv.ParseInt(strings.TrimSpace(c.run(c.stock, args...)), 10, 64)
				if err != nil {
					b.Fatal(err)
				}
				stock = append(stock, time.Duration(ns))
			}
			l.report(b, median(ours), median(stock))
		})
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func (l *callsLoop) report(b *testing.B, ours, stock time.Duration) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(ours)/float64(stock), "ratio")
	for name, d := range map[string]time.Duration{"": ours, "stock-": stock} {
		if l.bytes > 0 {
			b.ReportMetric(float64(l.n*l.bytes)/1e6/d.Seconds(), name+"MB/s")
		} else {
			b.ReportMetric(float64(d.Nanoseconds())/float64(l.n), name+"ns")
		}
	}
}
