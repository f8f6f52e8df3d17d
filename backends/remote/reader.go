package remote

import (
	"sync"
	"time"

	"github.com/anykernel/anykernel/rump/sysproxy"
)

// A reader is how a process reads its connection. One goroutine reads at a
// time: a caller that looks for its answer for a moment, so that nobody has to
// be woken for a short call, or receive, which waits for all that comes when no
// caller looks.
type reader struct {
	sync.Mutex               // held by who reads
	err        error         // what a caller found wrong; guarded by Mutex
	wake       chan struct{} // tells receive that it is needed; holds one
	passive    int           // calls that wait for receive; guarded by Process.mu
}

// restTime is how long receive waits for callers that read themselves.
const restTime = 2 * time.Millisecond

// receive reads what no caller does, until the connection ends.
func (p *Process) receive() {
	rest := time.NewTimer(restTime)
	defer rest.Stop()
	err := p.receiveOne()
	for err == nil {
		p.rest(rest)
		err = p.receiveOne()
	}
	p.fail(err)
	p.conn.Close()
	p.k.forget(p)
	close(p.done)
}

// receiveOne waits for one message, and handles it.
func (p *Process) receiveOne() error {
	p.reader.Lock()
	defer p.reader.Unlock()
	if p.reader.err != nil {
		return p.reader.err
	}
	h, err := p.conn.Next()
	if err == nil {
		err = p.handle(h)
	}
	return err
}

// rest leaves the reading to callers, for as long as they come and none of them
// waits.
func (p *Process) rest(t *time.Timer) {
	for last := p.lastRequest(); last != 0; {
		t.Reset(restTime)
		select {
		case <-p.reader.wake: // perhaps for what was read since
			last = p.lastRequest()
		case <-t.C:
			now := p.lastRequest()
			if now == last {
				return
			}
			last = now
		}
	}
}

// lastRequest is the number of the last request, 0 if a call waits for receive.
func (p *Process) lastRequest() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reader.passive > 0 {
		return 0
	}
	return p.next
}

// look reads for a moment, and reports whether the answer to r came.
func (p *Process) look(r *request) bool {
	if !p.reader.TryLock() {
		return false
	}
	defer p.reader.Unlock()
	for p.reader.err == nil {
		h, err := p.conn.TryNext()
		if err == sysproxy.ErrNothing {
			return false
		}
		if err == nil {
			err = p.handle(h)
		}
		p.reader.err = err
		select {
		case <-r.done:
			return true
		default:
		}
	}
	return false
}

// leaveReading has receive read the answer to r.
func (p *Process) leaveReading(r *request) {
	p.mu.Lock()
	if p.waiting[r.number] == r {
		r.passive = true
		p.reader.passive++
	}
	p.mu.Unlock()
	select {
	case p.reader.wake <- struct{}{}:
	default:
	}
}
