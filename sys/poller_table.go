package sys

import "github.com/anykernel/anykernel/sys/abi"

// A pollTable is what the poller needs of an ABI: that of epoll or that of
// kqueue.
type pollTable struct {
	order     abi.ByteOrder
	eagain    abi.Errno
	eexist    abi.Errno
	nonblock  uint64
	eventSize int // of struct epoll_event or kevent

	events, eventData                          abi.Field
	epollAdd, epollMod, epollDel, epollCloexec int64
	epollIn, epollOut, epollHangup, epollEdge  uint64
	epollBroken                                uint64 // what concerns both directions
	keventIdent, keventFilter, keventFlags     abi.Field
	filterRead, filterWrite                    int64
	evAdd, evDelete, evClear, evEOF            uint64
}

func newPollTable(a *abi.ABI) pollTable {
	num := func(name string) int64 { v, _ := constant(a, name); return v }
	bits := func(name string) uint64 { return uint64(num(name)) }
	t := pollTable{
		order:    a.Order,
		eagain:   errnoNumber(a, "EAGAIN"),
		eexist:   errnoNumber(a, "EEXIST"),
		nonblock: bits("O_NONBLOCK"),
	}
	if l := a.Layout("epoll_event"); l != nil {
		t.eventSize = l.Size
		t.events, _ = l.Field("events")
		t.eventData, _ = l.Field("data")
		t.epollAdd, t.epollMod, t.epollDel = num("EPOLL_CTL_ADD"), num("EPOLL_CTL_MOD"), num("EPOLL_CTL_DEL")
		t.epollCloexec = num("EPOLL_CLOEXEC")
		t.epollIn, t.epollOut = bits("EPOLLIN"), bits("EPOLLOUT")
		t.epollHangup, t.epollEdge = bits("EPOLLRDHUP"), bits("EPOLLET")
		t.epollBroken = bits("EPOLLERR") | bits("EPOLLHUP")
	}
	if l := a.Layout("kevent"); l != nil {
		t.eventSize = l.Size
		t.keventIdent, _ = l.Field("ident")
		t.keventFilter, _ = l.Field("filter")
		t.keventFlags, _ = l.Field("flags")
		t.filterRead, t.filterWrite = num("EVFILT_READ"), num("EVFILT_WRITE")
		t.evAdd, t.evDelete = bits("EV_ADD"), bits("EV_DELETE")
		t.evClear, t.evEOF = bits("EV_CLEAR"), bits("EV_EOF")
	}
	return t
}
