package server

import (
	"errors"
	"time"

	"github.com/anykernel/anykernel/rump/sysproxy"
)

// A question is what the kernel wants to know of a client's memory. Whoever
// asks waits for the answer; the goroutine that reads the connection gives it,
// and is the only one that writes to buf.
type question struct {
	what sysproxy.Type
	buf  []byte // memory goes here
	n    int
	word uint64 // of anonmmap
	err  error
	when time.Time
	done chan struct{}
}

var errNoAnswer = errors.New("the client did not answer")

// ask asks the client and waits for its answer.
func (c *client) ask(q *question, payload []byte) error {
	q.when, q.done = time.Now(), make(chan struct{})
	c.mu.Lock()
	if c.gone || c.inExec {
		c.mu.Unlock()
		return errNoAnswer
	}
	c.asked++
	n := c.asked
	c.questions[n] = q
	c.mu.Unlock()
	if err := c.conn.Send(sysproxy.Header{Request: n, Class: sysproxy.Request, Type: q.what}, payload); err != nil {
		c.conn.Close() // and so failQuestions is called
	}
	<-q.done
	return q.err
}

// answered takes an answer. An error ends the connection.
func (c *client) answered(h sysproxy.Header) error {
	c.mu.Lock()
	q := c.questions[h.Request]
	delete(c.questions, h.Request)
	c.mu.Unlock()
	if q == nil {
		return nil // nobody asked, or not any more
	}
	err := q.take(h, c.conn)
	if err != nil {
		q.err = err
	}
	close(q.done)
	if h.Class == sysproxy.Failure {
		return nil
	}
	return err
}

func (q *question) take(h sysproxy.Header, conn *sysproxy.Conn) error {
	if h.Class == sysproxy.Failure {
		return sysproxy.Error(h.Arg)
	}
	switch q.what {
	case sysproxy.TypeCopyin:
		if conn.Left() != len(q.buf) {
			return sysproxy.ErrMalformed
		}
		return conn.ReadFull(q.buf)
	case sysproxy.TypeCopyinstr:
		if conn.Left() > len(q.buf) {
			return sysproxy.ErrMalformed
		}
		q.n = conn.Left()
		return conn.ReadFull(q.buf[:q.n])
	}
	b, err := conn.ReadAll(8)
	if err == nil {
		q.word, err = sysproxy.ParseWord(b)
	}
	return err
}

// failQuestions ends the waiting for answers. It is called by the goroutine
// that reads the connection.
func (c *client) failQuestions() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n, q := range c.questions {
		q.err = errNoAnswer
		close(q.done)
		delete(c.questions, n)
	}
}

// stuck reports whether the client has not read, or not answered, since t.
func (c *client) stuck(t time.Time) bool {
	if c.conn.Stuck(t) {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, q := range c.questions {
		if q.when.Before(t) {
			return true
		}
	}
	return false
}

// What follows makes a client the memory of its own process.

// CopyIn reads the client's memory.
func (c *client) CopyIn(p []byte, addr uint64) error {
	var b [sysproxy.CopySize]byte
	(&sysproxy.Copy{Length: uint64(len(p)), Address: addr}).Put(b[:])
	return c.ask(&question{what: sysproxy.TypeCopyin, buf: p}, b[:])
}

// CopyInString reads a string of the client's.
func (c *client) CopyInString(p []byte, addr uint64) (int, error) {
	var b [sysproxy.CopySize]byte
	(&sysproxy.Copy{Length: uint64(len(p)), Address: addr}).Put(b[:])
	q := &question{what: sysproxy.TypeCopyinstr, buf: p}
	err := c.ask(q, b[:])
	return q.n, err
}

// CopyOut writes the client's memory. The client says nothing to it.
func (c *client) CopyOut(addr uint64, p []byte) error {
	var b [sysproxy.CopySize]byte
	(&sysproxy.Copy{Length: uint64(len(p)), Address: addr}).Put(b[:])
	c.mu.Lock()
	c.asked++
	n := c.asked
	lost := c.gone || c.inExec
	c.mu.Unlock()
	if lost {
		return errNoAnswer
	}
	c.conn.Begin(sysproxy.Header{Request: n, Class: sysproxy.Request, Type: sysproxy.TypeCopyout}, len(b)+len(p))
	c.conn.Put(b[:])
	c.conn.Put(p)
	return c.conn.End()
}

// Map asks the client for new memory.
func (c *client) Map(size uint64) (uint64, error) {
	var b [8]byte
	sysproxy.PutWord(b[:], size)
	q := &question{what: sysproxy.TypeAnonmmap}
	if err := c.ask(q, b[:]); err != nil {
		return 0, err
	}
	if q.word == 0 {
		return 0, errors.New("the client has no memory")
	}
	return q.word, nil
}

// maxRaising bounds the signals that are on their way to a client; it gets no
// more than that.
const maxRaising = 64

// Raise sends the client a signal.
func (c *client) Raise(signal int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone || c.raising >= maxRaising || signal <= 0 || signal > sysproxy.MaxSignal {
		return
	}
	c.raising++
	c.work.Go(func() {
		_ = c.conn.Send(sysproxy.Header{Class: sysproxy.Request, Type: sysproxy.TypeRaise, Arg: uint32(signal)}, nil)
		c.mu.Lock()
		c.raising--
		c.mu.Unlock()
	})
}

// Halt answers the call that halts the kernel: nobody else will.
func (c *client) Halt() {
	if r := c.rebooting.Load(); r != 0 {
		_ = c.sendResult(r-1, sysproxy.Result{})
	}
}
