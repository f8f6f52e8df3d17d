package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/rump/sysproxy"
)

// A client is one connection, and the process behind it.
type client struct {
	s    *Server
	conn *sysproxy.Conn
	text atomic.Pointer[string] // how the log calls it

	guest backends.Guest // set by the handshake
	calls bool           // it sends sysproxy.Call

	mu        sync.Mutex
	cancels   map[uint64]chan struct{} // of calls that may be interrupted, by request
	questions map[uint64]*question
	asked     uint64
	underWay  int       // calls
	answering int       // calls that were, and whose answers are being sent
	memory    int       // that both brought
	room      sync.Cond // told when an answer was sent
	inExec    bool
	ended     bool // it was told
	gone      bool // the connection has ended

	turn    turn
	watched atomic.Bool
	quiet   int        // rounds of the watcher without a call; its own
	readErr chan error // why reading ended

	raising int // signals that are on their way

	rebooting atomic.Uint64 // request of a call that may halt the kernel, plus 1
	work      sync.WaitGroup
}

func newClient(s *Server, conn net.Conn) *client {
	// A message may be as large as the memory that a client may bring, and
	// what describes it.
	c := &client{
		s: s, conn: sysproxy.NewConn(conn, s.o.MaxMemory+sysproxy.MaxRefs*32),
		cancels: map[uint64]chan struct{}{}, questions: map[uint64]*question{}, readErr: make(chan error, 1),
	}
	c.room.L = &c.mu
	text := conn.RemoteAddr().String()
	c.text.Store(&text)
	return c
}

func (c *client) name() string { return *c.text.Load() }

// run serves the client until the connection ends, and its process then.
func (c *client) run() {
	err := c.open()
	if err == nil {
		c.work.Go(c.watch)
		c.work.Go(c.readAll)
		err = <-c.readErr
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		c.s.o.Log.Warn("connection failed", "client", c.name(), "error", err)
	}
	c.mu.Lock()
	c.gone = true
	c.mu.Unlock()
	c.failQuestions()
	if c.guest != nil {
		_ = c.guest.Close()
	}
	c.work.Wait()
	c.conn.Close()
}

// open greets the client and makes its process.
func (c *client) open() error {
	if err := c.conn.SetDeadline(time.Now().Add(c.s.o.Patience)); err != nil {
		return err
	}
	if err := c.conn.WriteBanner(c.s.banner); err != nil {
		return err
	}
	if err := c.introduce(); err != nil {
		return err
	}
	return c.conn.SetDeadline(time.Time{})
}

// readAll reads what the client sends, until the connection ends or another
// goroutine does so instead.
func (c *client) readAll() {
	for {
		h, err := c.conn.Next()
		if err == nil {
			err = c.handle(h)
		}
		switch err {
		case nil:
		case errTakenOver:
			return
		default:
			c.readErr <- err
			return
		}
	}
}

// watch tells the client when its process has ended.
func (c *client) watch() {
	<-c.guest.Done()
	c.end(sysproxy.EndProcess, nil)
}

// kernelEnded tells the client why there is no kernel any more.
func (c *client) kernelEnded(err error) {
	var crash *backends.PanicError
	if errors.As(err, &crash) {
		console := crash.Console[max(0, len(crash.Console)-8<<10):]
		c.end(sysproxy.EndPanic, sysproxy.Encode(sysproxy.EndReport{Reason: sysproxy.Text(crash.Reason), Console: sysproxy.Text(console)}))
		return
	}
	c.end(sysproxy.EndKernel, nil)
}

// end says a last word to a client that would understand it, and hangs up.
func (c *client) end(kind uint32, report []byte) {
	c.mu.Lock()
	first := !c.ended
	c.ended = true
	tell := first && c.calls && !c.gone
	c.mu.Unlock()
	if tell {
		_ = c.conn.SetWriteDeadline(time.Now().Add(time.Second))
		_ = c.conn.Send(sysproxy.Header{Class: sysproxy.Request, Type: sysproxy.TypeEnd, Arg: kind}, report)
	}
	if first {
		c.conn.Close()
	}
}

// introduce waits for the handshake that comes first.
func (c *client) introduce() error {
	h, err := c.conn.Next()
	if err != nil {
		return err
	}
	if h.Class != sysproxy.Request || h.Type != sysproxy.TypeHandshake {
		return c.hangUp(h, sysproxy.ErrAuth)
	}
	payload, err := c.conn.ReadAll(sysproxy.MaxText)
	if err != nil {
		return c.hangUp(h, sysproxy.ErrMalformed)
	}
	kind := sysproxy.Handshake(h.Arg)
	c.mu.Lock() // the kernel may end now
	c.calls = kind == sysproxy.HandshakeNewProcess || kind == sysproxy.HandshakeForked
	c.mu.Unlock()
	switch kind {
	case sysproxy.HandshakeGuest, sysproxy.HandshakeNewProcess:
		err = c.newProcess(sysproxy.Name(payload))
	case sysproxy.HandshakeFork, sysproxy.HandshakeForked:
		err = c.forked(payload)
	default:
		err = sysproxy.ErrAuth
	}
	var refused sysproxy.Error
	if errors.As(err, &refused) {
		return c.hangUp(h, refused)
	}
	if err != nil {
		return err
	}
	return c.welcome(h, kind)
}

func (c *client) newProcess(name string) error {
	var m backends.GuestMemory
	if !c.calls {
		m = c
	}
	g, err := c.s.k.NewGuest(context.Background(), name, m)
	if err != nil {
		c.s.o.Log.Warn("new process", "client", c.name(), "error", err)
		return sysproxy.ErrForkFailed
	}
	c.setGuest(g, name)
	return nil
}

func (c *client) forked(payload []byte) error {
	f, err := sysproxy.ParseFork(payload)
	if err != nil {
		return err
	}
	g, err := c.s.claim(f.Token)
	if err != nil {
		return err
	}
	if f.Cancel {
		_ = g.Close()
		return io.EOF
	}
	if !c.calls {
		g.SetMemory(c)
	}
	c.setGuest(g, "forked")
	return nil
}

func (c *client) setGuest(g backends.Guest, name string) {
	c.guest = g
	text := fmt.Sprintf("%s (process %d)", name, g.ID())
	c.text.Store(&text)
	c.s.o.Log.Debug("client", "name", text)
}

// welcome answers a handshake.
func (c *client) welcome(h sysproxy.Header, kind sysproxy.Handshake) error {
	answer := make([]byte, sysproxy.StatusSize)
	sysproxy.PutStatus(answer, 0)
	if c.calls {
		info := sysproxy.Info{PID: c.guest.ID()}
		if kind == sysproxy.HandshakeNewProcess {
			c.s.describe(&info)
		}
		answer = append(answer, sysproxy.Encode(info)...)
	}
	return c.conn.Send(sysproxy.Header{Request: h.Request, Class: sysproxy.Response, Type: sysproxy.TypeHandshake}, answer)
}

// describe says which kernel this is.
func (s *Server) describe(info *sysproxy.Info) {
	a := s.k.ABI()
	info.OS, info.Arch, info.Kernel = a.OS, a.Arch, sysproxy.Text(s.o.Name)
	info.MaxMemory, info.MaxCalls = s.o.MaxMemory, s.o.MaxCalls
	for _, n := range a.Calls() {
		if n.Value >= 0 && n.Value < 1<<16 {
			info.Calls = append(info.Calls, uint16(n.Value))
		}
	}
	info.Capabilities = map[string]sysproxy.Text{}
	for name, reason := range s.k.Capabilities() {
		info.Capabilities[string(name)] = sysproxy.Text(reason)
	}
}

// refuse answers a request with an error.
func (c *client) refuse(h sysproxy.Header, e sysproxy.Error) error {
	return c.conn.Send(sysproxy.Header{Request: h.Request, Class: sysproxy.Failure, Arg: uint32(e)}, nil)
}

// hangUp is refuse of what no client may do.
func (c *client) hangUp(h sysproxy.Header, e sysproxy.Error) error {
	_ = c.refuse(h, e)
	return fmt.Errorf("message of type %d: %w", h.Type, e)
}

// handle handles a message after the handshake. An error ends the connection.
func (c *client) handle(h sysproxy.Header) error {
	if h.Class != sysproxy.Request {
		return c.answered(h)
	}
	switch h.Type {
	case sysproxy.TypeSyscall:
		return c.syscall(h)
	case sysproxy.TypeCall:
		if !c.calls {
			break // the kernel would ask for what the call did not bring
		}
		return c.call(h)
	case sysproxy.TypeInterrupt:
		c.interrupt(h.Request)
		return nil
	case sysproxy.TypePrefork:
		return c.prefork(h)
	case sysproxy.TypeHandshake:
		return c.exec(h)
	}
	return c.refuse(h, sysproxy.ErrMalformed)
}

func (c *client) prefork(h sysproxy.Header) error {
	fds := backends.CopiedDescriptors
	if c.calls {
		fds = backends.Descriptors(h.Arg)
	}
	if c.executing() {
		return c.hangUp(h, sysproxy.ErrInExec)
	}
	token, err := c.s.prefork(c, fds)
	var refused sysproxy.Error
	if errors.As(err, &refused) {
		return c.refuse(h, refused)
	}
	return c.conn.Send(sysproxy.Header{Request: h.Request, Class: sysproxy.Response, Type: sysproxy.TypePrefork}, token[:])
}

func (c *client) executing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.inExec
}

// exec handles the only handshake that may come later: the process runs
// another program, which goes on with the connection.
func (c *client) exec(h sysproxy.Header) error {
	if sysproxy.Handshake(h.Arg) != sysproxy.HandshakeExec {
		return c.hangUp(h, sysproxy.ErrMalformed)
	}
	payload, err := c.conn.ReadAll(sysproxy.MaxText)
	if err != nil {
		return c.hangUp(h, sysproxy.ErrMalformed)
	}
	c.mu.Lock()
	already := c.inExec
	c.inExec = true
	c.mu.Unlock()
	if already {
		return c.hangUp(h, sysproxy.ErrInExec)
	}
	c.failQuestions() // the program that was asked is not there any more
	c.work.Go(func() {
		err := c.guest.Exec(sysproxy.Name(payload))
		c.mu.Lock()
		c.inExec = false
		c.mu.Unlock()
		if err != nil {
			_ = c.refuse(h, sysproxy.ErrForkFailed)
			return
		}
		var status [sysproxy.StatusSize]byte
		_ = c.conn.Send(sysproxy.Header{Request: h.Request, Class: sysproxy.Response, Type: sysproxy.TypeHandshake}, status[:])
	})
	return nil
}
