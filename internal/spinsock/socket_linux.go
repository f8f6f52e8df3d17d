package spinsock

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A socket is a connected stream socket. One goroutine reads at a time, and one
// writes.
type socket struct {
	local, remote net.Addr
	poller        *poller
	in, out       side

	// mu is held for reading while fd is in use, and for writing by Close.
	mu     sync.RWMutex
	fd     int // -1 once it is closed
	once   sync.Once
	closed chan struct{}

	arming sync.Mutex
	armed  uint32 // events that the poller waits for; guarded by arming

	looks int // how often to look; the reader's

	// sent is loaded after all reads and stored before all writes: what was
	// done before a question was sent happens before its answer is read, which
	// the race detector cannot know.
	sent atomic.Bool
}

// A side is one direction of a socket.
type side struct {
	ready    chan struct{} // holds one: something happened
	deadline atomic.Int64  // in ns since 1970, 0 for none
}

// New makes a Conn of a Unix or TCP connection, which is not to be used any
// more. Others it returns as they are, and all where it would be of no use.
func New(c net.Conn) net.Conn {
	raw, ok := c.(interface {
		syscall.Conn
		net.Conn
	})
	if !ok || runtime.NumCPU() == 1 {
		return c
	}
	switch c.(type) {
	case *net.UnixConn, *net.TCPConn:
	default:
		return c
	}
	s, err := adopt(raw)
	if err != nil {
		return c
	}
	c.Close()
	return s
}

// adopt makes a socket of a descriptor of its own.
func adopt(c interface {
	syscall.Conn
	net.Conn
}) (*socket, error) {
	control, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &socket{
		local: c.LocalAddr(), remote: c.RemoteAddr(), closed: make(chan struct{}), looks: mostLooks,
		in: side{ready: make(chan struct{}, 1)}, out: side{ready: make(chan struct{}, 1)},
	}
	e := control.Control(func(fd uintptr) { s.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(e, err); err != nil {
		return nil, err
	}
	if err := register(s); err != nil {
		unix.Close(s.fd)
		return nil, err
	}
	return s, nil
}

func (s *socket) LocalAddr() net.Addr  { return s.local }
func (s *socket) RemoteAddr() net.Addr { return s.remote }

// Numbers of looks and times.
const (
	// mostLooks take about as long as it takes a thread to be woken.
	mostLooks = 128
	// shortWait is a wait, with all wakings in it, that looking may well make
	// shorter.
	shortWait = 400 * time.Microsecond
)

// Read looks, and waits then.
func (s *socket) Read(p []byte) (int, error) {
	n, err := s.look(p)
	if err != ErrNothing {
		return n, s.wrap("read", err)
	}
	start := time.Now()
	for err == ErrNothing {
		if err = s.wait(&s.in, unix.EPOLLIN); err == nil {
			n, err = s.receive(p)
		}
	}
	if time.Since(start) < shortWait {
		s.looks = mostLooks
	} else {
		s.looks = max(s.looks/2, 1)
	}
	return n, s.wrap("read", err)
}

// TryRead looks; see [Conn].
func (s *socket) TryRead(p []byte) (int, error) {
	n, err := s.look(p)
	if err == ErrNothing {
		return 0, err
	}
	return n, s.wrap("read", err)
}

func (s *socket) look(p []byte) (n int, err error) {
	for range s.looks {
		if n, err = s.receive(p); err != ErrNothing {
			break
		}
	}
	return n, err
}

// receive is recv(2) that does not wait. So the scheduler need not know of it.
func (s *socket) receive(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.fd < 0 {
		return 0, net.ErrClosed
	}
	n, _, e := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_DONTWAIT, 0, 0)
	switch {
	case e == unix.EAGAIN || e == unix.EINTR:
		return 0, ErrNothing
	case e != 0:
		return 0, os.NewSyscallError("recv", e)
	case n == 0:
		return 0, io.EOF
	}
	s.sent.Load()
	return int(n), nil
}

// Write waits until all is sent.
func (s *socket) Write(p []byte) (done int, err error) {
	for done < len(p) && err == nil {
		var n int
		n, err = s.send(p[done:])
		done += n
		if err == ErrNothing {
			err = s.wait(&s.out, unix.EPOLLOUT)
		}
	}
	return done, s.wrap("write", err)
}

// send is send(2) that does not wait.
func (s *socket) send(p []byte) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.fd < 0 {
		return 0, net.ErrClosed
	}
	s.sent.Store(true)
	n, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if e == unix.EAGAIN || e == unix.EINTR {
		return 0, ErrNothing
	}
	if e != 0 {
		return 0, os.NewSyscallError("send", e)
	}
	return int(n), nil
}

// wait waits until something happened at a side.
func (s *socket) wait(d *side, events uint32) error {
	var late <-chan time.Time
	if at := d.deadline.Load(); at != 0 {
		left := time.Until(time.Unix(0, at))
		if left <= 0 {
			return os.ErrDeadlineExceeded
		}
		t := time.NewTimer(left)
		defer t.Stop()
		late = t.C
	}
	if err := s.arm(events); err != nil {
		return err
	}
	select {
	case <-d.ready:
		return nil
	case <-s.closed:
		return net.ErrClosed
	case <-late:
		return os.ErrDeadlineExceeded
	}
}

// arm has the poller wait for events.
func (s *socket) arm(events uint32) error {
	s.arming.Lock()
	defer s.arming.Unlock()
	s.armed |= events
	return s.rearm()
}

// fired takes events that happened: the poller waits for none of them any more.
func (s *socket) fired(events uint32) {
	s.arming.Lock()
	defer s.arming.Unlock()
	if events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
		events = unix.EPOLLIN | unix.EPOLLOUT
	}
	if events&unix.EPOLLIN != 0 {
		s.in.poke()
	}
	if events&unix.EPOLLOUT != 0 {
		s.out.poke()
	}
	if s.armed &^= events; s.armed != 0 {
		_ = s.rearm()
	}
}

// rearm tells the poller what to wait for. arming is held.
func (s *socket) rearm() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.fd < 0 {
		return net.ErrClosed
	}
	return s.poller.arm(s.fd, s.armed)
}

func (d *side) poke() {
	select {
	case d.ready <- struct{}{}:
	default:
	}
}

// set sets a deadline and has who waits see it.
func (d *side) set(t time.Time) {
	var ns int64
	if !t.IsZero() {
		ns = max(t.UnixNano(), 1)
	}
	d.deadline.Store(ns)
	d.poke()
}

// SetDeadline sets both deadlines; see [net.Conn].
func (s *socket) SetDeadline(t time.Time) error {
	s.in.set(t)
	s.out.set(t)
	return nil
}

// SetReadDeadline is as in [net.Conn], but what has come is read after it, too.
func (s *socket) SetReadDeadline(t time.Time) error { s.in.set(t); return nil }

// SetWriteDeadline is as in [net.Conn].
func (s *socket) SetWriteDeadline(t time.Time) error { s.out.set(t); return nil }

// CloseWrite tells the other side that nothing more comes.
func (s *socket) CloseWrite() error { return s.shutdown(unix.SHUT_WR) }

func (s *socket) shutdown(how int) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.fd < 0 {
		return s.wrap("close", net.ErrClosed)
	}
	return os.NewSyscallError("shutdown", unix.Shutdown(s.fd, how))
}

// Close closes the socket. Whoever waits for it gets net.ErrClosed.
func (s *socket) Close() error {
	err := s.wrap("close", net.ErrClosed)
	s.once.Do(func() {
		close(s.closed)
		s.mu.Lock()
		defer s.mu.Unlock()
		unregister(s)
		err = os.NewSyscallError("close", unix.Close(s.fd))
		s.fd = -1
	})
	return err
}

// wrap says what was done when an error came.
func (s *socket) wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: s.remote.Network(), Source: s.local, Addr: s.remote, Err: err}
}
