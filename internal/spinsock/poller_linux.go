package spinsock

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A poller waits for the sockets that are armed: by an epoll of its own, which
// the runtime's poller waits for. So waiting holds no thread.
type poller struct {
	file *os.File
	fd   int

	mu      sync.Mutex
	sockets map[int32]*socket // by descriptor
}

// current is the poller of all sockets. It is there as long as they are.
var current struct {
	sync.Mutex
	p *poller
}

// register finds a poller for a socket, which waits for nothing yet.
func register(s *socket) (err error) {
	current.Lock()
	defer current.Unlock()
	if current.p == nil {
		if current.p, err = newPoller(); err != nil {
			return err
		}
	}
	s.poller = current.p
	err = s.poller.add(s)
	current.p.endIfUnused()
	return err
}

// unregister takes a socket away before it is closed.
func unregister(s *socket) {
	current.Lock()
	defer current.Unlock()
	s.poller.remove(s.fd)
	s.poller.endIfUnused()
}

// endIfUnused ends the current poller when it has no sockets. current is locked.
func (p *poller) endIfUnused() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.sockets) == 0 {
		current.p = nil
		p.file.Close() // and so run ends
	}
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	_ = unix.SetNonblock(fd, true) // and so the runtime's poller takes it
	p := &poller{file: os.NewFile(uintptr(fd), "epoll"), fd: fd, sockets: map[int32]*socket{}}
	raw, err := p.file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, p.file.Close())
	}
	go p.run(raw)
	return p, nil
}

// run hands out what happens, until the poller is closed.
func (p *poller) run(raw syscall.RawConn) {
	events := make([]unix.EpollEvent, 128)
	for {
		n := 0
		err := raw.Read(func(fd uintptr) bool {
			n, _ = unix.EpollWait(int(fd), events, 0)
			return n > 0
		})
		if err != nil {
			return
		}
		for _, e := range events[:n] {
			p.mu.Lock()
			s := p.sockets[e.Fd]
			p.mu.Unlock()
			if s != nil {
				s.fired(e.Events)
			}
		}
	}
}

func (p *poller) add(s *socket) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := unix.EpollEvent{Events: unix.EPOLLONESHOT, Fd: int32(s.fd)}
	if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, s.fd, &e); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	p.sockets[int32(s.fd)] = s
	return nil
}

func (p *poller) arm(fd int, events uint32) error {
	e := unix.EpollEvent{Events: events | unix.EPOLLONESHOT, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, fd, &e))
}

func (p *poller) remove(fd int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, fd, nil)
	delete(p.sockets, int32(fd))
}
