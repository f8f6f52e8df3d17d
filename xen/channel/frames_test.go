package channel

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// pipe is a stream whose other end has written that, and no more.
func pipe(t testing.TB, written []byte) net.Conn {
	a, b := net.Pipe()
	t.Cleanup(func() { a.Close() })
	go func() {
		_, _ = b.Write(written)
		b.Close()
	}()
	return a
}

func TestFramesArrive(t *testing.T) {
	a, b := net.Pipe()
	out, in := newWire(a, hostMAC), newWire(b, hostMAC)
	frames := [][]byte{[]byte("first"), {}, bytes.Repeat([]byte{7}, mtu+headerSize)}
	go func() {
		for _, f := range frames {
			if err := out.WriteFrame(f); err != nil {
				t.Error(err)
			}
		}
		out.Close()
	}()
	got := make([]byte, mtu+headerSize)
	for _, want := range frames {
		n, err := in.ReadFrame(got)
		if err != nil || !bytes.Equal(got[:n], want) {
			t.Fatalf("got %d bytes, %v, want %d", n, err, len(want))
		}
	}
	if _, err := in.ReadFrame(got); !errors.Is(err, io.EOF) {
		t.Errorf("behind the last frame: %v", err)
	}
	if err := out.WriteFrame(make([]byte, longestFrame+1)); err == nil {
		t.Error("a frame that nobody would read was sent")
	}
}

func TestWrongFrames(t *testing.T) {
	var b [100]byte
	for name, stream := range map[string]string{
		"a length that is no frame's": "\x00\x01\x00\x01" + "abc",
		"all ones":                    "\xff\xff\xff\xff",
		"half a length":               "\x00\x00",
		"half a frame":                "\x00\x00\x00\x05abcd",
	} {
		if _, err := newWire(pipe(t, []byte(stream)), hostMAC).ReadFrame(b[:]); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	w := newWire(pipe(t, []byte("\x00\x00\x00\xc8"+string(make([]byte, 200))+"\x00\x00\x00\x01x")), hostMAC)
	if n, err := w.ReadFrame(b[:]); n != len(b) || err != nil {
		t.Errorf("of a long frame came %d bytes, %v", n, err)
	}
	if n, err := w.ReadFrame(b[:]); n != 1 || b[0] != 'x' || err != nil {
		t.Errorf("behind a long frame came %d bytes, %v", n, err)
	}
}

// TestDeadlineCutsNoFrame has a deadline pass between the pieces of a frame.
func TestDeadlineCutsNoFrame(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	w := newWire(a, hostMAC)
	buf := make([]byte, 100)
	rest := make(chan struct{})
	go func() {
		_, _ = b.Write([]byte("\x00\x00\x00\x05ab"))
		<-rest
		_, _ = b.Write([]byte("cde"))
	}()
	_ = w.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := w.ReadFrame(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("half a frame: %v", err)
	}
	close(rest)
	_ = w.SetReadDeadline(time.Time{})
	if n, err := w.ReadFrame(buf); string(buf[:n]) != "abcde" || err != nil {
		t.Errorf("got %q, %v", buf[:n], err)
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x05abcde\x00\x00\x00\x00"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		w := newWire(pipe(t, stream), hostMAC)
		b := make([]byte, 64)
		for range len(stream) + 1 {
			n, err := w.ReadFrame(b)
			if err != nil {
				return
			}
			if n > len(b) {
				t.Fatalf("%d bytes in a buffer of %d", n, len(b))
			}
		}
		t.Error("more frames than bytes")
	})
}
