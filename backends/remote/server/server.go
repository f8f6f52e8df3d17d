package server

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/rump/sysproxy"
)

// Options are a server's limits. The zero Options have those of the comments.
type Options struct {
	// Name is the specification that the kernel was opened with.
	Name string
	// MaxClients bounds the connections: 256.
	MaxClients int
	// MaxCalls bounds the calls that a client has under way: 1024.
	MaxCalls int
	// MaxMemory bounds the memory that the calls of a client which are under
	// way bring, in bytes: 64 MiB. It is at least MinMemory.
	MaxMemory int
	// Patience is how long a client may take to read or to answer: 30 s.
	Patience time.Duration
	// Log receives what clients do wrong. nil: nothing.
	Log hclog.Logger
}

// MinMemory is the least MaxMemory.
const MinMemory = 1 << 20

func (o *Options) setDefaults() {
	set := func(v *int, to int) {
		if *v <= 0 {
			*v = to
		}
	}
	set(&o.MaxClients, 256)
	set(&o.MaxCalls, 1024)
	set(&o.MaxMemory, 64<<20)
	o.MaxMemory = max(o.MaxMemory, MinMemory)
	if o.Patience <= 0 {
		o.Patience = 30 * time.Second
	}
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
}

// A Server offers one kernel. Its methods are safe for concurrent use.
type Server struct {
	k      backends.GuestKernel
	o      Options
	banner sysproxy.Banner

	mu        sync.Mutex
	clients   map[*client]struct{}
	listeners map[net.Listener]struct{}
	forks     map[sysproxy.Token]*pendingFork
	closed    bool
	quit      chan struct{} // closed with it
	watcher   watcher
	work      sync.WaitGroup
}

// ErrClosed is the error of Serve after Close.
var ErrClosed = errors.New("server is closed")

// New makes a server for a kernel that was opened for guests. It does not own
// the kernel.
func New(k backends.Kernel, o Options) (*Server, error) {
	g, ok := k.(backends.GuestKernel)
	if !ok {
		return nil, fmt.Errorf("kernel %s cannot be served: its processes would reach the server's memory", o.Name)
	}
	o.setDefaults()
	name, release, machine := g.System()
	s := &Server{
		k: g, o: o, banner: sysproxy.Banner{OS: name, Release: release, Machine: machine, Calls: true},
		clients: map[*client]struct{}{}, listeners: map[net.Listener]struct{}{},
		forks: map[sysproxy.Token]*pendingFork{}, quit: make(chan struct{}),
		watcher: watcher{clients: map[*client]uint64{}},
	}
	s.work.Go(s.watch)
	return s, nil
}

// watch cuts off clients that keep others waiting, and all when the kernel
// ends.
func (s *Server) watch() {
	tick := time.NewTicker(s.o.Patience / 4)
	defer tick.Stop()
	for {
		select {
		case <-s.quit:
			return
		case <-s.k.Done():
			s.tellAll(s.k.Err())
			return
		case now := <-tick.C:
			s.expire(now)
			for _, c := range s.all() {
				if c.stuck(now.Add(-s.o.Patience)) {
					s.o.Log.Warn("client does not read, answer or end its message", "client", c.name())
					c.conn.Close()
				}
			}
		}
	}
}

// tellAll cuts off all clients. Those that do not read make no other wait.
func (s *Server) tellAll(err error) {
	var told sync.WaitGroup
	for _, c := range s.all() {
		told.Go(func() { c.kernelEnded(err) })
	}
	told.Wait()
}

func (s *Server) all() []*client {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*client
	for c := range s.clients {
		list = append(list, c)
	}
	return list
}

// Serve takes connections from l until l fails or the server is closed. It
// closes l.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
	}()
	for {
		conn, err := l.Accept()
		if err == nil {
			s.accept(conn)
			continue
		}
		if s.isClosed() {
			return ErrClosed
		}
		if e, ok := err.(net.Error); ok && e.Timeout() {
			continue
		}
		return err
	}
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// accept starts a client.
func (s *Server) accept(conn net.Conn) {
	c := newClient(s, conn)
	s.mu.Lock()
	if s.closed || len(s.clients) >= s.o.MaxClients {
		s.mu.Unlock()
		s.o.Log.Warn("too many clients", "refused", c.name())
		c.conn.Close()
		return
	}
	s.clients[c] = struct{}{}
	s.work.Go(func() {
		c.run()
		s.mu.Lock()
		delete(s.clients, c)
		s.mu.Unlock()
	})
	s.mu.Unlock()
}

// Close closes the listeners and cuts off all clients. It returns when their
// processes have ended.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.quit)
		for l := range s.listeners {
			l.Close()
		}
	}
	s.mu.Unlock()
	s.tellAll(backends.ErrClosed)
	s.work.Wait()
	s.expire(time.Time{})
	return nil
}
