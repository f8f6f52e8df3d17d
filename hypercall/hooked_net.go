package hypercall

import (
	"bytes"
	"sync"
)

type hookedNet struct {
	h *Hooks
	Net
}

func (n hookedNet) Attach(nic NIC, receive func(frame []byte)) (Link, error) {
	nic.Segments = nil // hooks see frames as they are on the cable
	l := &hookedLink{h: n.h, nic: nic.Name, receive: receive, link: nowhere{}}
	ev := Event{Name: EventAttach, Args: Fields{{"nic", nic.Name}, {"mac", bytes.Clone(nic.MAC)}}}
	n.h.Emit(&ev, func() {
		link, err := n.Net.Attach(nic, l.in)
		if ev.Err = err; err == nil {
			l.link = link
		}
	})
	if ev.Err != nil {
		l.link.Close()
		return nil, ev.Err
	}
	if a, ok := l.link.(Addressed); ok {
		return addressedLink{l, a}, nil
	}
	return l, nil
}

// An addressedLink is one that decides on the interface's address.
type addressedLink struct {
	*hookedLink
	Addressed
}

// nowhere is the link of a cable that a hook answers for.
type nowhere struct{}

func (nowhere) Send([]byte)  {}
func (nowhere) Close() error { return nil }

type hookedLink struct {
	h       *Hooks
	nic     string
	receive func([]byte)
	link    Link

	// A frame that is late may come when the plug has been pulled. late is held
	// for reading while it is passed on; others are waited for by link.
	late   sync.RWMutex
	closed bool
}

func (l *hookedLink) Send(frame []byte) { l.pass("out", frame, func(b []byte) { l.link.Send(b) }) }

func (l *hookedLink) in(frame []byte) { l.pass("in", frame, l.receive) }

func (l *hookedLink) pass(dir string, frame []byte, do func([]byte)) {
	ev := Event{Name: EventFrame, Args: Fields{{"nic", l.nic}, {"dir", dir}, {"data", frame}}}
	l.h.emit(&ev, func() {
		data := ev.Args.Bytes("data")
		if ev.Delay <= 0 {
			do(data)
			return
		}
		data = bytes.Clone(data)
		l.h.after(ev.Delay, func() {
			l.late.RLock()
			defer l.late.RUnlock()
			if !l.closed {
				do(data)
			}
		})
	})
}

func (l *hookedLink) Close() error {
	l.late.Lock()
	l.closed = true
	l.late.Unlock()
	return l.link.Close()
}
