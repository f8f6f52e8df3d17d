package vnet

import (
	"container/heap"
	"time"
)

// An event is the arrival of a frame at the end of one way of a link.
type event struct {
	at    time.Duration
	seq   uint64 // decides between events of one time
	way   *way
	frame *frame
}

func (e *event) before(f *event) bool {
	return e.at < f.at || e.at == f.at && e.seq < f.seq
}

// A queue is what will happen, in order. What happens at once, which is nearly
// everything on links that delay nothing, needs no heap: it is entered in the
// order of time already.
type queue struct {
	seq   uint64
	last  time.Duration // of now
	now   ring[event]
	later eventHeap
}

// push enters an event, and reports whether it is the first now.
func (q *queue) push(at time.Duration, immediate bool, w *way, f *frame) (first bool) {
	e := event{at, q.seq, w, f}
	q.seq++
	first = q.isEarliest(&e)
	if immediate && at >= q.last {
		q.last = at
		q.now.push(e)
	} else {
		heap.Push(&q.later, e)
	}
	return first
}

func (q *queue) isEarliest(e *event) bool {
	at, any := q.first()
	return !any || e.at < at
}

// first is when the first event is.
func (q *queue) first() (at time.Duration, any bool) {
	e, _ := q.head()
	if e == nil {
		return 0, false
	}
	return e.at, true
}

// head is the first event, and whether it is in later.
func (q *queue) head() (e *event, later bool) {
	if q.now.len() > 0 {
		e = q.now.front()
	}
	if len(q.later) > 0 && (e == nil || q.later[0].before(e)) {
		return &q.later[0], true
	}
	return e, false
}

// pop takes the first event, if it is due.
func (q *queue) pop(now time.Duration) (event, bool) {
	e, later := q.head()
	if e == nil || e.at > now {
		return event{}, false
	}
	if later {
		return heap.Pop(&q.later).(event), true
	}
	return q.now.pop(), true
}

// clear drops everything.
func (q *queue) clear() {
	for q.now.len() > 0 {
		q.now.pop().frame.release()
	}
	for _, e := range q.later {
		e.frame.release()
	}
	q.later = nil
}

// eventHeap is a container/heap in the order of events.
type eventHeap []event

func (h eventHeap) Len() int           { return len(h) }
func (h eventHeap) Less(i, j int) bool { return h[i].before(&h[j]) }
func (h eventHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)        { *h = append(*h, x.(event)) }

func (h *eventHeap) Pop() any {
	old := *h
	last := len(old) - 1
	e := old[last]
	old[last] = event{}
	*h = old[:last]
	return e
}

// A ring is a first-in, first-out queue that grows. Its size is a power of two.
type ring[T any] struct {
	items      []T
	head, tail int // of the next to take and to add; they only grow
}

func (r *ring[T]) len() int  { return r.tail - r.head }
func (r *ring[T]) front() *T { return &r.items[r.head&(len(r.items)-1)] }

func (r *ring[T]) push(x T) {
	if r.len() == len(r.items) {
		r.grow()
	}
	r.items[r.tail&(len(r.items)-1)] = x
	r.tail++
}

func (r *ring[T]) pop() (x T) {
	x, *r.front() = *r.front(), x
	r.head++
	return x
}

func (r *ring[T]) grow() {
	items := make([]T, max(16, 2*len(r.items)))
	n := 0
	for i := r.head; i < r.tail; i++ {
		items[n] = r.items[i&(len(r.items)-1)]
		n++
	}
	r.items, r.head, r.tail = items, 0, n
}
