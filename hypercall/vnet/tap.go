package vnet

import (
	"fmt"
	"strings"
	"time"
)

// A Passage is a frame that enters a link, and what becomes of it there.
type Passage struct {
	At       time.Duration // by the network's clock
	Time     time.Time     // the same, as time of day
	From, To string        // the nodes at the ends
	Frame    []byte        // as it was sent; valid during the call
	Fate     Fate
}

// String is what was done to a frame, in words; "" where it was nothing.
func (f Fate) String() string {
	var words []string
	say := func(so bool, word string) {
		if so {
			words = append(words, word)
		}
	}
	say(f.Lost, "lost")
	say(f.Dropped, "dropped: the queue is full")
	say(f.Duplicated, "duplicated")
	say(f.Reordered, "held back")
	if f.Corrupted {
		words = append(words, fmt.Sprintf("corrupted: bit %d of byte %d", f.Bit%8, f.Bit/8))
	}
	return strings.Join(words, ", ")
}

// taps is who sees what enters a link.
type taps []*func(Passage)

func (t *taps) add(f func(Passage)) (id *func(Passage)) {
	*t = append(*t, &f)
	return &f
}

func (t *taps) remove(id *func(Passage)) {
	for i, f := range *t {
		if f == id {
			*t = append((*t)[:i:i], (*t)[i+1:]...)
			return
		}
	}
}

// Tap has f called for every frame that enters the link, in the order in which
// they do, until cancel is called. f runs on the sender's goroutine with the
// network locked: it must not call the network.
func (l *Link) Tap(f func(Passage)) (cancel func()) {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	a, b := l.ways[0].taps.add(f), l.ways[1].taps.add(f)
	return func() {
		l.n.mu.Lock()
		defer l.n.mu.Unlock()
		l.ways[0].taps.remove(a)
		l.ways[1].taps.remove(b)
	}
}

// Tap is Tap for every link of the network, those that are made later too.
func (n *Network) Tap(f func(Passage)) (cancel func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	id := n.taps.add(f)
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.taps.remove(id)
	}
}

// report tells of a frame that entered. The network's lock is held.
func (w *way) report(now time.Duration, f *frame, fate Fate) {
	if len(w.taps) == 0 && len(w.n.taps) == 0 {
		return
	}
	p := Passage{At: now, Time: w.n.clock.Now(), From: w.from.Name(), To: w.to.Name(), Frame: f.data, Fate: fate}
	for _, tap := range w.taps {
		(*tap)(p)
	}
	for _, tap := range w.n.taps {
		(*tap)(p)
	}
}
