package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/anykernel/anykernel/xen/internal/shm"
)

// Layout of the page that a guest shares with xenstored (struct
// xenstore_domain_interface): requests, answers, and free-running indices.
const (
	ringSize         = 1024
	ringRequests     = 0
	ringAnswers      = 1024
	requestsConsumed = 2048
	requestsProduced = 2052
	answersConsumed  = 2056
	answersProduced  = 2060
)

// A Notifier is an event channel to the other side.
type Notifier interface {
	// Notify tells the other side to look.
	Notify() error
	// Pending receives when the other side told us to. It is closed when no
	// more will come.
	Pending() <-chan struct{}
	Close() error
}

// A Ring is a guest's connection to xenstored. One goroutine may read while
// another writes.
type Ring struct {
	page shm.Region

	mu      sync.Mutex // held wherever the page is used
	cond    sync.Cond  // the other side did something
	event   Notifier
	stopped bool
	renewed bool // the next Read has to be told
	done    chan struct{}
}

// errRenewed is Read's error, once, when the other side is another: what it
// said of a message before will not be continued.
var errRenewed = errors.New("xenstore: the connection is new")

// NewRing is a connection over the shared page and its event channel, which it
// owns.
func NewRing(page shm.Region, event Notifier) *Ring {
	r := &Ring{page: page}
	r.cond.L = &r.mu
	r.listenTo(event)
	return r
}

func (r *Ring) listenTo(event Notifier) {
	r.event, r.done = event, make(chan struct{})
	go r.listen(event, r.done)
}

func (r *Ring) listen(event Notifier, done chan struct{}) {
	defer close(done)
	for range event.Pending() {
		r.mu.Lock()
		r.cond.Broadcast()
		r.mu.Unlock()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.event == event {
		r.stopped = true
		r.cond.Broadcast()
	}
}

// Suspend stops everything until Resume.
func (r *Ring) Suspend() { r.mu.Lock() }

// Resume goes on after Suspend. In a new domain, event is the channel to
// another xenstored, whose ring is empty; nil: all is as it was.
func (r *Ring) Resume(event Notifier) {
	defer r.mu.Unlock()
	if event != nil && !r.stopped {
		r.listenTo(event)
		r.renewed = true
		r.cond.Broadcast()
	}
}

// Close ends the connection; reads and writes fail with fs.ErrClosed.
func (r *Ring) Close() error {
	r.mu.Lock()
	event, done := r.event, r.done
	r.mu.Unlock()
	err := event.Close()
	<-done
	return err
}

// wait waits until f gives a number that is not 0, or an error. The lock is
// held.
func (r *Ring) wait(f func() (uint32, error)) (uint32, error) {
	for {
		if r.stopped {
			return 0, fs.ErrClosed
		}
		if n, err := f(); n > 0 || err != nil {
			return n, err
		}
		r.cond.Wait()
	}
}

// used is how much of a ring is full, by its indices.
func (r *Ring) used(produced, consumed int) (uint32, error) {
	n := r.page.Load32(produced) - r.page.Load32(consumed)
	if n > ringSize {
		return 0, fmt.Errorf("xenstore: the ring's indices are %d apart, %d is the most", n, ringSize)
	}
	return n, nil
}

// Read waits for something to read, and reads up to len(b) bytes.
func (r *Ring) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n, err := r.wait(func() (uint32, error) {
		if r.renewed {
			r.renewed = false
			return 0, errRenewed
		}
		return r.used(answersProduced, answersConsumed)
	})
	if err != nil {
		return 0, err
	}
	at := r.page.Load32(answersConsumed)
	start := at % ringSize
	size := copy(b, r.page.Bytes[ringAnswers:][start:min(start+n, ringSize)])
	r.page.Store32(answersConsumed, at+uint32(size))
	return size, r.event.Notify()
}

// Write writes all of b, waiting for room.
func (r *Ring) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	done := 0
	for done < len(b) {
		room, err := r.wait(func() (uint32, error) {
			n, err := r.used(requestsProduced, requestsConsumed)
			return ringSize - n, err
		})
		if err != nil {
			return done, err
		}
		at := r.page.Load32(requestsProduced)
		start := at % ringSize
		size := copy(r.page.Bytes[ringRequests:][start:min(start+room, ringSize)], b[done:])
		r.page.Store32(requestsProduced, at+uint32(size))
		done += size
		if err := r.event.Notify(); err != nil {
			return done, err
		}
	}
	return done, nil
}

var _ io.ReadWriteCloser = (*Ring)(nil)
