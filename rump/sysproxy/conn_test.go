package sysproxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A script is a connection whose other side says the same whatever happens.
type script struct {
	net.Conn // nil: nothing but Read is called
	io.Reader
}

func (s script) Read(p []byte) (int, error) { return s.Reader.Read(p) }

// stream is a Conn that reads b.
func stream(b []byte, max int) *Conn { return NewConn(script{Reader: bytes.NewReader(b)}, max) }

func appendMessage(b []byte, h Header, payload string) []byte {
	h.Length = HeaderSize + uint64(len(payload))
	b = append(b, make([]byte, HeaderSize)...)
	h.put(b[len(b)-HeaderSize:])
	return append(b, payload...)
}

// pair is two ends of a connection.
func pair(t *testing.T, max int) (a, b *Conn) {
	x, y := net.Pipe()
	t.Cleanup(func() { x.Close(); y.Close() })
	return NewConn(x, max), NewConn(y, max)
}

func TestMessages(t *testing.T) {
	a, b := pair(t, 1<<20)
	large := bytes.Repeat([]byte("0123456789"), 20_000) // more than a buffer
	h := Header{Request: 9, Class: Response, Type: TypeCopyin, Arg: 77}
	go func() {
		_ = a.WriteBanner(Banner{"NetBSD", "7", "amd64", true})
		_ = a.Send(h, nil)
		_ = a.Send(h, []byte("hello"))
		a.Begin(h, len(large)+1)
		a.Put(large)
		a.Put([]byte{'!'})
		_ = a.End()
		_ = a.Send(h, []byte("bye"))
		a.Close()
	}()
	if banner, err := b.ReadBanner(); banner.OS != "NetBSD" || !banner.Calls || err != nil {
		t.Fatalf("banner %+v, %v", banner, err)
	}
	next := func(n int) {
		t.Helper()
		got, err := b.Next()
		want := h
		want.Length = HeaderSize + uint64(n)
		if err != nil || got != want || b.Left() != n {
			t.Fatalf("header %+v, %d left, %v, want %+v", got, b.Left(), err, want)
		}
	}
	next(0)
	next(5)
	if all, err := b.ReadAll(5); string(all) != "hello" || err != nil {
		t.Errorf("read %q, %v", all, err)
	}
	next(len(large) + 1)
	if p, err := b.Peek(3); string(p) != "012" || err != nil {
		t.Errorf("peeked %q, %v", p, err)
	}
	b.Skip(3)
	rest := make([]byte, len(large)-3)
	if err := b.ReadFull(rest); err != nil || !bytes.Equal(rest, large[3:]) || b.Left() != 1 {
		t.Errorf("%d bytes left, %v", b.Left(), err)
	}
	next(3) // what was not read is skipped
	if _, err := b.Next(); err != io.EOF {
		t.Errorf("the end: %v", err)
	}
}

// TestMessageIsNotExceeded asks a message for more than it has.
func TestMessageIsNotExceeded(t *testing.T) {
	b := appendMessage(nil, Header{}, "four")
	c := stream(appendMessage(b, Header{Request: 2}, ""), 4)
	if _, err := c.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Peek(5); err != ErrMalformed {
		t.Errorf("Peek: %v", err)
	}
	if err := c.ReadFull(make([]byte, 5)); err != ErrMalformed {
		t.Errorf("ReadFull: %v", err)
	}
	if _, err := c.ReadAll(3); !errors.Is(err, ErrMalformed) {
		t.Errorf("ReadAll: %v", err)
	}
	if h, err := c.Next(); err != nil || h.Request != 2 {
		t.Errorf("the next message: %+v, %v", h, err)
	}
}

// TestCutOff ends a connection at every byte.
func TestCutOff(t *testing.T) {
	all := appendMessage(nil, Header{Request: 1}, "payload")
	all = appendMessage(all, Header{Request: 2}, "and one more")
	bounds := []int{0, HeaderSize + 7, len(all)}
	for n := range len(all) + 1 {
		for name, read := range map[string]func(c *Conn) error{
			"ReadAll": func(c *Conn) error { _, err := c.ReadAll(100); return err },
			"Peek": func(c *Conn) error {
				p, err := c.Peek(c.Left())
				c.Skip(len(p))
				return err
			},
			"Discard": (*Conn).Discard,
		} {
			c, err := stream(all[:n], 100), error(nil)
			for err == nil {
				if _, err = c.Next(); err == nil {
					err = read(c)
				}
			}
			want := io.ErrUnexpectedEOF
			if slices.Contains(bounds, n) {
				want = io.EOF
			}
			if err != want {
				t.Errorf("%s, cut off at %d: %v, want %v", name, n, err, want)
			}
		}
	}
}

// TestMessagesDoNotMix sends from many goroutines.
func TestMessagesDoNotMix(t *testing.T) {
	a, b := pair(t, 1<<20)
	const senders, each = 8, 50
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for range each {
				n := i * bufferSize / 3
				a.Begin(Header{Request: uint64(i)}, n)
				for range n {
					a.Put([]byte{byte(i)})
				}
				if err := a.End(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range senders * each {
		h, err := b.Next()
		if err != nil {
			t.Fatal(err)
		}
		p, err := b.ReadAll(1 << 20)
		if err != nil || len(p) != int(h.Request)*bufferSize/3 {
			t.Fatalf("a message of %d: %d bytes, %v", h.Request, len(p), err)
		}
		if i := bytes.IndexFunc(p, func(r rune) bool { return r != rune(h.Request) }); i >= 0 {
			t.Fatalf("a message of %d has a byte %d", h.Request, p[i])
		}
	}
	wg.Wait()
}

// TestStuck finds who does not read.
func TestStuck(t *testing.T) {
	a, b := pair(t, 100)
	if a.Stuck(time.Now()) {
		t.Error("it is stuck before anything was written")
	}
	sent := make(chan error, 1)
	go func() { sent <- a.Send(Header{}, []byte("x")) }()
	for !a.Stuck(time.Now()) {
		time.Sleep(time.Millisecond)
	}
	if a.Stuck(time.Now().Add(-time.Minute)) {
		t.Error("it is stuck since a minute ago")
	}
	if _, err := b.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ReadAll(1); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if a.Stuck(time.Now()) {
		t.Error("it is stuck when everything was read")
	}
}

// TestWriteErrorStays: what comes behind a message that was cut off would be
// taken for its rest.
func TestWriteErrorStays(t *testing.T) {
	a, _ := pair(t, 100)
	_ = a.SetWriteDeadline(time.Unix(1, 0))
	first := a.Send(Header{}, []byte("x"))
	_ = a.SetWriteDeadline(time.Time{})
	if again := a.Send(Header{}, []byte("x")); first == nil || again != first {
		t.Errorf("errors %v and %v", first, again)
	}
}

// FuzzConn reads a stream of messages, each in one of the ways there are.
func FuzzConn(f *testing.F) {
	b := appendMessage(nil, Header{Request: 1}, "payload")
	b = appendMessage(b, Header{Request: 2, Type: TypeCall}, string(sendmsg.Append(nil)))
	f.Add(appendMessage(b, Header{}, ""), byte(3))
	f.Add([]byte{}, byte(0))
	f.Add(b[:30], byte(2))
	f.Fuzz(func(t *testing.T, b []byte, how byte) {
		const most = 1 << 10
		c := stream(b, most)
		read := 0
		for {
			h, err := c.Next()
			if err != nil {
				break
			}
			if read += int(h.Length); h.Length > HeaderSize+most {
				t.Fatalf("a message of %d bytes", h.Length)
			}
			switch how++; how % 4 {
			case 0:
				if all, err := c.ReadAll(most / 2); err == nil && len(all) != int(h.Length-HeaderSize) {
					t.Fatalf("%d bytes of %d", len(all), h.Length-HeaderSize)
				}
			case 1:
				_ = new(Call).Read(c)
			case 2:
				if p, err := c.Peek(int(how)); err == nil {
					c.Skip(len(p))
				}
			}
			if c.Left() > int(h.Length) {
				t.Fatalf("%d bytes left of %d", c.Left(), h.Length)
			}
		}
		if read > len(b)+HeaderSize+most {
			t.Fatalf("messages of %d bytes in %d", read, len(b))
		}
	})
}
