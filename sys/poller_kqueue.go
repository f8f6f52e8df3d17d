package sys

import (
	"fmt"

	"github.com/anykernel/anykernel/backends"
)

var (
	opKqueue = newOp("kqueue")
	opKevent = newOp("kevent")
)

// A kqueueQueue is the event queue of BSD kernels.
type kqueueQueue struct {
	fd  int
	tab *pollTable
	buf []byte // of events
}

func newKqueue(p *Process) (eventQueue, error) {
	tab := &p.k.tab.poll
	fd, err := p.call(opKqueue)
	if err != nil {
		return nil, p.wrap("kqueue", "", err)
	}
	// A new program has no use for it. kqueue1 is not everywhere.
	_, _ = p.call(opFcntl, backends.Int(fd), backends.Int(uintptr(p.k.tab.files.fcntl[fSetFD])), backends.Int(closeOnExec))
	return &kqueueQueue{fd: int(fd), tab: tab, buf: make([]byte, pollBatch*tab.eventSize)}, nil
}

// change applies flags to both filters of a number.
func (q *kqueueQueue) change(p *Process, num int, flags uint64) error {
	s := newScratch()
	defer s.free()
	both := s.zeroed(2 * q.tab.eventSize)
	for i, filter := range []int64{q.tab.filterRead, q.tab.filterWrite} {
		e := both[i*q.tab.eventSize:]
		q.tab.keventIdent.PutUint(e, q.tab.order, uint64(num))
		q.tab.keventFilter.PutInt(e, q.tab.order, filter)
		q.tab.keventFlags.PutUint(e, q.tab.order, flags)
	}
	_, err := p.call(opKevent, backends.Int(uintptr(q.fd)), backends.Mem(both, backends.In), backends.Int(2),
		backends.Arg{}, backends.Arg{}, backends.Arg{})
	return err
}

func (q *kqueueQueue) add(p *Process, num int) error {
	return q.change(p, num, q.tab.evAdd|q.tab.evClear)
}

func (q *kqueueQueue) remove(p *Process, num int) { _ = q.change(p, num, q.tab.evDelete) }

func (q *kqueueQueue) wait(p *Process, report func(num int, read, write bool)) error {
	n, err := p.call(opKevent, backends.Int(uintptr(q.fd)), backends.Arg{}, backends.Arg{},
		backends.Mem(q.buf, backends.Out), backends.Int(pollBatch), backends.Arg{})
	if err != nil {
		return err
	}
	if n > pollBatch {
		return fmt.Errorf("kevent reported %d events into room for %d", n, pollBatch)
	}
	for i := range int(n) {
		e := q.buf[i*q.tab.eventSize:]
		filter := q.tab.keventFilter.Int(e, q.tab.order)
		end := q.tab.keventFlags.Uint(e, q.tab.order)&q.tab.evEOF != 0
		report(int(q.tab.keventIdent.Uint(e, q.tab.order)),
			end || filter == q.tab.filterRead, end || filter == q.tab.filterWrite)
	}
	return nil
}

func (q *kqueueQueue) close(p *Process) { _, _ = p.call(opClose, backends.Int(uintptr(q.fd))) }
