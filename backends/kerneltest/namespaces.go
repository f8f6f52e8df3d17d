package kerneltest

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	seccomp "github.com/elastic/go-seccomp-bpf"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/linux"
)

// confinementCases are about what a process of Linux can be cut off from.
var confinementCases = []Case{
	{Name: "a namespace of host names", Needs: backends.Namespaces, Run: testUTSNamespace},
	{Name: "a namespace of mounts", Needs: backends.Namespaces, Run: testMountNamespace},
	{Name: "a namespace of networks", Needs: backends.Namespaces, Run: testNetNamespace},
	{Name: "a namespace of processes", Needs: backends.Namespaces, Run: testPIDNamespace},
	{Name: "namespaces are joined", Needs: backends.Namespaces, Run: testSetns},
	{Name: "filters refuse calls", Needs: backends.Seccomp, Run: testSeccomp},
	{Name: "filters end a process", Needs: backends.Seccomp, Run: testSeccompKill},
	{Name: "what sysinfo and prctl tell", Run: testLinuxInfo},
}

// unshared is a process in namespaces of its own.
func unshared(t T, k *sys.Kernel, n linux.Namespaces) *sys.Process {
	t.Helper()
	p := fork(t, k)
	if err := linux.Unshare(p, n); err != nil {
		t.Fatalf("unshare %v: %v", n, err)
	}
	return p
}

func testUTSNamespace(t T, k *sys.Kernel) {
	p := unshared(t, k, linux.CLONE_NEWUTS)
	before := get[string](t, "hostname")(k.Init().Hostname())
	check(t, "sethostname", p.SetHostname("inside.example"))
	if name := get[string](t, "hostname")(p.Hostname()); name != "inside.example" {
		t.Errorf("the host name inside is %q", name)
	}
	if name := get[string](t, "hostname")(k.Init().Hostname()); name != before {
		t.Errorf("the host name outside went from %q to %q", before, name)
	}
	child, err := p.Fork(t.Context(), backends.CleanDescriptors)
	if err != nil {
		t.Fatalf("fork: %v", err)
	}
	if name := get[string](t, "hostname")(child.Hostname()); name != "inside.example" {
		t.Errorf("the host name of a child is %q", name)
	}
}

func testMountNamespace(t T, k *sys.Kernel) {
	p := unshared(t, k, linux.CLONE_NEWNS)
	check(t, "make mounts private", p.Mount("", "/", "", sys.MS_REC|sys.MS_PRIVATE, ""))
	dir := get[string](t, "mkdirtemp")(k.Init().MkdirTemp("", "mounts"))
	t.Cleanup(func() { _ = k.Init().RemoveAll(dir) })
	check(t, "mount", p.Mount("tmpfs", dir, "tmpfs", 0, ""))
	check(t, "write", p.WriteFile(dir+"/inside", []byte("x"), 0o644))
	_, err := k.Init().Stat(dir + "/inside")
	wantError(t, "a file on a mount that is not shared", err, fs.ErrNotExist)
	check(t, "unmount", p.Unmount(dir, 0))
	check(t, "mount", p.Mount("tmpfs", dir, "tmpfs", sys.MS_RDONLY, ""))
	wantError(t, "write to a read-only mount", p.WriteFile(dir+"/x", nil, 0o644), sys.EROFS)
	check(t, "unmount", p.Unmount(dir, sys.UMOUNT_DETACH))
}

func testNetNamespace(t T, k *sys.Kernel) {
	p := unshared(t, k, linux.CLONE_NEWNET)
	b := get[[]byte](t, "read")(p.ReadFile("/proc/net/dev"))
	if strings.Count(string(b), ":") > 1 {
		t.Errorf("a new network has these devices:\n%s", b)
	}
	if link := get[string](t, "readlink")(p.Readlink("/proc/thread-self/ns/net")); link == get[string](t, "readlink")(k.Init().Readlink("/proc/thread-self/ns/net")) {
		t.Errorf("inside and outside are in network %s", link)
	}
}

func testPIDNamespace(t T, k *sys.Kernel) {
	p := unshared(t, k, linux.CLONE_NEWPID)
	init, err := p.Fork(t.Context(), backends.CleanDescriptors)
	if err != nil {
		t.Fatalf("fork: %v", err)
	}
	if pid := get[int](t, "getpid")(init.Getpid()); pid != 1 {
		t.Errorf("the first process of a namespace is %d", pid)
	}
	child, err := init.Fork(t.Context(), backends.CleanDescriptors)
	if err != nil {
		t.Fatalf("fork inside: %v", err)
	}
	if pid := get[int](t, "getpid")(child.Getpid()); pid != child.ID() || pid > 100 {
		t.Errorf("the second process of a namespace is %d", pid)
	}
	within(t, "a blocking call beyond a namespace of processes", func() {
		check(t, "kill", child.Signal(sys.SIGKILL))
		if w, err := child.Wait(); err != nil || w.Status.Signal() != sys.SIGKILL {
			t.Errorf("wait inside: %+v, %v", w, err)
		}
		check(t, "close", init.Close())
		if w, err := init.Wait(); err != nil || w.Status.Signal() != sys.SIGKILL {
			t.Errorf("wait for the first process of a namespace: %+v, %v", w, err)
		}
	})
}

func testSetns(t T, k *sys.Kernel) {
	a := unshared(t, k, linux.CLONE_NEWUTS)
	check(t, "sethostname", a.SetHostname("first.example"))
	f := get[*sys.File](t, "open")(k.Init().Open(fmt.Sprintf("/proc/%d/ns/uts", a.ID()), sys.O_RDONLY, 0))
	b := fork(t, k)
	inherited := b.FD(f.FD())
	check(t, "setns", linux.Setns(b, inherited, linux.CLONE_NEWUTS))
	if name := get[string](t, "hostname")(b.Hostname()); name != "first.example" {
		t.Errorf("the host name in a namespace that was joined is %q", name)
	}
	wantError(t, "setns of the wrong kind", linux.Setns(b, inherited, linux.CLONE_NEWNET), sys.EINVAL)
	check(t, "close", f.Close())
}

func testSeccomp(t T, k *sys.Kernel) {
	p := fork(t, k)
	dir := get[string](t, "mkdirtemp")(p.MkdirTemp("", "seccomp"))
	t.Cleanup(func() { _ = k.Init().RemoveAll(dir) })
	check(t, "seccomp", linux.Seccomp(p, seccomp.Policy{
		DefaultAction: seccomp.ActionAllow,
		Syscalls:      []seccomp.SyscallGroup{{Names: []string{"mkdirat", "getppid"}, Action: seccomp.ActionErrno}},
	}))
	wantError(t, "a call that the filter refuses", p.Mkdir(dir+"/x", 0o755), sys.EPERM)
	_, err := p.Getppid()
	wantError(t, "another", err, sys.EPERM)
	check(t, "a call that it allows", p.WriteFile(dir+"/file", []byte("x"), 0o644))
	if on, err := linux.NoNewPrivs(p); !on || err != nil {
		t.Errorf("no_new_privs is %v, %v", on, err)
	}
	child, err := p.Fork(t.Context(), backends.CleanDescriptors)
	if err != nil {
		t.Fatalf("fork: %v", err)
	}
	wantError(t, "the same by a child", child.Mkdir(dir+"/x", 0o755), sys.EPERM)
	check(t, "the same by the parent", k.Init().Mkdir(dir+"/x", 0o755))
}

func testSeccompKill(t T, k *sys.Kernel) {
	p := fork(t, k)
	check(t, "seccomp", linux.Seccomp(p, seccomp.Policy{
		DefaultAction: seccomp.ActionKillProcess,
		Syscalls: []seccomp.SyscallGroup{{Action: seccomp.ActionAllow, Names: []string{
			"read", "write", "close", "exit_group", "getpid", "wait4", "kill"}}},
	}))
	if pid := get[int](t, "getpid")(p.Getpid()); pid != p.ID() {
		t.Errorf("getpid behind a filter: %d", pid)
	}
	if _, err := p.Getuid(); !errors.Is(err, backends.ErrExited) {
		t.Errorf("a call that ends its process: %v", err)
	}
	if w, err := p.Wait(); err != nil || w.Status.Signal() != sys.SIGSYS {
		t.Errorf("a process that its filter ended: %v, %v", w.Status, err)
	}
}

func testLinuxInfo(t T, k *sys.Kernel) {
	p := k.Init()
	if k.ABI().OS != "linux" {
		_, err := linux.GetSysinfo(p)
		wantError(t, "sysinfo", err, sys.ErrNotSupported)
		return
	}
	info := get[linux.Sysinfo](t, "sysinfo")(linux.GetSysinfo(p))
	if info.TotalRAM < 1<<20 || info.FreeRAM > info.TotalRAM || info.Processes < 1 || info.Uptime < 0 {
		t.Errorf("sysinfo is %+v", info)
	}
	_, err := linux.Prctl(p, "PR_NO_SUCH_OPERATION")
	wantError(t, "an unknown operation", err, sys.ErrNotSupported)
	if k.Capabilities().Has(backends.Processes) {
		child := fork(t, k)
		check(t, "set name", linux.SetName(child, "a name of 18 bytes"))
		if name := get[string](t, "name")(linux.Name(child)); name != "a name of 18 by" {
			t.Errorf("the name is %q", name)
		}
	}
}
