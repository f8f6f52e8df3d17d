package kerneltest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

var readyCases = []Case{
	{Name: "poll tells what is ready", Needs: backends.Unix, Run: testPoll},
	{Name: "poll waits and is interrupted", Needs: backends.Unix, Run: testPollWait},
	{Name: "poll of more files than select takes", Needs: backends.Unix, Run: testPollMany},
	{Name: "select tells what is ready", Needs: backends.Unix, Run: testSelect},
}

func streamPair(t T, k *sys.Kernel) (a, b *sys.Socket) {
	t.Helper()
	a, b, err := k.Init().Socketpair(sys.AF_UNIX, sys.SOCK_STREAM|sys.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		a.Close()
		b.Close()
	})
	return a, b
}

func testPoll(t T, k *sys.Kernel) {
	a, b := streamPair(t, k)
	poll := func(want sys.PollEvents) {
		t.Helper()
		fds := []sys.PollFD{{File: a.File, Events: sys.POLLIN | sys.POLLOUT}, {}}
		n, err := k.Init().Poll(fds, socketTime)
		if err != nil || n != 1 || fds[0].Revents != want || fds[1].Revents != 0 {
			t.Errorf("poll: %d files, %v, %v, want %v", n, fds[0].Revents, err, want)
		}
	}
	poll(sys.POLLOUT)
	send(t, b, []byte("x"))
	poll(sys.POLLIN | sys.POLLOUT)
	receive(t, a, []byte("x"))
	poll(sys.POLLOUT)
	b.Close()
	fds := []sys.PollFD{{File: a.File, Events: sys.POLLIN}}
	if _, err := k.Init().Poll(fds, socketTime); err != nil || fds[0].Revents&(sys.POLLIN|sys.POLLHUP) == 0 {
		t.Errorf("poll of what the peer closed: %v, %v", fds[0].Revents, err)
	}
	stray := []sys.PollFD{{File: k.Init().FD(987654), Events: sys.POLLIN}}
	if n, err := k.Init().Poll(stray, 0); err != nil || n != 1 || stray[0].Revents != sys.POLLNVAL {
		t.Errorf("poll of an unused descriptor: %d, %v, %v", n, stray[0].Revents, err)
	}
	a.Close()
	if _, err := k.Init().Poll(fds, 0); err == nil || !strings.Contains(err.Error(), a.Name()) {
		t.Errorf("poll of a closed file: %v", err)
	}
}

func testPollWait(t T, k *sys.Kernel) {
	a, b := streamPair(t, k)
	fds := []sys.PollFD{{File: a.File, Events: sys.POLLIN}}
	start := time.Now()
	if n, err := k.Init().Poll(fds, 20*time.Millisecond); n != 0 || err != nil || time.Since(start) < 20*time.Millisecond {
		t.Errorf("poll of nothing for 20ms: %d, %v after %v", n, err, time.Since(start))
	}
	time.AfterFunc(10*time.Millisecond, func() { b.Write([]byte("x")) })
	if n, err := k.Init().Poll(fds, -1); n != 1 || err != nil || fds[0].Revents != sys.POLLIN {
		t.Errorf("poll without a timeout: %d, %v, %v", n, fds[0].Revents, err)
	}
	if k.Capabilities().Missing(backends.Interrupts) != "" {
		return
	}
	receive(t, a, []byte("x"))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := k.Init().With(ctx).Poll(fds, socketTime); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, sys.EINTR) {
		t.Errorf("poll whose context ended: %v", err)
	}
}

func testPollMany(t T, k *sys.Kernel) {
	// More than select takes; and more than are open, but not by so much that
	// NetBSD, which allows 1000 more, refuses it.
	const count, open = 1100, 200
	a, b := streamPair(t, k)
	for range open {
		d, err := a.File.Dup()
		if err != nil {
			t.Fatalf("%v", err)
		}
		defer d.Close()
	}
	fds := make([]sys.PollFD, count)
	for i := range fds {
		fds[i] = sys.PollFD{File: a.File, Events: sys.POLLIN}
	}
	fds[count-1].Events = sys.POLLOUT
	if n, err := k.Init().Poll(fds, socketTime); n != 1 || err != nil || fds[count-1].Revents != sys.POLLOUT {
		t.Errorf("poll of %d files: %d, %v", count, n, err)
	}
	send(t, b, []byte("x"))
	if n, err := k.Init().Poll(fds, socketTime); n != count || err != nil {
		t.Errorf("poll of %d files that are ready: %d, %v", count, n, err)
	}
	_, err := k.Init().Select(sys.Selected{Read: []*sys.File{k.Init().FD(1024)}}, 0)
	if err == nil || !strings.Contains(err.Error(), "1024") || !strings.Contains(err.Error(), "Poll") {
		t.Errorf("select of descriptor 1024: %v", err)
	}
}

func testSelect(t T, k *sys.Kernel) {
	a, b := streamPair(t, k)
	c, _ := streamPair(t, k)
	files := sys.Selected{Read: []*sys.File{a.File, c.File}, Write: []*sys.File{c.File}}
	ready, err := k.Init().Select(files, socketTime)
	if err != nil || len(ready.Read) != 0 || len(ready.Write) != 1 || ready.Write[0] != c.File {
		t.Errorf("select of a file to be written: %+v, %v", ready, err)
	}
	send(t, b, []byte("x"))
	ready, err = k.Init().Select(sys.Selected{Read: files.Read}, -1)
	if err != nil || len(ready.Read) != 1 || ready.Read[0] != a.File {
		t.Errorf("select of a file to be read: %+v, %v", ready, err)
	}
	start := time.Now()
	ready, err = k.Init().Select(sys.Selected{Read: []*sys.File{c.File}}, 10*time.Millisecond)
	if err != nil || len(ready.Read) != 0 || time.Since(start) < 10*time.Millisecond {
		t.Errorf("select of nothing for 10ms: %+v, %v after %v", ready, err, time.Since(start))
	}
}
