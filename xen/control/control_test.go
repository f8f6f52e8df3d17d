package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/anykernel/anykernel/xen/store"
	"github.com/anykernel/anykernel/xen/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A toolstack is who asks, and what came of it.
type toolstack struct {
	*storetest.Daemon
	client     *store.Client
	complaints chan error
	ended      chan error // what Serve returned
}

// asking serves a toolstack with a handler until the test ends.
func asking(t testing.TB, h Handler) *toolstack {
	t.Helper()
	ours, theirs := net.Pipe()
	s := &toolstack{storetest.New(), store.New(ours), make(chan error, 10), make(chan error, 1)}
	go s.Daemon.Serve(theirs)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { s.ended <- Serve(ctx, s.client, h, func(err error) { s.complaints <- err }) }()
	t.Cleanup(func() {
		cancel()
		s.client.Close()
		<-s.ended
	})
	return s
}

// records is a handler that tells of requests.
func records(names ...string) (Handler, chan string) {
	asked := make(chan string, 10)
	h := Handler{}
	for _, n := range names {
		h[n] = func(context.Context) error {
			asked <- n
			return nil
		}
	}
	return h, asked
}

func TestRequests(t *testing.T) {
	h, asked := records("poweroff", "suspend")
	s := asking(t, h)
	s.Await(t, "control/feature-poweroff", "1")
	s.Await(t, "control/feature-suspend", "1")
	for _, want := range []string{"suspend", "suspend", "poweroff"} {
		s.Set("control/shutdown", want)
		if got := <-asked; got != want {
			t.Errorf("the handler for %q was called for %q", got, want)
		}
		s.Await(t, "control/shutdown", "")
	}
	if _, ok := s.Get("control/feature-reboot"); ok {
		t.Error("what nobody does is announced")
	}
}

// TestAcknowledgedFirst: xl(1) gives up on a guest that does not take its
// request soon, however long that is to carry out.
func TestAcknowledgedFirst(t *testing.T) {
	began, end := make(chan struct{}), make(chan struct{})
	s := asking(t, Handler{"suspend": func(context.Context) error {
		close(began)
		<-end
		return nil
	}})
	s.Set("control/shutdown", "suspend")
	<-began
	if v, _ := s.Get("control/shutdown"); v != "" {
		t.Errorf("the request %q is carried out before it is acknowledged", v)
	}
	close(end)
}

// TestConflict: the toolstack's transaction is in the way of ours. The request
// is carried out once.
func TestConflict(t *testing.T) {
	h, asked := records("reboot")
	s := asking(t, h)
	s.Await(t, "control/feature-reboot", "1")
	s.Busy(3)
	s.Set("control/shutdown", "reboot")
	<-asked
	s.Await(t, "control/shutdown", "")
	s.Set("control/shutdown", "nothing")
	if err := <-s.complaints; !strings.Contains(err.Error(), "nothing") {
		t.Error(err)
	}
	if len(asked) > 0 {
		t.Error("the request was carried out twice")
	}
}

func TestComplaints(t *testing.T) {
	boom := errors.New("the disk is gone")
	s := asking(t, Handler{"suspend": func(context.Context) error { return boom }})
	s.Set("control/shutdown", "suspend")
	if err := <-s.complaints; !errors.Is(err, boom) || !strings.Contains(err.Error(), `"suspend"`) {
		t.Errorf("a handler that fails: %v", err)
	}
	s.Set("control/shutdown", "poweroff")
	if err := <-s.complaints; !strings.Contains(err.Error(), `"poweroff", which this guest does not do`) {
		t.Errorf("a request without a handler: %v", err)
	}
	s.Set("control/shutdown", strings.Repeat("\x1b", 3000))
	if err := <-s.complaints; len(err.Error()) > 500 || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("a request that is nonsense: %v", err)
	}
	s.Await(t, "control/shutdown", "")
}

func TestEnd(t *testing.T) {
	ours, theirs := net.Pipe()
	go storetest.New().Serve(theirs)
	c := store.New(ours)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- Serve(ctx, c, Handler{}, nil) }()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the context is done: %v", err)
	}
	go func() { ended <- Serve(t.Context(), c, Handler{}, nil) }()
	theirs.Close()
	if err := <-ended; err == nil {
		t.Error("xenstore is gone, and it is served")
	}
	c.Close()
}

func TestWatchMemory(t *testing.T) {
	ours, theirs := net.Pipe()
	d := storetest.New()
	d.Set("memory/target", "131072")
	go d.Serve(theirs)
	c := store.New(ours)
	defer c.Close()
	asked, ended := make(chan uint64, 10), make(chan error)
	go func() { ended <- WatchMemory(t.Context(), c, func(kib uint64) { asked <- kib }) }()
	// What the guest has from its start is no request. When that has been read
	// is not known here, so the target changes until there is one.
	for i := 0; len(asked) == 0; i++ {
		d.Set("memory/target", fmt.Sprint(65536+i%2))
		time.Sleep(time.Millisecond)
	}
	if kib := <-asked; kib != 65536 && kib != 65537 {
		t.Errorf("asked for %d KiB", kib)
	}
	d.Set("memory/target", "much")
	if err := <-ended; err == nil || !strings.Contains(err.Error(), `"much"`) {
		t.Errorf("nonsense: %v", err)
	}
}

// FuzzRequest lets a toolstack ask for anything: what is not known is complained
// of, acknowledged, and does not end the service.
func FuzzRequest(f *testing.F) {
	f.Add([]byte("suspend"))
	f.Add([]byte("s3"))
	f.Add([]byte{0xff, 0, '\n'})
	f.Add(bytes.Repeat([]byte("x"), 4000))
	f.Fuzz(func(t *testing.T, request []byte) {
		request = request[:min(len(request), 4096)]
		h, asked := records("suspend", "end")
		s := asking(t, h)
		s.Set("control/shutdown", string(request))
		switch string(request) {
		case "":
		case "suspend", "end":
			<-asked
		default:
			<-s.complaints
		}
		s.Await(t, "control/shutdown", "")
		s.Set("control/shutdown", "end")
		<-asked
	})
}
