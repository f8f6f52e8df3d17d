package sys

import (
	"fmt"
	"math"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

var (
	opPpoll = newOp("ppoll", "pollts")
	opPoll  = newOp("poll")
)

// A PollFD is a file that [Process.Poll] waits for.
type PollFD struct {
	File    *File      // nil: the entry is ignored
	Events  PollEvents // to wait for
	Revents PollEvents // set to those that are there
}

// pollfdSize is struct pollfd of every OS: an int and two shorts.
const pollfdSize = 8

// Poll waits until a file is ready for what it is waited for, or until
// timeout has passed, and returns how many files have events; see ppoll(2). A
// negative timeout is none, and 0 does not wait. It takes any number of files,
// each of p's.
func (p *Process) Poll(fds []PollFD, timeout time.Duration) (int, error) {
	return p.pollFiles(fds, timeout, nil)
}

// PollMask is [Process.Poll] with the signals of mask blocked meanwhile
// instead of those that are. A signal that comes ends it with EINTR, where the
// process lives on.
func (p *Process) PollMask(fds []PollFD, timeout time.Duration, mask SigSet) (int, error) {
	return p.pollFiles(fds, timeout, &mask)
}

func (p *Process) pollFiles(fds []PollFD, timeout time.Duration, mask *SigSet) (int, error) {
	tab := p.k.tab
	b, err := p.encodePoll(fds)
	if err != nil {
		return 0, p.wrap("poll", "", err)
	}
	defer releasePolled(fds)
	n, err := p.poll(b, len(fds), timeout, mask)
	if err != nil {
		return 0, p.wrap("poll", "", err)
	}
	for i := range fds {
		native := tab.abi.Order.Uint16(b[i*pollfdSize+6:])
		fds[i].Revents = PollEvents(tab.socket.pollEvents.portable(uint64(native)))
	}
	return n, nil
}

// encodePoll acquires the files, to be released by releasePolled.
func (p *Process) encodePoll(fds []PollFD) ([]byte, error) {
	order := p.k.tab.abi.Order
	b := make([]byte, len(fds)*pollfdSize)
	for i := range fds {
		e, num := b[i*pollfdSize:], -1
		if f := fds[i].File; f != nil {
			if err := p.acquireFile(f); err != nil {
				releasePolled(fds[:i])
				return nil, err
			}
			num = f.num
		}
		events, err := p.k.tab.socket.pollEvents.native(uint64(fds[i].Events))
		if err != nil {
			releasePolled(fds[:i+1])
			return nil, err
		}
		order.PutUint32(e, uint32(num))
		order.PutUint16(e[4:], uint16(events))
	}
	return b, nil
}

// acquireFile keeps a file of p's open until its release.
func (p *Process) acquireFile(f *File) error {
	if f.p.fds != p.fds {
		return fmt.Errorf("%s is a file of another process", f.name)
	}
	if err := f.acquire(); err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	return nil
}

func releasePolled(fds []PollFD) {
	for i := range fds {
		if f := fds[i].File; f != nil {
			f.release()
		}
	}
}

func (p *Process) poll(b []byte, n int, timeout time.Duration, mask *SigSet) (int, error) {
	m := newScratch()
	defer m.free()
	fds, count := backends.Mem(b, backends.InOut), backends.Int(uintptr(n))
	if !p.k.tab.has(opPpoll) && mask == nil {
		r, err := p.call(opPoll, fds, count, backends.Int(uintptr(pollMilliseconds(timeout))))
		return int(r), err
	}
	wait, err := p.k.tab.socket.timespec.timeout(m, p.k.tab.abi.Order, timeout)
	if err != nil {
		return 0, err
	}
	args := []backends.Arg{fds, count, wait}
	if mask != nil {
		args = p.k.tab.sigargs(fds, count, wait, backends.Mem(p.k.tab.sigset(m, *mask), backends.In))
	}
	r, err := p.call(opPpoll, args...)
	return int(r), err
}

// timeout is an argument for calls that wait for ever without one.
func (l *intervalLayout) timeout(m *scratch, o abi.ByteOrder, d time.Duration) (backends.Arg, error) {
	if d < 0 {
		return backends.Arg{}, nil
	}
	b := m.zeroed(l.size)
	return backends.Mem(b, backends.InOut), l.put(b, o, d)
}

// pollMilliseconds is a timeout as poll(2) takes it, rounded up.
func pollMilliseconds(d time.Duration) int {
	if d < 0 {
		return -1
	}
	return int(min((d+time.Millisecond-1)/time.Millisecond, math.MaxInt32))
}
