package remote_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/backends/remote/server"
	"github.com/anykernel/anykernel/rump/kit"
	"github.com/anykernel/anykernel/sys"
)

// NetBSD's own programs and libraries at the other end.

// stockClient builds testdata/client.c against the kit's librumpclient.
func stockClient(t testing.TB) string {
	t.Helper()
	dir := kit.DefaultDir()
	lib, _ := filepath.Glob(filepath.Join(dir, "librumpclient.so*"))
	if len(lib) == 0 {
		t.Skip("the kit has no librumpclient")
	}
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler: ", err)
	}
	program := filepath.Join(t.TempDir(), "client")
	out, err := exec.Command(cc, "-O2", "-Wall", "-o", program, "testdata/client.c", lib[0], "-Wl,-rpath,"+dir).CombinedOutput()
	if err != nil {
		t.Fatalf("cc: %v\n%s", err, out)
	}
	return program
}

// runClient runs the client against a server.
func runClient(t testing.TB, program, url string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "RUMP_SERVER="+url)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("client: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestStockClients(t *testing.T) {
	program := stockClient(t)
	k := openServed(t, "rump")
	path := serve(t, k, server.Options{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if out := runClient(t, program, "unix://"+path); out != "ok" {
				t.Errorf("client: %s", out)
			}
		})
	}
	wg.Wait()
}

// stockServer starts rump_server with everything that a kernel has by default,
// and returns its address.
func stockServer(t testing.TB) string {
	t.Helper()
	dir := kit.DefaultDir()
	program := os.Getenv("ANYKERNEL_RUMP_SERVER")
	if program == "" {
		program, _ = exec.LookPath("rump_server")
	}
	if program == "" {
		t.Skip("no rump_server: set ANYKERNEL_RUMP_SERVER to the path of NetBSD's")
	}
	url := "unix://" + filepath.Join(t.TempDir(), "stock")
	args := []string{"-s"}
	for _, lib := range []string{"vfs", "fs_tmpfs", "dev", "dev_rnd", "net", "net_net", "net_netinet", "net_netinet6", "net_local"} {
		args = append(args, "-lrump"+lib)
	}
	cmd := exec.Command(program, append(args, url)...)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+dir, "RUMP_NCPU=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for in := bufio.NewScanner(stderr); in.Scan(); {
			fmt.Fprintln(os.Stderr, "rump_server:", in.Text())
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for range 100 {
		if _, err := os.Stat(strings.TrimPrefix(url, "unix://")); err == nil {
			time.Sleep(50 * time.Millisecond) // it listens a little later
			return url
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("rump_server does not listen")
	return ""
}

// TestStockServer runs the suite against a rump_server, with a file system in
// memory at /tmp as kernels of ours have it.
func TestStockServer(t *testing.T) {
	spec := "remote:" + stockServer(t)
	k, err := sys.Open(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if err := k.Init().Mkdir("/tmp", 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	if err := mountTmpfs(k.Raw()); err != nil {
		t.Fatal(err)
	}
	for _, c := range kerneltest.Cases() {
		if testing.Short() && slices.Contains(slow, c.Name) {
			continue
		}
		if reason := notStock[c.Name]; reason != "" {
			t.Logf("left out: %s: %s", c.Name, reason)
			continue
		}
		r := c.Try(t.Context(), spec)
		if r.Outcome == kerneltest.Failed {
			t.Errorf("%s: %s", c.Name, r.Detail)
		}
	}
}

// notStock are cases that ask for more than a rump_server has.
var notStock = map[string]string{
	"thousands of readers hold no threads": "it has NetBSD's small table of files",
	"poll of more files than select takes": "it has NetBSD's small table of files",
	"descriptors close when unreachable":   "it has NetBSD's small table of files",
	"offsets beyond 4 GiB":                 "it believes to have 512 MiB of memory",
	"io/fs over the kernel":                "it reads 300,000 bytes one by one",
}

// mountTmpfs mounts a tmpfs at /tmp: its arguments are struct tmpfs_args, with
// version and mode.
func mountTmpfs(k backends.Kernel) error {
	num, _ := k.ABI().Call("mount")
	args := make([]byte, 40)
	k.ABI().Order.PutUint32(args, 1)
	k.ABI().Order.PutUint32(args[32:], 0o1777)
	c := backends.Call{Num: num}
	c.Args = [backends.MaxArgs]backends.Arg{
		backends.Mem([]byte("tmpfs\x00"), backends.In), backends.Mem([]byte("/tmp\x00"), backends.In), backends.Int(0),
		backends.Mem(args, backends.In), backends.Int(40),
	}
	_, _, err := k.Init().Call(c)
	return err
}

// BenchmarkGetpid measures a getpid over a Unix socket between this backend and
// a server of ours in another process, and between NetBSD's librumpclient and
// rump_server, by turns, and reports the ratio.
func BenchmarkGetpid(b *testing.B) {
	needReady(b, "rump")
	ours, err := sys.Open(b.Context(), "rump?process=separate")
	if err != nil {
		b.Fatal(err)
	}
	defer ours.Close()
	client, stock := stockClient(b), stockServer(b)
	const batch = 2000
	var mine, theirs time.Duration
	for b.Loop() {
		ns, err := strconv.Atoi(runClient(b, client, stock, "bench", strconv.Itoa(batch)))
		if err != nil {
			b.Fatal(err)
		}
		theirs += batch * time.Duration(ns)
		start := time.Now()
		for range batch {
			if _, _, err := ours.Init().Raw(backends.Call{Num: 20}); err != nil {
				b.Fatal(err)
			}
		}
		mine += time.Since(start)
	}
	b.ReportMetric(float64(mine.Nanoseconds())/float64(b.N*batch), "ns/call")
	b.ReportMetric(float64(theirs.Nanoseconds())/float64(b.N*batch), "ns/stock")
	b.ReportMetric(float64(mine)/float64(theirs), "ratio")
	b.ReportMetric(0, "ns/op")
}
