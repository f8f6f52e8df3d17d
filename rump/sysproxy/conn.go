package sysproxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anykernel/anykernel/internal/spinsock"
)

// bufferSize is that of both directions. More than that is written in pieces,
// and read without a copy.
const bufferSize = 32 << 10

// A Conn reads and writes messages. One goroutine reads; any number write.
type Conn struct {
	net.Conn
	max  uint64 // of a message without its header
	from *source
	r    *bufio.Reader
	left uint64 // of the message that is being read

	mu      sync.Mutex // held from Begin to End
	w       []byte
	err     error // of writing: the connection is of no use any more
	writing atomic.Int64
}

// NewConn is a Conn whose messages may have max bytes. It owns c, which is not
// to be used any more.
func NewConn(c net.Conn, max int) *Conn {
	c = spinsock.New(c)
	from := &source{c: c}
	conn := &Conn{Conn: c, max: uint64(max), from: from, r: bufio.NewReaderSize(from, bufferSize), w: make([]byte, 0, bufferSize)}
	from.left = &conn.left
	return conn
}

// ReadBanner reads the banner, which comes before all messages.
func (c *Conn) ReadBanner() (Banner, error) { return readBanner(c.r) }

// WriteBanner sends the banner.
func (c *Conn) WriteBanner(b Banner) error {
	_, err := io.WriteString(c.Conn, b.String())
	return err
}

// Next reads the header of the next message, and skips what was not read of
// the last one.
func (c *Conn) Next() (Header, error) {
	if err := c.Discard(); err != nil {
		return Header{}, err
	}
	b, err := c.r.Peek(HeaderSize)
	if err != nil {
		if len(b) > 0 && err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return Header{}, err
	}
	h, err := parseHeader(b, c.max)
	if err != nil {
		return h, err
	}
	_, _ = c.r.Discard(HeaderSize)
	c.left = h.Length - HeaderSize
	return h, nil
}

// TryNext is Next for a message that has come, or does so in a moment. Its
// error is ErrNothing otherwise.
func (c *Conn) TryNext() (Header, error) {
	if err := c.Discard(); err != nil {
		return Header{}, err
	}
	c.from.try = true
	_, err := c.r.Peek(HeaderSize)
	c.from.try = false
	if err == ErrNothing {
		return Header{}, err
	}
	return c.Next() // which says what else is wrong
}

// Buffered is how much was read beyond the message, in bytes.
func (c *Conn) Buffered() int { return max(c.r.Buffered()-int(c.left), 0) }

// Left is how much of the message was not read yet, in bytes.
func (c *Conn) Left() int { return int(c.left) }

// Peek is the next n bytes of the message, which Skip or another call that
// reads makes invalid. n is small.
func (c *Conn) Peek(n int) ([]byte, error) {
	if uint64(n) > c.left {
		return nil, ErrMalformed
	}
	b, err := c.r.Peek(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// Skip skips n bytes that Peek gave.
func (c *Conn) Skip(n int) {
	_, _ = c.r.Discard(n)
	c.left -= uint64(n)
}

// ReadFull fills p from the message.
func (c *Conn) ReadFull(p []byte) error {
	if uint64(len(p)) > c.left {
		return ErrMalformed
	}
	n, err := io.ReadFull(c.r, p)
	c.left -= uint64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// ReadAll is the rest of the message, which may have max bytes.
func (c *Conn) ReadAll(max int) ([]byte, error) {
	if c.left > uint64(max) {
		return nil, fmt.Errorf("sysproxy: %d bytes where at most %d are taken: %w", c.left, max, ErrMalformed)
	}
	b := make([]byte, c.left)
	return b, c.ReadFull(b)
}

// Discard skips the rest of the message.
func (c *Conn) Discard() error {
	for c.left > 0 {
		n, err := c.r.Discard(int(min(c.left, 1<<30)))
		c.left -= uint64(n)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Begin begins a message of n bytes without the header. Put writes them, and
// End ends it; other messages wait meanwhile.
func (c *Conn) Begin(h Header, n int) {
	c.mu.Lock()
	h.Length = HeaderSize + uint64(n)
	c.w = c.w[:HeaderSize]
	h.put(c.w)
}

// Put writes a part of the message.
func (c *Conn) Put(p []byte) {
	for len(p) > 0 && c.err == nil {
		n := copy(c.w[len(c.w):cap(c.w)], p)
		c.w = c.w[:len(c.w)+n]
		if p = p[n:]; len(p) > 0 {
			c.flush()
		}
	}
}

// End ends the message. An error says that the connection is of no use.
func (c *Conn) End() error {
	c.flush()
	err := c.err
	c.mu.Unlock()
	return err
}

func (c *Conn) flush() {
	if c.err == nil && len(c.w) > 0 {
		c.writing.Store(time.Now().UnixNano())
		_, c.err = c.Conn.Write(c.w)
		c.writing.Store(0)
	}
	c.w = c.w[:0]
}

// Send sends a message that consists of one part.
func (c *Conn) Send(h Header, p []byte) error {
	c.Begin(h, len(p))
	c.Put(p)
	return c.End()
}

// Stuck reports whether since before t a write waits for the other side to read,
// or a read for the rest of a message. Who finds so may close the connection.
func (c *Conn) Stuck(t time.Time) bool {
	before := func(since int64) bool { return since != 0 && since < t.UnixNano() }
	return before(c.writing.Load()) || before(c.from.since.Load())
}

// CloseWrite tells the other side that nothing more comes.
func (c *Conn) CloseWrite() error {
	if h, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return c.Conn.Close()
}
