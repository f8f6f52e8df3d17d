package kerneltest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/linux"
)

// eventCases are about files that carry events. They are Linux's.
var eventCases = []Case{
	{Name: "eventfd counts", Needs: backends.Epoll, Run: testEventfd},
	{Name: "timerfd expires", Needs: backends.Epoll, Run: testTimerfd},
	{Name: "signalfd takes signals", Needs: backends.Epoll, Run: testSignalfd},
	{Name: "epoll: level, edge and one shot", Needs: backends.Epoll, Run: testEpoll},
	{Name: "epoll of 10,000 files", Needs: backends.Epoll, Run: testEpollMany},
	{Name: "inotify tells of files", Needs: backends.Inotify, Run: testInotify},
	{Name: "memory files and their seals", Needs: backends.Memfd, Run: testMemfd},
	{Name: "processes share a memory file", Needs: backends.Memfd, Run: testMemfdShared},
	{Name: "splice, tee and sendfile move data", Needs: backends.Splice, Run: testSplice},
}

func testEventfd(t T, k *sys.Kernel) {
	e, err := linux.NewEventfd(k.Init(), 3, linux.EFD_CLOEXEC|linux.EFD_NONBLOCK)
	must(t, err)
	defer e.Close()
	must(t, e.Add(4))
	if n, err := e.Get(); n != 7 || err != nil {
		t.Errorf("3 and 4 make %d, %v", n, err)
	}
	go func() {
		time.Sleep(5 * time.Millisecond)
		_ = e.Add(1 << 40)
	}()
	within(t, "a counter that is added to later", func() {
		if n, err := e.Get(); n != 1<<40 || err != nil {
			t.Errorf("waiting gives %d, %v", n, err)
		}
	})
	if err := e.Add(math.MaxUint64); !errors.Is(err, sys.EINVAL) {
		t.Errorf("adding 2^64-1: %v, want EINVAL", err)
	}
	must(t, e.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
	if _, err := e.Get(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("waiting for an empty counter: %v, want a deadline", err)
	}
	s, err := linux.NewEventfd(k.Init(), 2, linux.EFD_SEMAPHORE)
	must(t, err)
	defer s.Close()
	for range 2 {
		if n, err := s.Get(); n != 1 || err != nil {
			t.Errorf("a semaphore gives %d, %v, want 1", n, err)
		}
	}
}

func testTimerfd(t T, k *sys.Kernel) {
	p := k.Init()
	tm, err := linux.NewTimerfd(p, sys.CLOCK_MONOTONIC, linux.TFD_CLOEXEC|linux.TFD_NONBLOCK)
	must(t, err)
	defer tm.Close()
	start := time.Now()
	old, err := tm.Set(linux.TimerSpec{Value: 20 * time.Millisecond, Interval: 5 * time.Millisecond}, 0)
	if err != nil || old != (linux.TimerSpec{}) {
		t.Fatalf("arming: %v, %v, want no earlier setting", old, err)
	}
	if s, err := tm.Get(); err != nil || s.Interval != 5*time.Millisecond || s.Value <= 0 || s.Value > 20*time.Millisecond {
		t.Errorf("the setting is %v, %v", s, err)
	}
	within(t, "a timer of 20 ms", func() {
		if n, err := tm.Expirations(); n < 1 || err != nil || time.Since(start) < 20*time.Millisecond {
			t.Errorf("after %v: %d expirations, %v", time.Since(start), n, err)
		}
	})
	// A kernel on a busy machine may count late, but loses none.
	within(t, "an interval of 5 ms", func() {
		for total := uint64(0); total < 6; {
			n, err := tm.Expirations()
			if err != nil {
				t.Errorf("5 ms each: %v after %d expirations", err, total)
				return
			}
			total += n
		}
		if d := time.Since(start); d < 40*time.Millisecond {
			t.Errorf("six more expirations, of 5 ms each, after %v", d)
		}
	})
	old, err = tm.Set(linux.TimerSpec{}, 0)
	if err != nil || old.Interval != 5*time.Millisecond {
		t.Errorf("disarming: %v, %v", old, err)
	}
	now, err := p.Clock(sys.CLOCK_MONOTONIC)
	must(t, err)
	_, err = tm.Set(linux.TimerSpec{Value: now + 1}, linux.TFD_TIMER_ABSTIME)
	must(t, err)
	within(t, "a time that has passed", func() {
		if n, err := tm.Expirations(); n != 1 || err != nil {
			t.Errorf("a time that has passed: %d, %v", n, err)
		}
	})
}

func testSignalfd(t T, k *sys.Kernel) {
	if reason := k.Capabilities().Missing(backends.Signals); reason != "" {
		t.Logf("no signals: %s", reason)
		return
	}
	p, err := k.NewProcess(t.Context())
	must(t, err)
	defer p.Close()
	set := sys.SigSetOf(sys.SIGUSR1, sys.SIGUSR2)
	_, err = p.Sigprocmask(sys.SIG_BLOCK, set)
	must(t, err)
	s, err := linux.NewSignalfd(p, sys.SigSetOf(sys.SIGUSR1), linux.SFD_CLOEXEC|linux.SFD_NONBLOCK)
	must(t, err)
	defer s.Close()
	must(t, s.SetMask(set), k.Init().Kill(p.ID(), sys.SIGUSR2))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	view := linux.Signalfd{File: s.With(ctx)}
	i, err := view.Next()
	if err != nil || i.Signal != sys.SIGUSR2 || i.Reason() != "SI_USER" {
		t.Errorf("the signal is %v, %v, want SIGUSR2 (SI_USER)", &i.Siginfo, err)
	}
	// gVisor tells the thread that sent it, Linux the process.
	if i.PID <= 0 {
		t.Errorf("the signal is from process %d, want %d", i.PID, k.Init().ID())
	}
}

func testEpoll(t T, k *sys.Kernel) {
	p := k.Init()
	ep, err := linux.NewEpoll(p, linux.EPOLL_CLOEXEC)
	must(t, err)
	defer ep.Close()
	e, err := linux.NewEventfd(p, 1, linux.EFD_CLOEXEC)
	must(t, err)
	defer e.Close()
	// ready is how many events there are at once.
	ready := func() (n int, ev linux.EpollEvent) {
		t.Helper()
		var events [4]linux.EpollEvent
		n, err := ep.Wait(events[:], 0)
		if err != nil {
			t.Errorf("wait: %v", err)
		}
		return n, events[0]
	}
	must(t, ep.Add(e.File, linux.EPOLLIN, 1<<63|77))
	for range 2 {
		if n, ev := ready(); n != 1 || ev != (linux.EpollEvent{Events: linux.EPOLLIN, Data: 1<<63 | 77}) {
			t.Errorf("level: %d events, %v", n, ev)
		}
	}
	if err := ep.Add(e.File, linux.EPOLLIN, 1); !errors.Is(err, sys.EEXIST) {
		t.Errorf("adding twice: %v, want EEXIST", err)
	}
	must(t, ep.Modify(e.File, linux.EPOLLIN|linux.EPOLLET, 5))
	for i, want := range []int{1, 0, 1, 0} {
		if i == 2 {
			must(t, e.Add(1))
		}
		if n, ev := ready(); n != want || n == 1 && ev.Data != 5 {
			t.Errorf("edge, step %d: %d events, %v, want %d", i, n, ev, want)
		}
	}
	for range 2 {
		must(t, ep.Modify(e.File, linux.EPOLLIN|linux.EPOLLONESHOT, 6))
		for _, want := range []int{1, 0} {
			if n, _ := ready(); n != want {
				t.Errorf("one shot: %d events, want %d", n, want)
			}
		}
	}
	must(t, ep.Delete(e.File))
	if err := ep.Delete(e.File); !errors.Is(err, sys.ENOENT) {
		t.Errorf("deleting twice: %v, want ENOENT", err)
	}
	testEpollWait(t, ep)
}

func testEpollWait(t T, ep *linux.Epoll) {
	start := time.Now()
	n, err := ep.Wait(make([]linux.EpollEvent, 1), 10*time.Millisecond)
	if n != 0 || err != nil || time.Since(start) < 9*time.Millisecond {
		t.Errorf("waiting 10 ms for nothing: %d, %v, after %v", n, err, time.Since(start))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	within(t, "waiting that a context ends", func() {
		for _, err := range ep.Events(ctx) {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("waiting with a context: %v, want its error", err)
			}
		}
	})
}

func testEpollMany(t T, k *sys.Kernel) {
	p := k.Init()
	many := 10000
	limit, err := p.Getrlimit(sys.RLIMIT_NOFILE)
	must(t, err)
	if limit.Cur < uint64(many+500) {
		many = int(limit.Cur) - 500
		t.Logf("the limit of descriptors is %d", limit.Cur)
	}
	ep, err := linux.NewEpoll(p, linux.EPOLL_CLOEXEC)
	must(t, err)
	defer ep.Close()
	var files []*linux.Eventfd
	defer func() {
		for _, f := range files {
			_ = f.Close()
		}
	}()
	for i := range many {
		e, err := linux.NewEventfd(p, 0, linux.EFD_CLOEXEC)
		must(t, err)
		files = append(files, e)
		must(t, ep.Add(e.File, linux.EPOLLIN|linux.EPOLLET, uint64(i)))
	}
	for i := 0; i < many; i += 7 {
		must(t, files[i].Add(1))
	}
	seen := map[uint64]bool{}
	events := make([]linux.EpollEvent, 1000)
	for {
		n, err := ep.Wait(events, 0)
		must(t, err)
		if n == 0 {
			break
		}
		for _, ev := range events[:n] {
			if ev.Data%7 != 0 || seen[ev.Data] {
				t.Fatalf("an event of file %d, which has none left", ev.Data)
			}
			seen[ev.Data] = true
		}
	}
	if want := (many + 6) / 7; len(seen) != want {
		t.Errorf("%d of %d files had an event, want %d", len(seen), many, want)
	}
}

func testInotify(t T, k *sys.Kernel) {
	p := k.Init()
	dir := tempDir(t, p)
	in, err := linux.NewInotify(p, linux.IN_CLOEXEC|linux.IN_NONBLOCK)
	must(t, err)
	defer in.Close()
	wd, err := in.AddWatch(dir, linux.IN_CREATE|linux.IN_MODIFY|linux.IN_MOVE|linux.IN_DELETE)
	must(t, err)
	must(t, p.WriteFile(dir+"/a", []byte("x"), 0o600), p.Rename(dir+"/a", dir+"/b"), p.Mkdir(dir+"/d", 0o700), p.Unlink(dir+"/b"))
	must(t, in.RemoveWatch(wd))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var got []string
	var cookies []uint32
	for e, err := range (&linux.Inotify{File: in.With(ctx)}).Events() {
		must(t, err)
		if e.Watch != wd {
			t.Errorf("an event of watch %d, want %d", e.Watch, wd)
		}
		if e.Mask&linux.IN_MOVE != 0 {
			cookies = append(cookies, e.Cookie)
		}
		got = append(got, fmt.Sprint(e.Mask, " ", e.Name))
		if e.Mask&linux.IN_IGNORED != 0 {
			break
		}
	}
	want := "[IN_CREATE a IN_MODIFY a IN_MOVED_FROM a IN_MOVED_TO b IN_CREATE|IN_ISDIR d IN_DELETE b IN_IGNORED ]"
	if fmt.Sprint(got) != want {
		t.Errorf("the events are %v, want %v", got, want)
	}
	if len(cookies) != 2 || cookies[0] != cookies[1] || cookies[0] == 0 {
		t.Errorf("the cookies of a rename are %v", cookies)
	}
	if err := in.RemoveWatch(wd); !errors.Is(err, sys.EINVAL) {
		t.Errorf("removing a watch twice: %v, want EINVAL", err)
	}
}
