package server

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// A call that comes alone is made by the goroutine that reads the connection:
// nobody has to be woken for it. While it does so, nobody reads. So when it
// takes its time, another goroutine takes over the reading, and the first one
// ends with its call.
//
// turn counts calls: it is odd while the reader makes one. Who makes it even
// reads on: the reader itself, or the watcher for its successor.
type turn struct{ atomic.Uint64 }

// begin is the start of a call by the reader.
func (t *turn) begin() uint64 { return t.Add(1) }

// end ends the call that began as n, and reports whether the reader reads on.
func (t *turn) end(n uint64) bool { return t.CompareAndSwap(n, n+1) }

// errTakenOver says that another goroutine reads now.
var errTakenOver = errors.New("taken over")

// make makes a call that was read: on this goroutine, or on one of its own if
// more has come already.
func (c *client) make(w *work, run func(*work)) error {
	if c.conn.Buffered() > 0 {
		c.work.Go(func() { run(w) })
		return nil
	}
	n := c.turn.begin()
	if !c.watched.Load() {
		c.watched.Store(true)
		c.s.watcher.watch(c)
	}
	run(w)
	if !c.turn.end(n) {
		return errTakenOver
	}
	return nil
}

// A watcher looks after the readers that make calls themselves.
type watcher struct {
	mu      sync.Mutex
	clients map[*client]uint64 // those that did of late, and their turn when last seen
	running bool
}

const (
	// watchEvery is how often it looks, and so how long a call is the reader's
	// at least.
	watchEvery = 200 * time.Microsecond
	// watchIdle is for how many rounds it looks at a client that does nothing.
	watchIdle = 50
)

// watch has a client looked after.
func (w *watcher) watch(c *client) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clients[c] = 0
	if !w.running {
		w.running = true
		go w.run()
	}
}

func (w *watcher) run() {
	for {
		time.Sleep(watchEvery)
		w.mu.Lock()
		for c, seen := range w.clients {
			w.look(c, seen)
		}
		if len(w.clients) == 0 {
			w.running = false
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
	}
}

// look looks at one client, whose turn was seen.
func (w *watcher) look(c *client, seen uint64) {
	now := c.turn.Load()
	switch {
	case now != seen:
		c.quiet = 0
		w.clients[c] = now
	case now%2 == 1:
		if c.turn.end(now) {
			w.clients[c] = now + 1
			c.work.Go(c.readAll)
		}
	default:
		if c.quiet++; c.quiet > watchIdle {
			w.leave(c, now)
		}
	}
}

// leave looks after a client no more. A call that began meanwhile may have
// seen that it was watched, and so it is.
func (w *watcher) leave(c *client, now uint64) {
	c.quiet = 0
	c.watched.Store(false)
	if c.turn.Load() != now {
		c.watched.Store(true)
		return
	}
	delete(w.clients, c)
}
