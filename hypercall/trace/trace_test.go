package trace

import (
	"strings"
	"testing"
	"time"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/linux"
	"github.com/anykernel/anykernel/sys/abi/netbsd"
)

// syscall is the event of a call that returned r0.
func syscall(name string, r0 int64, err error, args ...any) *hypercall.Event {
	ev := &hypercall.Event{Name: hypercall.EventSyscall, Kernel: "box:net?ncpu=2", PID: 7, Time: 1500 * time.Millisecond, Err: err}
	ev.Args.Set("call", name)
	for i, a := range args {
		if n, ok := a.(int); ok {
			a = int64(n)
		}
		ev.Args.Set(argName(i), a)
	}
	ev.Result.Set("r0", r0)
	return ev
}

func TestCalls(t *testing.T) {
	in4 := []byte{2, 0, 0, 80, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}
	bsd4 := []byte{16, 2, 0, 80, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}
	spec := append([]byte{1, 0, 0, 0, 0, 0, 0, 0}, 2, 0, 0, 0, 0, 0, 0, 0)
	for _, c := range []struct {
		abi  *abi.ABI
		ev   *hypercall.Event
		want string
	}{
		{linux.AMD64, syscall("openat", 3, nil, -100, []byte("/etc/hosts\x00"), 0o2000000|0o2, 0o644), `openat(AT_FDCWD, "/etc/hosts", O_RDWR|O_CLOEXEC, 0644) = 3`},
		{linux.AMD64, syscall("openat", 0, abi.Errno(2), -100, []byte("/x\x00")), `openat(AT_FDCWD, "/x", O_RDONLY, 0) = -1 ENOENT (No such file or directory)`},
		{netbsd.AMD64, syscall("open", 0, abi.Errno(2), []byte("/x\x00"), 1), `open("/x", O_WRONLY, 0) = -1 ENOENT (No such file or directory)`},
		{linux.AMD64, syscall("read", 5, nil, 3, []byte("hello\x00\x00\x00"), 8), `read(3, "hello", 8) = 5`},
		{linux.AMD64, syscall("read", 0, abi.Errno(9), -1, []byte("stale"), 5), `read(-1, …, 5) = -1 EBADF (Bad file descriptor)`},
		{linux.AMD64, syscall("write", 40, nil, 1, []byte(strings.Repeat("x", 40)), 40), `write(1, "` + strings.Repeat("x", 32) + `"…, 40) = 40`},
		{linux.AMD64, syscall("socket", 4, nil, 2, 1|0o2000000, 6), `socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP) = 4`},
		{linux.AMD64, syscall("connect", 0, nil, 4, in4, 16), `connect(4, {AF_INET, 10.0.0.1:80}, 16) = 0`},
		{netbsd.AMD64, syscall("connect", 0, nil, 4, bsd4, 16), `connect(4, {AF_INET, 10.0.0.1:80}, 16) = 0`},
		{netbsd.AMD64, syscall("__nanosleep50", 0, nil, spec, 0), `__nanosleep50({tv_sec=1, tv_nsec=2}, NULL) = 0`},
		{linux.AMD64, syscall("pipe2", 0, nil, []byte{3, 0, 0, 0, 4, 0, 0, 0}, 0), `pipe2([3, 4], O_RDONLY) = 0`},
		{linux.AMD64, syscall("kill", 0, nil, 9, 15), `kill(9, SIGTERM) = 0`},
		{linux.AMD64, syscall("ioctl", 0, nil, 1, 0x5413, []byte{1, 2}), `ioctl(1, TIOCGWINSZ, "\x01\x02") = 0`},
		{linux.AMD64, syscall("nosuch", 1<<40, nil, 1, 1<<33, 0), `nosuch(1, 0x200000000) = 0x10000000000`},
		{nil, syscall("openat", 3, nil, -100, []byte("/x\x00"), 2), `openat(-100, "/x", 0x2, 0) = 3`},
	} {
		tr := New(nil, Options{})
		tr.SetABI(c.abi)
		want := "    1.500000 box/7 " + c.want + "\n"
		if got := tr.line(c.ev); got != want {
			t.Errorf("got  %swant %s", got, want)
		}
	}
}

func TestHypercall(t *testing.T) {
	ev := &hypercall.Event{Name: hypercall.EventBio, Kernel: "rump", Args: hypercall.Fields{
		{Name: "device", Value: "disk"}, {Name: "op", Value: "read"}, {Name: "offset", Value: int64(512)}}}
	ev.Result.Set("data", []byte("boot"))
	want := `    0.000000 rump · bio(device="disk", op="read", offset=512) = data="boot"` + "\n"
	if got := New(nil, Options{}).line(ev); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOnly(t *testing.T) {
	for only, want := range map[string]string{
		"":             "syscall bio",
		"bio":          "bio",
		"syscall":      "syscall",
		"hypercall":    "bio",
		"openat":       "syscall",
		"stat,bio":     "syscall bio", // NetBSD's __stat50
		"clock":        "",
		"nosuch,frame": "",
	} {
		var out strings.Builder
		o := Options{}
		if only != "" {
			o.Only = strings.Split(only, ",")
		}
		tr := New(&out, o)
		hooks := hypercall.NewHooks("box", tr.Hook())
		got := ""
		for _, name := range []string{"openat", "__stat50", "close"} {
			hooks.Emit(syscall(name, 0, nil), func() {})
		}
		hooks.Emit(&hypercall.Event{Name: hypercall.EventBio}, func() {})
		for _, c := range tr.Summary() {
			kind := "syscall"
			if c.Name == hypercall.EventBio {
				kind = c.Name
			}
			if !strings.Contains(got, kind) {
				got += " " + kind
			}
		}
		if len(strings.Fields(got)) != len(strings.Fields(want)) || strings.Contains(want, "bio") != strings.Contains(got, "bio") {
			t.Errorf("-e %s shows %q, want %q\n%s", only, got, want, out.String())
		}
	}
}

// FuzzMemory has arguments be any memory, for every kind of argument.
func FuzzMemory(f *testing.F) {
	f.Add([]byte("/etc\x00"), int64(0))
	f.Add([]byte{2, 0, 0, 80, 10, 0, 0, 1}, int64(-1))
	f.Fuzz(func(t *testing.T, b []byte, n int64) {
		for name, kinds := range signatures {
			var args []any
			for i := range kinds {
				if i%2 == 0 {
					args = append(args, b)
				} else {
					args = append(args, n)
				}
			}
			for _, a := range []*abi.ABI{linux.AMD64, netbsd.AMD64} {
				tr := New(nil, Options{})
				tr.SetABI(a)
				tr.line(syscall(name, n, nil, args...))
				tr.line(syscall(name, n, nil, append([]any{n}, args...)...))
			}
		}
	})
}
