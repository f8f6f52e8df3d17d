package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/anykernel/anykernel/xen/internal/shm/shmtest"
	"github.com/anykernel/anykernel/xen/ring/ringtest"
	"github.com/anykernel/anykernel/xen/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func dialed(t testing.TB) (*Client, *storetest.Daemon) {
	t.Helper()
	ours, theirs := net.Pipe()
	d := storetest.New()
	go d.Serve(theirs)
	c := New(ours)
	t.Cleanup(func() { c.Close() })
	return c, d
}

func TestValues(t *testing.T) {
	c, _ := dialed(t)
	testValues(t, c)
}

func testValues(t *testing.T, c *Client) {
	ctx, now := t.Context(), c.Now()
	if _, err := now.Read(ctx, "missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read of a missing path: %v", err)
	}
	long := strings.Repeat("0123456789", 300) // more than the ring holds
	for path, v := range map[string]string{"a/b": "one", "a/c": "", "a/d/e": long, "n": "65535"} {
		if err := now.Write(ctx, path, v); err != nil {
			t.Fatal(err)
		}
		if got, err := now.Read(ctx, path); got != v || err != nil {
			t.Fatalf("%s is %q, %v, want %q", path, got, err, v)
		}
	}
	if names, err := now.Directory(ctx, "a"); len(names) != 3 || err != nil {
		t.Errorf("the directory is %q, %v", names, err)
	}
	if n, err := now.ReadUint(ctx, "n", 16); n != 65535 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := now.ReadUint(ctx, "n", 15); err == nil {
		t.Error("a number that is too large was read")
	}
	if err := now.Remove(ctx, "n"); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "a\x00b", strings.Repeat("x", MaxPath+1)} {
		if err := now.Write(ctx, bad, "v"); err == nil {
			t.Errorf("the path %.10q was written", bad)
		}
	}
	if err := now.Write(ctx, "large", strings.Repeat("x", maxPayload)); err == nil {
		t.Error("a value that is too large was written")
	}
}

func TestTransaction(t *testing.T) {
	c, d := dialed(t)
	d.Busy(2)
	tries := 0
	err := c.Transaction(t.Context(), func(tx Tx) error {
		tries++
		return tx.Write(t.Context(), "k", "v")
	})
	if err != nil || tries != 3 {
		t.Errorf("%v after %d tries, want 3", err, tries)
	}
	boom := errors.New("boom")
	if err := c.Transaction(t.Context(), func(Tx) error { return boom }); err != boom {
		t.Errorf("%v, want the function's error", err)
	}
	d.Busy(1000)
	if err := c.Transaction(t.Context(), func(Tx) error { return nil }); err == nil {
		t.Error("a transaction that never succeeds did")
	}
}

func TestWatchAndAwait(t *testing.T) {
	c, _ := dialed(t)
	ctx := t.Context()
	result := make(chan error, 1)
	go func() {
		result <- c.Await(ctx, "dev/state", func() (bool, error) {
			v, err := c.Now().Read(ctx, "dev/state")
			if errors.Is(err, fs.ErrNotExist) {
				return false, nil
			}
			return v == "4", err
		})
	}()
	for _, v := range []string{"1", "2", "4"} {
		if err := c.Now().Write(ctx, "dev/state", v); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	if err := c.Await(ctx, "x", func() (bool, error) { return false, nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for ever: %v", err)
	}
}

func TestConcurrentCalls(t *testing.T) {
	c, _ := dialed(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			for j := range 50 {
				path, v := fmt.Sprintf("k%d", i), fmt.Sprint(j)
				c.Now().Write(t.Context(), path, v)
				if got, err := c.Now().Read(t.Context(), path); got != v || err != nil {
					t.Errorf("%s is %q, %v, want %s", path, got, err, v)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestSilence: a daemon that never answers costs no more than the context.
func TestSilence(t *testing.T) {
	ours, theirs := net.Pipe()
	go io.Copy(io.Discard, theirs)
	c := New(ours)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := c.Now().Read(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want the context's error", err)
	}
	result := make(chan error, 1)
	go func() {
		_, err := c.Now().Read(context.Background(), "x")
		result <- err
	}()
	time.Sleep(time.Millisecond)
	c.Close()
	if err := <-result; !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a call when the client closes: %v", err)
	}
}

// raw is a client whose other side says only what the test wants.
func raw(t *testing.T, answer []byte) error {
	t.Helper()
	ours, theirs := net.Pipe()
	c := New(ours)
	defer c.Close()
	go func() {
		readPacket(theirs)
		theirs.Write(answer)
		theirs.Close()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := c.Now().Read(ctx, "x")
	return err
}

func header(kind message, request, size uint32) []byte {
	b := make([]byte, headerSize)
	binary.LittleEndian.PutUint32(b, uint32(kind))
	binary.LittleEndian.PutUint32(b[4:], request)
	binary.LittleEndian.PutUint32(b[12:], size)
	return b
}

func TestNonsenseIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		answer []byte
		want   string
	}{
		"huge message":    {header(msgRead, 1, 1<<31), "is the most"},
		"nobody's answer": {header(msgRead, 77, 0), "nobody made"},
		"wrong type":      {header(msgWatch, 1, 0), "answered with"},
		"cut short":       {header(msgRead, 1, 100), "EOF"},
		"bad event":       {append(header(msgWatchEvent, 0, 2), "a\x00"...), "watch event"},
		"unknown error":   {append(header(msgError, 1, 4), "WHAT"...), "WHAT"},
	} {
		if err := raw(t, tc.answer); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error that says %q", name, err, tc.want)
		}
	}
}

func TestRing(t *testing.T) {
	page := shmtest.New(4096).At(shmtest.Base, 4096)
	// Indices that are about to wrap.
	for _, at := range []int{requestsConsumed, requestsProduced, answersConsumed, answersProduced} {
		page.Store32(at, 0xffffff00)
	}
	theirs, a := storetest.Connect(page)
	go storetest.New().Serve(theirs)
	c := New(NewRing(page, a))
	testValues(t, c)
	c.Close()
	theirs.Close()
}

// TestNewDomain: the client goes on with another xenstored, in the middle of a
// message of the old one. Its watches are there again.
func TestNewDomain(t *testing.T) {
	page := shmtest.New(4096).At(shmtest.Base, 4096)
	theirs, a := storetest.Connect(page)
	go storetest.New().Serve(theirs)
	ring := NewRing(page, a)
	c := New(ring)
	w, err := c.Watch(t.Context(), "control")
	if err != nil {
		t.Fatal(err)
	}
	<-w.Changed()
	theirs.Write(header(msgWatchEvent, 0, 100)) // and the rest never comes

	c.Suspend()
	waiting := make(chan error, 1)
	go func() {
		_, err := c.Now().Read(t.Context(), "control/x")
		waiting <- err
	}()
	ring.Suspend()
	theirs.Close()
	a.Close()
	clear(page.Bytes)
	theirs, a = storetest.Connect(page)
	d := storetest.New()
	d.Set("control/x", "new")
	go d.Serve(theirs)
	ring.Resume(a)
	if err := c.Resume(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; err != nil {
		t.Errorf("a read that waited: %v", err)
	}
	<-w.Changed() // as at its start
	if err := c.Now().Write(t.Context(), "control/y", "z"); err != nil {
		t.Fatal(err)
	}
	<-w.Changed()
	testValues(t, c)
	c.Close()
	theirs.Close()
}

func TestRingRefusesIndices(t *testing.T) {
	page := shmtest.New(4096).At(shmtest.Base, 4096)
	page.Store32(answersProduced, ringSize+1)
	page.Store32(requestsConsumed, 1)
	r := NewRing(page, ringtest.NewPort())
	defer r.Close()
	if _, err := r.Read(make([]byte, 1)); err == nil {
		t.Error("a ring that is more than full was read")
	}
	if _, err := r.Write(make([]byte, 1)); err == nil {
		t.Error("a ring whose reader is ahead was written")
	}
}

func FuzzReadPacket(f *testing.F) {
	f.Add(append(header(msgRead, 1, 5), "value"...))
	f.Add(header(msgError, 1, 0xffffffff))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := readPacket(bytes.NewReader(b))
		if err == nil && len(p.payload) > maxPayload {
			t.Errorf("a payload of %d bytes", len(p.payload))
		}
	})
}
