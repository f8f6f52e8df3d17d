package kerneltest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// pollCases are about goroutines that wait for descriptors.
var pollCases = []Case{
	{Name: "a read waits for a pipe", Run: testPollRead},
	{Name: "a write waits for a pipe", Run: testPollWrite},
	{Name: "close wakes readers", Run: testPollClose},
	{Name: "deadlines wake readers", Run: testPollDeadline},
	{Name: "a context wakes a reader", Run: testPollContext},
	{Name: "the end of the kernel wakes readers", Run: testPollKernelEnd},
	{Name: "a number that is used again is watched anew", Run: testPollReuse},
	{Name: "thousands of readers hold no threads", Run: testPollThreads},
	{Name: "a process with its own descriptors polls", Needs: backends.Fork, Run: testPollProcess},
}

// within fails the test where f does not end soon.
func within(t T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: nothing happens", what)
	}
}

func pipe(t T, p *sys.Process) (r, w *sys.File) {
	t.Helper()
	r, w, err := p.Pipe(sys.O_NONBLOCK | sys.O_CLOEXEC)
	if err != nil {
		t.Fatalf("pipe: %v", err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r, w
}

func testPollRead(t T, k *sys.Kernel) { pollRead(t, k.Init()) }

func pollRead(t T, p *sys.Process) {
	r, w := pipe(t, p)
	within(t, "read of what is written later", func() {
		for i := range 100 {
			go func() { _, _ = w.Write([]byte{byte(i)}) }()
			var b [2]byte
			if n, err := r.Read(b[:]); n != 1 || b[0] != byte(i) || err != nil {
				t.Errorf("read %d of %d: %d, %v", n, i, b[0], err)
			}
		}
	})
}

func testPollWrite(t T, k *sys.Kernel) {
	r, w := pipe(t, k.Init())
	data := pattern(1 << 20)
	go func() {
		_, _ = w.Write(data)
		_ = w.Close()
	}()
	within(t, "write of more than a pipe holds", func() {
		got := 0
		b := make([]byte, 100_000)
		for {
			n, err := r.Read(b)
			if string(b[:n]) != string(data[got:got+n]) {
				t.Errorf("other bytes arrive at %d", got)
			}
			got += n
			if err != nil {
				break
			}
		}
		if got != len(data) {
			t.Errorf("%d of %d bytes arrive", got, len(data))
		}
	})
}

// blockedReaders starts n readers of a pipe that nobody writes.
func blockedReaders(r *sys.File, n int) (results chan error) {
	results = make(chan error, n)
	for range n {
		go func() {
			_, err := r.Read(make([]byte, 1))
			results <- err
		}()
	}
	return results
}

func expect(t T, what string, results chan error, want error) {
	t.Helper()
	for range cap(results) {
		within(t, what, func() {
			if err := <-results; !errors.Is(err, want) {
				t.Errorf("%s: a blocked read ends with %v, want %v", what, err, want)
			}
		})
	}
}

func testPollClose(t T, k *sys.Kernel) {
	for _, after := range []time.Duration{0, 5 * time.Millisecond} {
		r, _ := pipe(t, k.Init())
		results := blockedReaders(r, 10)
		time.Sleep(after)
		if err := r.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		expect(t, "close", results, fs.ErrClosed)
	}
}

func testPollDeadline(t T, k *sys.Kernel) {
	r, w := pipe(t, k.Init())
	results := blockedReaders(r, 10)
	time.Sleep(time.Millisecond)
	if err := r.SetReadDeadline(time.Now().Add(5 * time.Millisecond)); err != nil {
		t.Fatalf("set deadline: %v", err)
	}
	expect(t, "deadline", results, os.ErrDeadlineExceeded)
	if _, err := w.Write([]byte("x")); err != nil {
		t.Errorf("write: %v", err)
	}
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a read behind the deadline: %v", err)
	}
	if err := r.SetDeadline(time.Time{}); err != nil {
		t.Errorf("clear deadline: %v", err)
	}
	if n, err := r.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("a read after the deadline was cleared: %d, %v", n, err)
	}
	results = blockedReaders(r, 10)
	if err := r.SetDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Errorf("deadline in the past: %v", err)
	}
	expect(t, "deadline in the past", results, os.ErrDeadlineExceeded)
	blocking, other, err := k.Init().Pipe(sys.O_CLOEXEC)
	if err != nil {
		t.Fatalf("pipe: %v", err)
	}
	t.Cleanup(func() { _, _ = blocking.Close(), other.Close() })
	if err := blocking.SetDeadline(time.Now()); !errors.Is(err, os.ErrNoDeadline) {
		t.Errorf("deadline of a descriptor that blocks: %v, want ErrNoDeadline", err)
	}
}

func testPollContext(t T, k *sys.Kernel) {
	r, w := pipe(t, k.Init())
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	_, err := r.With(ctx).Read(make([]byte, 1))
	if !errors.Is(err, sys.EINTR) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a read whose context ends: %v", err)
	}
	if _, err := w.Write([]byte("x")); err != nil {
		t.Errorf("write: %v", err)
	}
	if n, err := r.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("the next read: %d, %v", n, err)
	}
}

func testPollKernelEnd(t T, k *sys.Kernel) {
	r, _ := pipe(t, k.Init())
	results := blockedReaders(r, 10)
	time.Sleep(5 * time.Millisecond)
	if err := k.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	expect(t, "close of the kernel", results, backends.ErrClosed)
}

// testPollReuse closes a number behind the back of the File that waited.
func testPollReuse(t T, k *sys.Kernel) {
	p := k.Init()
	r, w := pipe(t, p)
	if err := r.SetDeadline(time.Now().Add(time.Hour)); err != nil {
		t.Fatalf("set deadline: %v", err)
	}
	r2, w2 := pipe(t, p)
	if err := r2.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	// The number of r now means another pipe's end.
	r3, w3 := pipe(t, p)
	if _, err := r3.DupTo(r.FD(), 0); err != nil {
		t.Fatalf("dup: %v", err)
	}
	_, _ = w.Close(), w2.Close()
	go func() {
		time.Sleep(5 * time.Millisecond)
		_, _ = w3.Write([]byte("x"))
	}()
	within(t, "read of a number that was used again", func() {
		if n, err := p.FD(r.FD()).Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("read: %d, %v", n, err)
		}
	})
}

func testPollThreads(t T, k *sys.Kernel) {
	const readers, maxThreads = 10_000, 200
	// Descriptors are scarce on some hosts: readers share pipes.
	const pipes = 100
	var ends []*sys.File
	results := make(chan error, readers)
	for range pipes {
		r, w := pipe(t, k.Init())
		ends = append(ends, w)
		for range readers / pipes {
			go func() {
				_, err := r.Read(make([]byte, 1))
				results <- err
			}()
		}
	}
	time.Sleep(200 * time.Millisecond)
	if n := pprof.Lookup("threadcreate").Count(); n > maxThreads {
		t.Errorf("%d readers made this program have %d threads, want less than %d", readers, n, maxThreads)
	}
	for _, w := range ends {
		if n, err := w.Write(make([]byte, readers/pipes)); n != readers/pipes || err != nil {
			t.Fatalf("write: %d, %v", n, err)
		}
	}
	expect(t, "ten thousand readers", results, nil)
}

func testPollProcess(t T, k *sys.Kernel) {
	var wg sync.WaitGroup
	for range 4 {
		p, err := k.NewProcess(t.Context())
		if err != nil {
			t.Fatalf("%v", err)
		}
		wg.Go(func() {
			pollRead(t, p)
			r, w, err := p.Pipe(sys.O_NONBLOCK)
			if err != nil {
				t.Errorf("pipe: %v", err)
				return
			}
			defer runtime.KeepAlive(w) // or the readers could see the end of it
			results := blockedReaders(r, 3)
			time.Sleep(2 * time.Millisecond)
			if err := p.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			expect(t, fmt.Sprintf("end of process %d", p.ID()), results, backends.ErrExited)
		})
	}
	wg.Wait()
}
