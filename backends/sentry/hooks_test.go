//go:build linux && (amd64 || arm64)

package sentry_test

import (
	"bytes"
	"errors"
	"math/rand"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/sentry"
	"github.com/anykernel/anykernel/hypercall"
)

// TestHooks has hooks see and change what a kernel asks for.
func TestHooks(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	see := hypercall.Observe(func(ev *hypercall.Event) {
		mu.Lock()
		defer mu.Unlock()
		seen[ev.Name]++
	})
	change := hypercall.Intercept(func(ev *hypercall.Event, next func()) {
		switch ev.Name {
		case hypercall.EventRandom:
			ev.Result.Set("data", bytes.Repeat([]byte{7}, int(ev.Args.Int("length"))))
			return
		case hypercall.EventConsole:
			ev.Args.Set("text", bytes.ToUpper(ev.Args.Bytes("text")))
		case hypercall.EventAlloc:
			if ev.Args.Int("size") == 12345 {
				ev.Err = errors.New("no more")
				return
			}
		case hypercall.EventBio:
			if ev.Args.Text("device") == "/data/bad" {
				ev.Err = unix.EIO
				return
			}
		}
		next()
	})
	var console bytes.Buffer
	clock := hypercall.NewVirtualClock(epoch)
	files := fstest.MapFS{"good": {Data: []byte("good")}, "bad": {Data: []byte("bad")}}
	k := bootConfig(t, sentry.Options{Mounts: []sentry.Mount{{Path: "/data", FS: files}}}, backends.Config{
		Console: &console,
		Host:    hypercall.Host{Clock: clock, Random: rand.New(rand.NewSource(1))},
		Hooks:   hypercall.NewHooks("box", see, change),
	})
	s := callerOf(k.Init())
	random := make([]byte, 8)
	s.must(t, unix.SYS_GETRANDOM, out(random), num(8), num(0))
	if random[0] != 7 || random[7] != 7 {
		t.Errorf("random bytes are %v", random)
	}
	s.must(t, unix.SYS_WRITE, num(1), in([]byte("loud")), num(4))
	if console.String() != "LOUD" {
		t.Errorf("the console has %q", console.String())
	}
	fd := s.must(t, unix.SYS_OPENAT, num(unix.AT_FDCWD), text("/file"), num(unix.O_RDWR|unix.O_CREAT), num(0o600))
	s.must(t, unix.SYS_WRITE, fdNum(fd), in(make([]byte, 100)), num(100))
	if _, err := s(unix.SYS_WRITE, fdNum(fd), in(make([]byte, 12345)), num(12345)); !isErrno(err, unix.ENOSPC) {
		t.Errorf("a write that gets no memory: %v, want ENOSPC", err)
	}
	if got := readFile(t, s, "/data/good"); got != "good" {
		t.Errorf("/data/good has %q", got)
	}
	bad := s.must(t, unix.SYS_OPENAT, num(unix.AT_FDCWD), text("/data/bad"), num(0), num(0))
	if _, err := s(unix.SYS_READ, fdNum(bad), out(make([]byte, 3)), num(3)); !isErrno(err, unix.EIO) {
		t.Errorf("read of a bad file: %v, want EIO", err)
	}
	clock.Advance(time.Minute)
	if got := clockTime(t, s, unix.CLOCK_REALTIME); int64(got) != epoch.Add(time.Minute).UnixNano() {
		t.Errorf("the wall clock is %v", got)
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{
		hypercall.EventClock, hypercall.EventRandom, hypercall.EventAlloc, hypercall.EventOpen, hypercall.EventBio,
		hypercall.EventClose, hypercall.EventConsole, hypercall.EventExit,
	} {
		if seen[name] == 0 {
			t.Errorf("no event %q", name)
		}
	}
}

// TestHooksStop has a hook end the kernel that backends.Open opened.
func TestHooksStop(t *testing.T) {
	enough := errors.New("script.star:3: enough")
	hooks := hypercall.NewHooks("box", hypercall.Observe(func(ev *hypercall.Event) {
		if ev.Args.Text("call") == "sethostname" {
			ev.Stop(enough)
		}
	}, hypercall.EventSyscall))
	k, err := backends.Open(t.Context(), "sentry", backends.Config{Hooks: hooks})
	if err != nil {
		t.Fatal(err)
	}
	s := callerOf(k.Init())
	s.must(t, unix.SYS_GETPID)
	var ends [2]int32
	s.must(t, unix.SYS_PIPE2, out(bytesOf(&ends)), num(0))
	blocked := make(chan error)
	go func() {
		_, err := s(unix.SYS_READ, num(int(ends[0])), out(make([]byte, 1)), num(1))
		blocked <- err
	}()
	time.Sleep(10 * time.Millisecond)
	s(unix.SYS_SETHOSTNAME, in([]byte("x")), num(1))
	if err := <-blocked; !errors.Is(err, enough) {
		t.Errorf("a call that was under way: %v", err)
	}
	if _, err := s(unix.SYS_GETPID); !errors.Is(err, enough) || !errors.Is(k.Err(), enough) {
		t.Errorf("a later call: %v; the kernel says %v", err, k.Err())
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}
