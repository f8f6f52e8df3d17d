package vnet

import (
	"math/rand/v2"
	"time"
)

// A way is one direction of a link. Its fields are under the network's lock.
type way struct {
	n          *Network
	from, to   node
	port       int // of to
	conditions Conditions
	random     *rand.Rand
	inFlight   int
	free       time.Duration       // when the sender has sent what it has
	sending    ring[time.Duration] // when each frame that waits, or is being sent, will have been
	last       time.Duration       // when the frame before arrives
	stats      Stats
	taps       taps
}

// send puts a frame on the way, at the time now. It takes over f's reference,
// and reports whether the network has something to do earlier than it had. The
// network's lock is held.
func (w *way) send(f *frame, now time.Duration) (earlier bool) {
	if f.segment > 0 && !w.unnoticed() {
		for _, s := range f.cut() {
			earlier = w.send(s, now) || earlier
		}
		return earlier
	}
	w.stats.Sent++
	w.stats.SentBytes += uint64(len(f.data))
	if w.perfect() {
		w.last = max(w.last, now)
		w.report(now, f, Fate{})
		return w.enter(w.last, w.last == now, f)
	}
	fate := w.decide(f, now)
	w.report(now, f, fate)
	if fate.Lost || fate.Dropped {
		f.release()
		return false
	}
	if fate.Corrupted {
		corrupted := f.clone()
		corrupted.data[fate.Bit/8] ^= 1 << (fate.Bit % 8)
		f.release()
		f = corrupted
	}
	if fate.Duplicated {
		earlier = w.enter(fate.Arrives, fate.Arrives == now, f.ref())
	}
	return w.enter(fate.Arrives, fate.Arrives == now, f) || earlier
}

// perfect reports whether frames arrive as they are sent, at once.
func (w *way) perfect() bool { return w.conditions == (Conditions{}) && w.inFlight < MaxInFlight }

// unnoticed reports whether nobody can tell several segments from one.
func (w *way) unnoticed() bool { return w.perfect() && len(w.taps) == 0 && len(w.n.taps) == 0 }

// enter lets a frame arrive at some time.
func (w *way) enter(at time.Duration, immediate bool, f *frame) (earlier bool) {
	w.inFlight++
	return w.n.queue.push(at, immediate, w, f)
}

// A Fate is what a link does to a frame.
type Fate struct {
	Lost       bool // by chance, or because the link is down
	Dropped    bool // because the queue is full
	Duplicated bool
	Reordered  bool
	Corrupted  bool
	Bit        int           // the wrong bit, counted from the frame's start
	Arrives    time.Duration // by the network's clock, if it is neither lost nor dropped
}

// decide draws a frame's fate. What is drawn depends on the conditions and on
// the frames that this way has seen, and on nothing else.
func (w *way) decide(f *frame, now time.Duration) (fate Fate) {
	c := &w.conditions
	if c.Down || w.chance("loss", c.Loss) {
		w.stats.Lost++
		return Fate{Lost: true}
	}
	sent, ok := w.transmit(len(f.data), now)
	if !ok {
		w.stats.Dropped++
		return Fate{Dropped: true}
	}
	at := max(w.last, sent+c.Delay+w.jitter())
	if w.chance("reordering", c.Reorder) {
		w.stats.Reordered++
		fate.Reordered = true
		fate.Arrives = at + c.hold()
	} else {
		w.last = at
		fate.Arrives = at
	}
	if w.chance("duplication", c.Duplicate) && w.inFlight+1 < MaxInFlight {
		w.stats.Duplicated++
		fate.Duplicated = true
	}
	if bits := 8 * (len(f.data) - headerSize); bits > 0 && w.chance("corruption", c.Corrupt) {
		w.stats.Corrupted++
		fate.Corrupted = true
		fate.Bit = 8*headerSize + w.random.IntN(bits)
	}
	return fate
}

// chance is true in that share of cases. What cannot be either way takes
// nothing from the random source.
func (w *way) chance(what string, share float64) bool {
	if share > 0 && w.n.draw != nil {
		return w.n.draw(what+" on "+w.from.Name()+">"+w.to.Name(), share)
	}
	return share > 0 && w.random.Float64() < share
}

func (w *way) jitter() time.Duration {
	j := int64(w.conditions.Jitter)
	if j == 0 {
		return 0
	}
	return time.Duration(w.random.Int64N(2*j+1) - j)
}

// transmit is when a frame of n bytes will have been sent; false where the queue
// is full.
func (w *way) transmit(n int, now time.Duration) (sent time.Duration, ok bool) {
	for w.sending.len() > 0 && *w.sending.front() <= now {
		w.sending.pop()
	}
	if w.inFlight >= MaxInFlight {
		return 0, false
	}
	if w.conditions.Rate == 0 {
		w.free = now
		return now, true
	}
	if w.sending.len() > w.conditions.queue() { // one is being sent
		return 0, false
	}
	w.free = max(w.free, now) + w.conditions.transmission(n)
	w.sending.push(w.free)
	return w.free, true
}

// arrived hands a frame to the node at the end. The network's lock is held.
func (w *way) arrived(f *frame) (delivery, bool) {
	w.inFlight--
	w.stats.Arrived++
	return w.to.arrive(f, w.port)
}
