package kerneltest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// systemCases are about the kernel as a whole.
var systemCases = []Case{
	{Name: "uname says what the kernel is", Run: testUname},
	{Name: "the host name can be set", Needs: backends.Hostname, Run: testHostname},
	{Name: "clocks go on", Run: testClocks},
	{Name: "sleep takes its time", Run: testSleep},
	{Name: "sleep is interrupted", Needs: backends.Interrupts, Run: testSleepInterrupted},
	{Name: "random bytes differ", Run: testRandom},
	{Name: "memory file systems are mounted and unmounted", Needs: backends.Mounts, Run: testMount},
	{Name: "variables of the system", Run: testSysctl},
}

func testUname(t T, k *sys.Kernel) {
	u := get[sys.Uname](t, "uname")(k.Init().Uname())
	if !strings.EqualFold(u.Sysname, k.ABI().OS) || u.Release == "" || u.Version == "" || u.Machine == "" || u.Nodename == "" {
		t.Errorf("uname is %+v", u)
	}
	if name := get[string](t, "hostname")(k.Init().Hostname()); name != u.Nodename {
		t.Errorf("the host name is %q, uname says %q", name, u.Nodename)
	}
}

func testHostname(t T, k *sys.Kernel) {
	check(t, "sethostname", k.Init().SetHostname("box.example"))
	if name := get[string](t, "hostname")(k.Init().Hostname()); name != "box.example" {
		t.Errorf("the host name is %q after it was set", name)
	}
	check(t, "setdomainname", k.Init().SetDomainname("example"))
	if u := get[sys.Uname](t, "uname")(k.Init().Uname()); u.Domainname != "example" {
		t.Errorf("the domain name is %q after it was set", u.Domainname)
	}
	if err := k.Init().SetHostname(strings.Repeat("x", 1000)); err == nil {
		t.Errorf("a host name of 1000 bytes is taken")
	}
}

func testClocks(t T, k *sys.Kernel) {
	p := k.Init()
	if now := get[time.Time](t, "now")(p.Now()); now.Before(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("the time is %v", now)
	}
	last := time.Duration(-1)
	for range 100 {
		d, err := p.Clock(sys.CLOCK_MONOTONIC)
		if errors.Is(err, sys.ErrNotSupported) {
			return
		}
		check(t, "clock", err)
		if d < last {
			t.Errorf("the monotonic clock goes from %v to %v", last, d)
		}
		last = d
	}
	if res := get[time.Duration](t, "clock_getres")(p.ClockResolution(sys.CLOCK_MONOTONIC)); res <= 0 || res > time.Second {
		t.Errorf("the resolution of the clock is %v", res)
	}
	_, err := p.Clock(99)
	wantError(t, "an unknown clock", err, sys.ErrNotSupported)
}

func testSleep(t T, k *sys.Kernel) {
	p := k.Init()
	start := time.Now()
	if left, err := p.Nanosleep(20 * time.Millisecond); left != 0 || err != nil {
		t.Errorf("nanosleep: %v left, %v", left, err)
	}
	if d := time.Since(start); d < 15*time.Millisecond {
		t.Errorf("20ms of sleep took %v", d)
	}
	start = time.Now()
	// Linux says that this is no time; a BSD that it is over.
	if _, err := p.Nanosleep(-time.Second); err != nil && !errors.Is(err, sys.EINVAL) || time.Since(start) > time.Second {
		t.Errorf("negative sleep: %v after %v", err, time.Since(start))
	}
	now, err := p.Clock(sys.CLOCK_MONOTONIC)
	if err == nil {
		err = p.SleepUntil(sys.CLOCK_MONOTONIC, now+10*time.Millisecond)
	}
	if errors.Is(err, sys.ErrNotSupported) {
		return
	}
	check(t, "sleep until", err)
	if then := get[time.Duration](t, "clock")(p.Clock(sys.CLOCK_MONOTONIC)); then < now+10*time.Millisecond {
		t.Errorf("sleep until %v ended at %v", now+10*time.Millisecond, then)
	}
}

func testSleepInterrupted(t T, k *sys.Kernel) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	const long = time.Hour
	left, err := k.Init().With(ctx).Nanosleep(long)
	wantError(t, "interrupted sleep", err, sys.EINTR)
	wantError(t, "interrupted sleep", err, context.DeadlineExceeded)
	if left <= long-time.Minute || left > long {
		t.Errorf("%v are left of %v", left, long)
	}
}

func testRandom(t T, k *sys.Kernel) {
	a, b := make([]byte, 256), make([]byte, 256)
	for _, buf := range [][]byte{a, b} {
		if n, err := k.Init().Getrandom(buf, 0); n != len(buf) || err != nil {
			t.Errorf("getrandom: %d, %v", n, err)
		}
	}
	if bytes.Equal(a, b) || bytes.Equal(a, make([]byte, 256)) {
		t.Errorf("random bytes are not")
	}
	if _, err := k.Init().Getrandom(a, sys.GRND_NONBLOCK); err != nil {
		t.Errorf("getrandom without waiting: %v", err)
	}
}

func testMount(t T, k *sys.Kernel) {
	p := k.Init()
	dir := get[string](t, "mkdirtemp")(p.MkdirTemp("", "mount"))
	check(t, "write", p.WriteFile(dir+"/below", []byte("x"), 0o644))
	check(t, "mount", p.Mount("tmpfs", dir, "tmpfs", sys.MS_NOSUID, ""))
	_, err := p.Stat(dir + "/below")
	wantError(t, "what is below a mount", err, sys.ENOENT)
	check(t, "write", p.WriteFile(dir+"/above", []byte("x"), 0o644))
	check(t, "unmount", p.Unmount(dir, 0))
	if b := get[[]byte](t, "read")(p.ReadFile(dir + "/below")); string(b) != "x" {
		t.Errorf("the file below the mount is %q", b)
	}
	_, err = p.Stat(dir + "/above")
	wantError(t, "what was on a mount that is gone", err, sys.ENOENT)
	if err := p.Mount("none", dir, "nosuchfs", 0, ""); err == nil {
		t.Errorf("a file system of an unknown type is mounted")
	}
	if k.ABI().OS == "linux" {
		testReadOnlyMount(t, p, dir)
	}
	check(t, "remove", p.RemoveAll(dir))
}

func testReadOnlyMount(t T, p *sys.Process, dir string) {
	check(t, "mount", p.Mount("tmpfs", dir, "tmpfs", sys.MS_RDONLY, "size=1m"))
	wantError(t, "write to a read-only mount", p.WriteFile(dir+"/x", nil, 0o644), sys.EROFS)
	held := get[*sys.File](t, "open")(p.Open(dir, sys.O_RDONLY, 0))
	wantError(t, "unmount of what is in use", p.Unmount(dir, 0), sys.EBUSY)
	check(t, "close", held.Close())
	check(t, "unmount", p.Unmount(dir, sys.UMOUNT_DETACH))
}

func testSysctl(t T, k *sys.Kernel) {
	if k.ABI().OS != "linux" {
		b, err := k.Init().SysctlNumbers(1, 1) // kern.ostype
		check(t, "sysctl", err)
		if !strings.EqualFold(strings.TrimRight(string(b), "\x00"), k.ABI().OS) {
			t.Errorf("kern.ostype is %q", b)
		}
		return
	}
	p := k.Init()
	name := get[string](t, "sysctl")(p.Sysctl("kernel.hostname"))
	if host := get[string](t, "hostname")(p.Hostname()); name != host {
		t.Errorf("kernel.hostname is %q, the host name %q", name, host)
	}
	names := get[[]string](t, "sysctls")(p.Sysctls())
	if !strings.Contains(strings.Join(names, " "), "kernel.hostname") {
		t.Errorf("%d variables, and kernel.hostname is not one", len(names))
	}
	_, err := p.Sysctl("no.such.variable")
	wantError(t, "an unknown variable", err, sys.ENOENT)
	for _, bad := range []string{"", ".", "../passwd", "kernel/../../etc/passwd"} {
		_, err := p.Sysctl(bad)
		wantError(t, "variable "+bad, err, sys.EINVAL)
	}
}
