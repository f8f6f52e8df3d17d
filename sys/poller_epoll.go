package sys

import (
	"fmt"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

var (
	opEpollCreate = newOp("epoll_create1")
	opEpollCtl    = newOp("epoll_ctl")
	opEpollWait   = newOp("epoll_pwait")
)

// pollBatch is the number of events that a poller takes at a time.
const pollBatch = 128

// An epollQueue is the event queue of kernels that speak Linux.
type epollQueue struct {
	fd   int
	tab  *pollTable
	buf  []byte // of events
	both uint64 // the events of both directions, edge triggered
}

func newEpoll(p *Process) (eventQueue, error) {
	tab := &p.k.tab.poll
	fd, err := p.call(opEpollCreate, backends.Int(uintptr(tab.epollCloexec)))
	if err != nil {
		return nil, p.wrap("epoll_create", "", err)
	}
	return &epollQueue{
		fd:   int(fd),
		tab:  tab,
		buf:  make([]byte, pollBatch*tab.eventSize),
		both: tab.epollIn | tab.epollOut | tab.epollHangup | tab.epollEdge,
	}, nil
}

func (q *epollQueue) ctl(p *Process, op int64, num int) error {
	s := newScratch()
	defer s.free()
	event := s.zeroed(q.tab.eventSize)
	q.tab.events.PutUint(event, q.tab.order, q.both)
	q.tab.eventData.PutUint(event, q.tab.order, uint64(num))
	_, err := p.call(opEpollCtl, backends.Int(uintptr(q.fd)), backends.Int(uintptr(op)), backends.Int(uintptr(num)), backends.Mem(event, backends.In))
	return err
}

func (q *epollQueue) add(p *Process, num int) error {
	err := q.ctl(p, q.tab.epollAdd, num)
	if e, ok := err.(abi.Errno); ok && e == q.tab.eexist {
		return q.ctl(p, q.tab.epollMod, num)
	}
	return err
}

func (q *epollQueue) remove(p *Process, num int) { _ = q.ctl(p, q.tab.epollDel, num) }

func (q *epollQueue) wait(p *Process, report func(num int, read, write bool)) error {
	forever := -1
	n, err := p.call(opEpollWait, backends.Int(uintptr(q.fd)), backends.Mem(q.buf, backends.Out),
		backends.Int(pollBatch), backends.Int(uintptr(forever)), backends.Arg{}, backends.Arg{})
	if err != nil {
		return err
	}
	if n > pollBatch {
		return fmt.Errorf("epoll_pwait reported %d events into room for %d", n, pollBatch)
	}
	for i := range int(n) {
		event := q.buf[i*q.tab.eventSize:]
		what := q.tab.events.Uint(event, q.tab.order)
		both := what&q.tab.epollBroken != 0
		report(int(q.tab.eventData.Uint(event, q.tab.order)),
			both || what&(q.tab.epollIn|q.tab.epollHangup) != 0, both || what&q.tab.epollOut != 0)
	}
	return nil
}

func (q *epollQueue) close(p *Process) { _, _ = p.call(opClose, backends.Int(uintptr(q.fd))) }
