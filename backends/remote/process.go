package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/rump/sysproxy"
	"github.com/anykernel/anykernel/sys/abi"
)

// A Process is a process of a kernel in another process: a connection.
type Process struct {
	k    *Kernel
	pid  int
	conn *sysproxy.Conn
	// slots holds one for each call under way: the server takes so many.
	slots chan struct{}

	mu      sync.Mutex
	waiting map[uint64]*request
	next    uint64 // number of the last request
	err     error  // why no more can be made
	areas   map[uint16]*request
	area    uint16
	done    chan struct{} // closed when the process has ended
	reader  reader
	closing atomic.Bool // by Close
}

var _ backends.Process = (*Process)(nil)

func newProcess(k *Kernel, c *sysproxy.Conn, pid int) *Process {
	p := &Process{
		k: k, pid: pid, conn: c, next: firstRequest, slots: make(chan struct{}, k.maxCalls()),
		waiting: map[uint64]*request{}, areas: map[uint16]*request{}, done: make(chan struct{}),
	}
	p.reader.wake = make(chan struct{}, 1)
	return p
}

// ID is the process number that the kernel gave. A rump_server does not tell,
// and then it is found by getpid.
func (p *Process) ID() int { return p.pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Call makes a raw call; see [backends.Process].
func (p *Process) Call(c backends.Call) (r0, r1 uintptr, err error) {
	if isClosed(c.Cancel) {
		return 0, 0, backends.ErrInterrupted
	}
	if err := p.enter(c.Cancel); err != nil {
		return 0, 0, err
	}
	r := requests.Get().(*request)
	if p.k.banner.Calls {
		err = r.bring(p, &c)
	} else {
		err = r.syscall(p, &c)
	}
	if err == nil {
		r0, r1, err = r.values(p)
	}
	r.free()
	<-p.slots
	if err == backends.ErrExited && p.k.Err() != nil {
		err = p.k.Err() // the server ended it for that
	}
	return r0, r1, err
}

// enter waits for a slot.
func (p *Process) enter(cancel <-chan struct{}) error {
	select {
	case p.slots <- struct{}{}:
		return nil
	default:
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-cancel:
		return backends.ErrInterrupted
	case <-p.done:
		return p.err
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// register gives a request its number.
func (p *Process) register(r *request) (uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return 0, p.err
	}
	p.next++
	p.waiting[p.next] = r
	r.number, r.passive = p.next, false
	return p.next, nil
}

// take finds the request that an answer is for.
func (p *Process) take(n uint64) *request {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.waiting[n]
	if r != nil && r.passive {
		p.reader.passive--
	}
	delete(p.waiting, n)
	return r
}

// An ending is why a server hung up.
type ending uint32

func (e ending) Error() string { return fmt.Sprintf("end of kind %d", uint32(e)) }

// handle handles a message. An error ends the connection.
func (p *Process) handle(h sysproxy.Header) error {
	if h.Class == sysproxy.Request {
		if h.Type == sysproxy.TypeEnd {
			return p.ended(h)
		}
		return p.serve(h)
	}
	r := p.take(h.Request)
	if r == nil {
		return nil // it was given up
	}
	err := r.answered(h, p.conn)
	if err != nil && r.err == nil {
		r.err = err
	}
	r.done <- struct{}{}
	return err
}

// ended takes the last word of a server.
func (p *Process) ended(h sysproxy.Header) error {
	b, err := p.conn.ReadAll(sysproxy.MaxText)
	if err != nil {
		return err
	}
	if h.Arg == sysproxy.EndPanic {
		var report sysproxy.EndReport
		if err := sysproxy.Decode(b, &report); err != nil {
			return err
		}
		p.k.crashed(report)
	}
	if h.Arg == sysproxy.EndKernel {
		p.k.end(backends.ErrClosed)
	}
	return ending(h.Arg)
}

// fail ends all requests for the end of the connection.
func (p *Process) fail(err error) {
	why := p.why(err)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = why
	for n, r := range p.waiting {
		r.err = why
		r.done <- struct{}{}
		delete(p.waiting, n)
	}
}

// why says what the end of the connection means.
func (p *Process) why(err error) error {
	var e ending
	mine := errors.As(err, &e) && uint32(e) == sysproxy.EndProcess || p.closing.Load()
	hungUp := !p.k.banner.Calls && p != p.k.init // a rump_server says no last word
	if p.k.Err() == nil && !mine && !hungUp {
		p.k.lost(err)
	}
	if err := p.k.Err(); err != nil {
		return err
	}
	return backends.ErrExited
}

// Fork makes a child: it is prepared on the connection of its parent, and then
// gets its own.
func (p *Process) Fork(ctx context.Context, fds backends.Descriptors) (backends.Process, error) {
	if !p.k.banner.Calls && fds != backends.CopiedDescriptors {
		return p.forkPlain(ctx, fds)
	}
	return p.fork(ctx, fds)
}

// forkPlain forks at a rump_server, which only makes copies of descriptors.
func (p *Process) forkPlain(ctx context.Context, fds backends.Descriptors) (backends.Process, error) {
	if fds == backends.SharedDescriptors {
		return nil, fmt.Errorf("a child that shares descriptors, of a rump_server: %w", backends.ErrNotSupported)
	}
	child, err := p.fork(ctx, backends.CopiedDescriptors)
	if err != nil {
		return nil, err
	}
	if err := child.closeFrom(ctx, 0); err != nil {
		return nil, errors.Join(fmt.Errorf("closing inherited descriptors: %w", err), child.Close())
	}
	return child, nil
}

func (p *Process) fork(ctx context.Context, fds backends.Descriptors) (*Process, error) {
	r := requests.Get().(*request)
	defer r.free()
	r.want = sysproxy.TypePrefork
	n, err := p.register(r)
	if err != nil {
		return nil, err
	}
	err = p.conn.Send(sysproxy.Header{Request: n, Class: sysproxy.Request, Type: sysproxy.TypePrefork, Arg: uint32(fds)}, nil)
	if err := p.await(r, err); err != nil {
		return nil, err
	}
	c, info, err := p.k.hello(ctx, &r.token)
	if err != nil {
		return nil, fmt.Errorf("fork: %w", err)
	}
	child, err := p.k.start(c, info)
	if err == nil && child.pid == 0 {
		err = child.findID(ctx)
	}
	return child, err
}

// await waits for the answer to a request, which was sent with err.
func (p *Process) await(r *request, err error) error {
	if err != nil {
		p.sendFailed()
	}
	if !p.look(r) {
		p.leaveReading(r)
		<-r.done
	}
	return r.err
}

// sendFailed ends the connection, and so all requests. What the server said last,
// such as that the process has exited, may not have been read yet: that comes
// first.
func (p *Process) sendFailed() {
	_ = p.conn.CloseWrite() // it may be closed
	time.AfterFunc(hangTime, func() { p.conn.Close() })
}

// hangTime bounds how long a server may take to end a process.
const hangTime = 10 * time.Second

// hangUp ends the process and waits for its end.
func (p *Process) hangUp() {
	p.closing.Store(true)
	if err := p.conn.CloseWrite(); err != nil && !errors.Is(err, net.ErrClosed) {
		p.conn.Close()
	}
	overdue := time.AfterFunc(hangTime, func() { p.conn.Close() })
	<-p.done
	overdue.Stop()
}

// Close ends the process.
func (p *Process) Close() error {
	if p == p.k.init {
		return errors.New("the first process lives as long as the connection")
	}
	p.hangUp()
	return nil
}

// errnoOf is the number of an error of the kernel's, 0 for others.
func errnoOf(err error) abi.Errno {
	var e abi.Errno
	errors.As(err, &e)
	return e
}
