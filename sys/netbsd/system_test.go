package netbsd_test

import (
	"bufio"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/internal/fsimages"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/netbsd"
	"github.com/anykernel/anykernel/sys/netbsd/kdump"
)

// TestKtrace records what a process does, and reads it back.
func TestKtrace(t *testing.T) {
	p := kerneltest.New(t, "rump").Init()
	must(t, p.WriteFile("/tmp/trace", nil, 0o600))
	all := netbsd.KTRFAC_SYSCALL | netbsd.KTRFAC_SYSRET | netbsd.KTRFAC_NAMEI | netbsd.KTRFAC_GENIO | netbsd.KTRFAC_USER
	must(t, netbsd.Ktrace(p, "/tmp/trace", netbsd.KTROP_SET, all, p.ID()))
	must(t, netbsd.Utrace(p, "a label", []byte("data of its own")))
	must(t, p.WriteFile("/tmp/file", []byte("what was written"), 0o600))
	if _, err := p.ReadFile("/tmp/nothing"); err == nil {
		t.Error("a file that is not there was read")
	}
	must(t, netbsd.Ktrace(p, "/tmp/trace", netbsd.KTROP_CLEARFILE, 0, p.ID()))
	f, err := p.Open("/tmp/trace", sys.O_RDONLY, 0)
	must(t, err)
	defer f.Close()
	var b strings.Builder
	r := kdump.NewReader(bufio.NewReader(f), p.Kernel().ABI())
	for r.Next() {
		if rec := r.Record(); rec.PID != p.ID() || time.Since(rec.Time).Abs() > time.Minute {
			t.Errorf("record %+v", rec)
		}
		b.WriteString(kdump.Format(r.Record()))
	}
	must(t, r.Err())
	got := b.String()
	for _, want := range []string{
		`USER  a label: 15 bytes`, `"data of its own"`, `NAMI  "/tmp/file"`, `GIO   fd 3 wrote 16 bytes`, `"what was written"`,
		`RET   write 16/0x10`, `CALL  close(3)`, `NAMI  "/tmp/nothing"`, `RET   openat -1 errno 2 ENOENT`,
	} {
		i := strings.Index(got, want)
		if i < 0 {
			t.Fatalf("what is missing, or out of order: %s\n%s", want, b.String())
		}
		got = got[i:]
	}
	must(t, netbsd.Utrace(p, "not traced", nil))
	if err := netbsd.Utrace(p, "long", make([]byte, netbsd.MaxUtrace+1)); err == nil {
		t.Error("too much data was recorded")
	}
	if err := netbsd.Ktrace(p, "/tmp/no such file", netbsd.KTROP_SET, all, p.ID()); !errors.Is(err, sys.ENOENT) {
		t.Errorf("ktrace to a file that is not there: %v", err)
	}
}

// TestFktrace records to a pipe.
func TestFktrace(t *testing.T) {
	p := kerneltest.New(t, "rump:vfs").Init()
	from, to, err := p.Pipe(0)
	must(t, err)
	must(t, netbsd.Fktrace(to, netbsd.KTROP_SET, netbsd.KTRFAC_USER, p.ID()))
	must(t, netbsd.Utrace(p, "through a pipe", nil))
	r := kdump.NewReader(bufio.NewReader(from), p.Kernel().ABI())
	if !r.Next() {
		t.Fatal(r.Err())
	}
	if e, err := r.Record().Decode(); err != nil || e.(kdump.UserEvent).Label != "through a pipe" {
		t.Errorf("it is %v, %v", e, err)
	}
	must(t, netbsd.Fktrace(to, netbsd.KTROP_CLEARFILE, 0, p.ID()))
}

func TestModulesAndCounters(t *testing.T) {
	p := kerneltest.New(t, "rump:fs_ffs,fs_tmpfs").Init()
	modules, err := netbsd.Modules(p)
	must(t, err)
	i := slices.IndexFunc(modules, func(m netbsd.Module) bool { return m.Name == "ffs" })
	if i < 0 || modules[i].Class != "vfs" || modules[i].Requires != "wapbl" || modules[i].Source != "builtin" {
		t.Errorf("modules are %+v", modules)
	}
	counters, err := netbsd.EventCounters(p, false)
	must(t, err)
	i = slices.IndexFunc(counters, func(c netbsd.EventCounter) bool { return c.Group == "rump biglock" && c.Name == "fast" })
	if i < 0 || counters[i].Type != "misc" {
		t.Errorf("counters are %+v", counters)
	}
	some, err := netbsd.EventCounters(p, true)
	if err != nil || len(some) == 0 || len(some) >= len(counters) {
		t.Errorf("%d of %d counters have counted, %v", len(some), len(counters), err)
	}
}

func TestSemaphores(t *testing.T) {
	p := kerneltest.New(t, "rump:vfs").Init()
	s, err := netbsd.NewSemaphore(p, 1)
	must(t, err)
	must(t, s.Wait())
	if err := s.TryWait(); !errors.Is(err, sys.EAGAIN) {
		t.Errorf("a semaphore at 0: %v", err)
	}
	woken := make(chan error)
	go func() { woken <- s.Wait() }()
	must(t, s.Post())
	must(t, <-woken)
	must(t, s.Close())
	if err := s.Post(); !errors.Is(err, sys.EINVAL) {
		t.Errorf("a semaphore that is gone: %v", err)
	}
	const name = "/sem"
	one, err := netbsd.OpenSemaphore(p, name, sys.O_CREAT|sys.O_EXCL, 0o600, 5)
	must(t, err)
	two, err := netbsd.OpenSemaphore(p, name, 0, 0, 0)
	must(t, err)
	must(t, one.Wait())
	if v, err := two.Value(); v != 4 || err != nil {
		t.Errorf("the same semaphore has %d, %v", v, err)
	}
	must(t, netbsd.UnlinkSemaphore(p, name))
	if _, err := netbsd.OpenSemaphore(p, name, 0, 0, 0); !errors.Is(err, sys.ENOENT) {
		t.Errorf("a name that is gone: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	empty, err := netbsd.NewSemaphore(p.With(ctx), 0)
	must(t, err)
	if err := empty.Wait(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a wait whose context ended: %v", err)
	}
}

func TestFileFlags(t *testing.T) {
	p := kerneltest.New(t, "rump").Init()
	must(t, p.WriteFile("/tmp/file", []byte("text"), 0o644))
	must(t, p.Symlink("file", "/tmp/link"))
	must(t, netbsd.Chflags(p, "/tmp/link", netbsd.UF_IMMUTABLE))
	if f, err := netbsd.Flags(p, "/tmp/file"); f != netbsd.UF_IMMUTABLE || err != nil {
		t.Errorf("the flags are %v, %v", f, err)
	}
	if f, err := netbsd.Flags(p, "/tmp/link"); f != 0 || err != nil {
		t.Errorf("those of the link are %v, %v", f, err)
	}
	if err := p.WriteFile("/tmp/file", nil, 0o644); !errors.Is(err, sys.EPERM) {
		t.Errorf("a write to what nobody may change: %v", err)
	}
	must(t, netbsd.Chflags(p, "/tmp/file", 0))
	must(t, netbsd.Lchflags(p, "/tmp/link", netbsd.UF_NODUMP))
	if f, err := netbsd.Flags(p, "/tmp/link"); f != netbsd.UF_NODUMP || err != nil {
		t.Errorf("the flags of the link are %v, %v", f, err)
	}
	f, err := p.Open("/tmp/file", sys.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	must(t, netbsd.Fchflags(f, netbsd.UF_APPEND))
	if _, err := p.Open("/tmp/file", sys.O_RDWR, 0); !errors.Is(err, sys.EPERM) {
		t.Errorf("open of what may only grow: %v", err)
	}
	must(t, netbsd.SyncRange(f, netbsd.FFILESYNC|netbsd.FDISKSYNC, 0, 4))
	must(t, netbsd.SyncRange(f, netbsd.FDATASYNC, 0, 0))
	if err := netbsd.SyncRange(f, 0, 0, 4); !errors.Is(err, sys.EINVAL) {
		t.Errorf("a sync of nothing: %v", err)
	}
	if set, err := netbsd.IsSetID(p); set || err != nil {
		t.Errorf("issetugid: %v, %v", set, err)
	}
	if got, err := netbsd.ParseFileFlags("uf_append, sf_immutable"); got != netbsd.UF_APPEND|netbsd.SF_IMMUTABLE || err != nil {
		t.Errorf("the names are %v, %v", got, err)
	}
}

// TestExtattrs: FFS of version 1 keeps attributes, once they are begun.
func TestExtattrs(t *testing.T) {
	tree := fsimages.Tree(t)
	i := slices.IndexFunc(fsimages.Kinds, func(k fsimages.Kind) bool { return k.Name == "ffs1" })
	image := fsimages.Kinds[i].Make(t, tree)
	p := kerneltest.New(t, "rump:vfs?mount="+image+":/mnt").Init()
	must(t, p.MkdirAll("/mnt/.attribute/user", 0o755))
	must(t, netbsd.StartExtattrs(p, "/mnt"))
	f, err := p.Open("/mnt/readme.txt", sys.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	must(t, p.Symlink("readme.txt", "/mnt/alias"))
	for what, e := range map[string]*netbsd.Extattrs{
		"file": netbsd.FileExtattrs(p, "/mnt/readme.txt", netbsd.UserAttributes),
		"open": netbsd.OpenExtattrs(f, netbsd.UserAttributes),
		"link": netbsd.LinkExtattrs(p, "/mnt/alias", netbsd.UserAttributes),
	} {
		must(t, e.Set("color", []byte("green")))
		must(t, e.Set("empty", nil))
		if v, err := e.Get("color"); string(v) != "green" || err != nil {
			t.Errorf("%s: color is %q, %v", what, v, err)
		}
		names, err := e.List()
		slices.Sort(names)
		if !slices.Equal(names, []string{"color", "empty"}) || err != nil {
			t.Errorf("%s: the names are %q, %v", what, names, err)
		}
		must(t, e.Delete("color"))
		if _, err := e.Get("color"); !errors.Is(err, sys.ENODATA) && !errors.Is(err, sys.ENOATTR) {
			t.Errorf("%s: an attribute that is gone: %v", what, err)
		}
		must(t, e.Delete("empty"))
	}
}
