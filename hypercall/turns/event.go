package turns

import (
	"container/heap"
	"time"
)

// An event is something that is done at a time. Events of the same time are
// done in the order in which they were set.
type event struct {
	at    time.Duration
	order uint64
	f     func()
	index int // in the heap; -1 where it is not there
}

// events is a container/heap.
type events struct {
	list  []*event
	count uint64
}

// At has f called at a time since the world began, by itself: f may not wait.
// stop takes that back, and reports whether it was in time.
func (s *Scheduler) At(at time.Duration, f func()) (stop func() bool) {
	e := &event{at: max(at, s.now), order: s.events.count, f: f}
	s.events.count++
	heap.Push(&s.events, e)
	return func() bool {
		if e.index < 0 {
			return false
		}
		heap.Remove(&s.events, e.index)
		return true
	}
}

// AfterFunc is At for the time after d.
func (s *Scheduler) AfterFunc(d time.Duration, f func()) (stop func() bool) { return s.At(s.now+d, f) }

func (q *events) due(now time.Duration) bool { return len(q.list) > 0 && q.list[0].at <= now }

func (q *events) next() (time.Duration, bool) {
	if len(q.list) == 0 {
		return 0, false
	}
	return q.list[0].at, true
}

func (q *events) pop() *event { return heap.Pop(q).(*event) }

// Len implements heap.Interface, as do the methods below.
func (q *events) Len() int { return len(q.list) }

func (q *events) Less(i, j int) bool {
	a, b := q.list[i], q.list[j]
	return a.at < b.at || a.at == b.at && a.order < b.order
}

func (q *events) Swap(i, j int) {
	q.list[i], q.list[j] = q.list[j], q.list[i]
	q.list[i].index, q.list[j].index = i, j
}

func (q *events) Push(x any) {
	e := x.(*event)
	e.index = len(q.list)
	q.list = append(q.list, e)
}

func (q *events) Pop() any {
	last := len(q.list) - 1
	e := q.list[last]
	q.list[last] = nil
	q.list = q.list[:last]
	e.index = -1
	return e
}
