package vnet

import (
	"sync"
	"time"
)

// batch bounds how many frames leave the network between two looks at the
// queue: what is taken together needs the lock once.
const batch = 64

// A loop works a network's queue off by this machine's clock.
type loop struct {
	n       *Network
	woken   chan struct{} // holds one
	stopped chan struct{}
	once    sync.Once
	ended   sync.WaitGroup
}

func newLoop(n *Network) *loop {
	l := &loop{n: n, woken: make(chan struct{}, 1), stopped: make(chan struct{})}
	l.ended.Go(l.run)
	return l
}

// wake makes the loop look at the queue.
func (l *loop) wake() {
	select {
	case l.woken <- struct{}{}:
	default:
	}
}

func (l *loop) stop() {
	l.once.Do(func() { close(l.stopped) })
	l.ended.Wait()
}

func (l *loop) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var out [batch]delivery
	for {
		if n := l.n.collect(out[:]); n > 0 {
			continue
		}
		next, any := l.n.Next()
		if any {
			timer.Reset(next)
		} else {
			timer.Stop()
		}
		select {
		case <-l.woken:
		case <-timer.C:
		case <-l.stopped:
			return
		}
	}
}

// collect does what is due, some of it, and is how many events that were.
func (n *Network) collect(out []delivery) (done int) {
	n.step.Lock()
	defer n.step.Unlock()
	now := n.clock.Monotonic()
	deliveries := 0
	n.mu.Lock()
	for done < 4*batch && deliveries < len(out) {
		d, leaves, any := n.advance(now)
		if !any {
			break
		}
		done++
		if leaves {
			out[deliveries] = d
			deliveries++
		}
	}
	n.mu.Unlock()
	for i := range out[:deliveries] {
		out[i].do()
		out[i] = delivery{}
	}
	return done
}
