package storetest

import (
	"io"
	"io/fs"
	"sync"

	"github.com/anykernel/anykernel/xen/internal/shm"
	"github.com/anykernel/anykernel/xen/ring/ringtest"
)

// Layout of the page that a guest shares with xenstored.
const (
	ringSize         = 1024
	requests         = 0
	answers          = 1024
	requestsConsumed = 2048
	requestsProduced = 2052
	answersConsumed  = 2056
	answersProduced  = 2060
)

// An End is the daemon's end of a guest's ring. One goroutine may read while
// another writes.
type End struct {
	page shm.Region
	port *ringtest.Port

	mu     sync.Mutex
	cond   sync.Cond
	closed bool
	done   chan struct{}
}

var _ io.ReadWriteCloser = (*End)(nil)

// Connect is the daemon's end of the ring in a page, and the guest's event
// channel.
func Connect(page shm.Region) (*End, *ringtest.Port) {
	guest := ringtest.NewPort()
	e := &End{page: page, port: ringtest.NewPort(), done: make(chan struct{})}
	e.cond.L = &e.mu
	guest.Other, e.port.Other = e.port.Raise, guest.Raise
	go e.listen()
	return e, guest
}

func (e *End) listen() {
	defer close(e.done)
	for range e.port.Pending() {
		e.mu.Lock()
		e.cond.Broadcast()
		e.mu.Unlock()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	e.cond.Broadcast()
}

// wait waits until f is not 0.
func (e *End) wait(f func() uint32) (uint32, error) {
	for !e.closed {
		if n := f(); n > 0 {
			return n, nil
		}
		e.cond.Wait()
	}
	return 0, fs.ErrClosed
}

// Read waits for a request.
func (e *End) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	n, err := e.wait(func() uint32 { return e.page.Load32(requestsProduced) - e.page.Load32(requestsConsumed) })
	if err != nil {
		return 0, err
	}
	at := e.page.Load32(requestsConsumed)
	size := copy(b, e.page.Bytes[requests:][at%ringSize:min(at%ringSize+n, ringSize)])
	e.page.Store32(requestsConsumed, at+uint32(size))
	return size, e.port.Notify()
}

// Write writes all of b.
func (e *End) Write(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range b {
		_, err := e.wait(func() uint32 { return ringSize - e.page.Load32(answersProduced) + e.page.Load32(answersConsumed) })
		if err != nil {
			return i, err
		}
		at := e.page.Load32(answersProduced)
		e.page.Bytes[answers+int(at%ringSize)] = b[i]
		e.page.Store32(answersProduced, at+1)
		e.port.Notify()
	}
	return len(b), nil
}

// Close ends reads and writes. The guest is not told, as when its domain ends.
func (e *End) Close() error {
	err := e.port.Close()
	<-e.done
	return err
}
