package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"sync"
)

// Socket is where xenstored listens in dom0.
const Socket = "/var/run/xenstored/socket"

// A Client is one connection. Its methods may be called concurrently.
type Client struct {
	conn io.ReadWriteCloser

	alive   sync.RWMutex // read-locked from a request to its answer, locked while suspended
	writing sync.Mutex   // one message at a time goes out

	mu       sync.Mutex
	waiting  map[uint32]chan packet // by request
	watches  map[string]*Watch      // by token
	next     uint32
	renewals int
	err      error // why the connection is over

	done chan struct{} // closed when the reader has ended
}

// New is a client over a connection, which it owns.
func New(conn io.ReadWriteCloser) *Client {
	c := &Client{conn: conn, waiting: map[uint32]chan packet{}, watches: map[string]*Watch{}, done: make(chan struct{})}
	go c.read()
	return c
}

// Dial connects to xenstored's socket, in dom0: [Socket], where path is empty.
func Dial(ctx context.Context, path string) (*Client, error) {
	if path == "" {
		path = Socket
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("xenstore: %w (is this dom0, and does xenstored run?)", err)
	}
	return New(conn), nil
}

// Close ends the connection. Calls in flight fail with fs.ErrClosed.
func (c *Client) Close() error {
	c.fail(fs.ErrClosed)
	err := c.conn.Close()
	<-c.done
	return err
}

// fail ends all who wait.
func (c *Client) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	for _, w := range c.waiting {
		close(w)
	}
	for _, w := range c.watches {
		w.signal()
	}
	c.waiting = nil
}

func (c *Client) read() {
	defer close(c.done)
	for {
		p, err := readPacket(c.conn)
		if errors.Is(err, errRenewed) {
			continue
		}
		if err == nil {
			err = c.dispatch(p)
		}
		if err != nil {
			c.fail(err)
			return
		}
	}
}

func (c *Client) dispatch(p packet) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.kind == msgWatchEvent {
		s := splitStrings(p.payload)
		if len(s) != 2 {
			return fmt.Errorf("xenstore: a watch event of %d strings", len(s))
		}
		if w := c.watches[s[1]]; w != nil { // it may just have been closed
			w.signal()
		}
		return nil
	}
	w := c.waiting[p.request]
	if w == nil && c.err == nil {
		return fmt.Errorf("xenstore: an answer to request %d, which nobody made", p.request)
	}
	delete(c.waiting, p.request)
	if w != nil {
		w <- p // it has room for one
	}
	return nil
}

// Suspend waits until all requests are answered, and lets none begin until
// Resume.
func (c *Client) Suspend() { c.alive.Lock() }

// Resume goes on after Suspend. Where the other side is another, it makes all
// watches again, which tell of a change.
func (c *Client) Resume(ctx context.Context, renewed bool) error {
	defer c.alive.Unlock()
	if !renewed {
		return nil
	}
	c.mu.Lock()
	c.renewals++
	clear(c.waiting) // of calls that gave up
	var all []*Watch
	for _, w := range c.watches {
		all = append(all, w)
	}
	c.mu.Unlock()
	for _, w := range all {
		if err := w.register(ctx, c.exchange); err != nil {
			return err
		}
	}
	return nil
}

// call makes a request and waits for its answer.
func (c *Client) call(ctx context.Context, kind message, tx uint32, path string, payload []byte) ([]byte, error) {
	c.alive.RLock()
	defer c.alive.RUnlock()
	return c.exchange(ctx, kind, tx, path, payload)
}

// exchange is call while suspended.
func (c *Client) exchange(ctx context.Context, kind message, tx uint32, path string, payload []byte) ([]byte, error) {
	answer := make(chan packet, 1)
	c.mu.Lock()
	if c.err != nil {
		defer c.mu.Unlock()
		return nil, c.err
	}
	c.next++
	p := packet{kind, c.next, tx, payload}
	c.waiting[p.request] = answer
	c.mu.Unlock()

	c.writing.Lock()
	err := writePacket(c.conn, p)
	c.writing.Unlock()
	if err != nil {
		c.forget(p.request)
		return nil, err
	}
	select {
	case <-ctx.Done():
		// The answer may still come: it must find somebody who expects it.
		return nil, fmt.Errorf("xenstore: %s %s: %w", messageNames[kind], path, ctx.Err())
	case a, ok := <-answer:
		return c.result(a, ok, kind, path)
	}
}

func (c *Client) result(a packet, ok bool, kind message, path string) ([]byte, error) {
	switch {
	case !ok:
		c.mu.Lock()
		defer c.mu.Unlock()
		return nil, c.err
	case a.kind == msgError:
		return nil, &Error{messageNames[kind], path, strings.TrimRight(string(a.payload), "\x00")}
	case a.kind != kind:
		return nil, fmt.Errorf("xenstore: %s %s: answered with a message of type %d", messageNames[kind], path, a.kind)
	}
	return a.payload, nil
}

func (c *Client) forget(request uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, request)
}

// A Tx is where values are read and written: in a transaction, or, for the
// one of a client, at once.
type Tx struct {
	c  *Client
	id uint32
}

// Now is what acts at once.
func (c *Client) Now() Tx { return Tx{c, 0} }

// Read is a value.
func (t Tx) Read(ctx context.Context, path string) (string, error) {
	b, err := t.call(ctx, msgRead, path)
	return string(b), err
}

// ReadUint is a value that is a decimal number of up to bits bits.
func (t Tx) ReadUint(ctx context.Context, path string, bits int) (uint64, error) {
	s, err := t.Read(ctx, path)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseUint(strings.TrimSpace(s), 10, bits)
	if err != nil {
		return 0, fmt.Errorf("xenstore: %s: %q is not a number of %d bits", path, s, bits)
	}
	return v, nil
}

// Write sets a value, and makes what is above it.
func (t Tx) Write(ctx context.Context, path, value string) error {
	if err := checkPath(path); err != nil {
		return err
	}
	_, err := t.c.call(ctx, msgWrite, t.id, path, []byte(path+"\x00"+value))
	return err
}

// Directory is the names directly below path.
func (t Tx) Directory(ctx context.Context, path string) ([]string, error) {
	b, err := t.call(ctx, msgDirectory, path)
	return splitStrings(b), err
}

// Mkdir makes a path with an empty value, where there is none.
func (t Tx) Mkdir(ctx context.Context, path string) error {
	_, err := t.call(ctx, msgMkdir, path)
	return err
}

// Remove removes a path and all below it.
func (t Tx) Remove(ctx context.Context, path string) error {
	_, err := t.call(ctx, msgRemove, path)
	return err
}

func (t Tx) call(ctx context.Context, kind message, path string) ([]byte, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	return t.c.call(ctx, kind, t.id, path, []byte(path+"\x00"))
}

func checkPath(path string) error {
	if path == "" || len(path) > MaxPath || strings.ContainsRune(path, 0) {
		return fmt.Errorf("xenstore: the path %.40q has %d bytes or a NUL: 1 to %d are allowed", path, len(path), MaxPath)
	}
	return nil
}

func (c *Client) generation() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.renewals
}

// maxTries is how often a transaction is tried that meets another.
const maxTries = 100

// Transaction does f's reads and writes at once, or nothing where f fails. It
// calls f again where another transaction was in the way.
func (c *Client) Transaction(ctx context.Context, f func(Tx) error) error {
	for range maxTries {
		before := c.generation()
		b, err := c.call(ctx, msgTransactionStart, 0, "", []byte{0})
		if err != nil {
			return err
		}
		id, err := strconv.ParseUint(strings.TrimRight(string(b), "\x00"), 10, 32)
		if err != nil || id == 0 {
			return fmt.Errorf("xenstore: %q is no transaction", b)
		}
		ferr := f(Tx{c, uint32(id)})
		end := "T\x00"
		if ferr != nil {
			end = "F\x00"
		}
		_, err = c.call(ctx, msgTransactionEnd, uint32(id), "", []byte(end))
		var xerr *Error
		switch {
		case before != c.generation():
			continue // it was another xenstored's
		case ferr != nil:
			return ferr
		case errors.As(err, &xerr) && xerr.Name == "EAGAIN":
			continue
		}
		return err
	}
	return fmt.Errorf("xenstore: a transaction did not succeed in %d tries", maxTries)
}
