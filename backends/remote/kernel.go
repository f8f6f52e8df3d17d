package remote

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/rump/sysproxy"
	"github.com/anykernel/anykernel/sys/abi"
)

// A Kernel is a kernel in another process.
type Kernel struct {
	name   string // for PanicError
	dial   dialer
	owner  backends.Owner // nil: nobody's
	banner sysproxy.Banner
	info   sysproxy.Info
	abi    *abi.ABI
	caps   backends.Capabilities
	init   *Process

	mu        sync.Mutex
	processes map[*Process]struct{}
	closing   atomic.Bool
	closed    chan struct{} // closed when Close is over

	once sync.Once
	err  error         // set before done is closed
	done chan struct{} // closed when the kernel has ended
}

var _ backends.Kernel = (*Kernel)(nil)

// connect opens a kernel by a connection, and takes over o.
func connect(ctx context.Context, name string, d dialer, o backends.Owner) (*Kernel, error) {
	k := &Kernel{
		name: name, dial: d, owner: o,
		processes: map[*Process]struct{}{}, done: make(chan struct{}), closed: make(chan struct{}),
	}
	err := k.newInit(ctx)
	if err == nil {
		err = k.identify(ctx)
	}
	if err != nil {
		if o != nil && ctx.Err() == nil {
			err = o.Died(err)
		}
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

// identify finds out which kernel is there.
func (k *Kernel) identify(ctx context.Context) (err error) {
	if k.banner.Calls {
		if k.abi, err = abiOf(k.info.OS, k.info.Arch); err != nil {
			return err
		}
		k.abi = k.abi.Restrict(k.info.Calls)
		k.caps = backends.Capabilities{}
		for name, reason := range k.info.Capabilities {
			k.caps[backends.Capability(name)] = string(reason)
		}
		return nil
	}
	if k.abi, err = abiOf(systems[k.banner.OS], machines[k.banner.Machine]); err != nil {
		return fmt.Errorf("the server offers %s for %s: %w", k.banner.OS, k.banner.Machine, err)
	}
	return k.probe(ctx)
}

// ABI is that of the kernel there.
func (k *Kernel) ABI() *abi.ABI { return k.abi }

// Capabilities is what the kernel there can do for a client.
func (k *Kernel) Capabilities() backends.Capabilities { return k.caps }

// Init is the first process of this connection.
func (k *Kernel) Init() backends.Process { return k.init }

// Done is closed when the kernel is closed here or there, or lost.
func (k *Kernel) Done() <-chan struct{} { return k.done }

// Err is nil while the kernel is there; then a *backends.PanicError where it
// crashed or was lost, or backends.ErrClosed.
func (k *Kernel) Err() error {
	select {
	case <-k.done:
		return k.err
	default:
		return nil
	}
}

// end remembers why the kernel ended. Only the first reason counts.
func (k *Kernel) end(err error) {
	k.once.Do(func() {
		k.err = err
		close(k.done)
	})
}

// lost ends the kernel for a connection that ended by itself.
func (k *Kernel) lost(err error) {
	if k.closing.Load() {
		k.end(backends.ErrClosed)
		return
	}
	if k.owner != nil {
		k.end(k.owner.Died(err))
		return
	}
	k.end(&backends.PanicError{Kernel: k.name, Reason: fmt.Sprintf("the connection was lost: %v", err)})
}

// crashed ends the kernel for a report of the server's.
func (k *Kernel) crashed(r sysproxy.EndReport) {
	k.end(&backends.PanicError{Kernel: k.name, Reason: string(r.Reason), Console: []byte(r.Console)})
}

func (k *Kernel) all() []*Process {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []*Process
	for p := range k.processes {
		list = append(list, p)
	}
	return list
}

// Close ends the processes of this connection. The kernel there goes on,
// unless it runs for this one alone.
func (k *Kernel) Close() error {
	if k.closing.Swap(true) {
		<-k.closed
		return nil
	}
	k.end(backends.ErrClosed)
	var wg sync.WaitGroup
	for _, p := range k.all() {
		wg.Go(p.hangUp)
	}
	wg.Wait()
	var err error
	if k.owner != nil {
		err = k.owner.Close()
	}
	close(k.closed)
	return err
}

// hello dials a server, reads its banner and introduces itself: by name, or as
// the process that was forked for a token.
func (k *Kernel) hello(ctx context.Context, token *sysproxy.Token) (c *sysproxy.Conn, info sysproxy.Info, err error) {
	raw, err := k.dial(ctx)
	if err != nil {
		return nil, info, err
	}
	conn := sysproxy.NewConn(raw, maxMessage)
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() {
			err = errors.Join(err, context.Cause(ctx))
		}
		if err != nil {
			conn.Close()
		}
	}()
	banner, err := conn.ReadBanner()
	if err != nil {
		return nil, info, err
	}
	if token == nil {
		k.banner = banner
	} else if banner != k.banner {
		return nil, info, errors.New("there is another kernel now at the same address")
	}
	if err := conn.Send(handshake(banner.Calls, token), greeting(token)); err != nil {
		return nil, info, err
	}
	info, err = k.welcomed(conn)
	return conn, info, err
}

// firstRequest is the number of the handshake.
const firstRequest = 1

func handshake(calls bool, token *sysproxy.Token) sysproxy.Header {
	kind := sysproxy.HandshakeGuest
	switch {
	case calls && token != nil:
		kind = sysproxy.HandshakeForked
	case calls:
		kind = sysproxy.HandshakeNewProcess
	case token != nil:
		kind = sysproxy.HandshakeFork
	}
	return sysproxy.Header{Request: firstRequest, Class: sysproxy.Request, Type: sysproxy.TypeHandshake, Arg: uint32(kind)}
}

func greeting(token *sysproxy.Token) []byte {
	if token == nil {
		name := filepath.Base(os.Args[0])
		return append([]byte(name[:min(len(name), sysproxy.MaxName)]), 0)
	}
	b := make([]byte, sysproxy.ForkSize)
	(&sysproxy.Fork{Token: *token}).Put(b)
	return b
}

// welcomed reads the answer to a handshake.
func (k *Kernel) welcomed(c *sysproxy.Conn) (info sysproxy.Info, err error) {
	h, err := c.Next()
	if err != nil {
		return info, fmt.Errorf("no answer to the handshake: %w", err)
	}
	if h.Class == sysproxy.Failure {
		return info, sysproxy.Error(h.Arg)
	}
	if h.Class != sysproxy.Response || h.Type != sysproxy.TypeHandshake || h.Request != firstRequest {
		return info, fmt.Errorf("no answer to the handshake, but a message of type %d: %w", h.Type, sysproxy.ErrMalformed)
	}
	b, err := c.ReadAll(sysproxy.MaxText)
	if err != nil {
		return info, err
	}
	errno, rest, err := sysproxy.ParseStatus(b)
	if err == nil && errno != 0 {
		err = abi.Errno(errno)
	}
	if err == nil && len(rest) > 0 {
		err = sysproxy.Decode(rest, &info)
	}
	if err == nil && (info.PID < 0 || info.PID > 1<<30) {
		err = sysproxy.ErrMalformed
	}
	return info, err
}

// newInit makes the first process of this connection.
func (k *Kernel) newInit(ctx context.Context) error {
	c, info, err := k.hello(ctx, nil)
	if err != nil {
		return err
	}
	k.info = info
	_, err = k.start(c, info)
	return err
}

// start is a process for a connection that has been introduced.
func (k *Kernel) start(c *sysproxy.Conn, info sysproxy.Info) (*Process, error) {
	p := newProcess(k, c, info.PID)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closing.Load() {
		c.Close()
		return nil, backends.ErrClosed
	}
	k.processes[p] = struct{}{}
	if k.init == nil {
		k.init = p
	}
	go p.receive()
	return p, nil
}

func (k *Kernel) forget(p *Process) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.processes, p)
}

// limits of a call where the server did not say.
const (
	maxMemory  = 64 << 20
	maxMessage = maxMemory + sysproxy.MaxRefs*32
)

// maxMemory is how much memory a call may bring.
func (k *Kernel) maxMemory() int {
	if k.info.MaxMemory > 0 {
		return min(k.info.MaxMemory, maxMemory)
	}
	return maxMemory
}

// maxCalls is how many calls of a process may be under way.
func (k *Kernel) maxCalls() int {
	if n := k.info.MaxCalls; n > 0 && n < plainCalls {
		return n
	}
	return plainCalls
}

// plainCalls is more than the threads that a rump_server has for calls.
const plainCalls = 1024

// callNumbers is numbers for [abi.ABI.Restrict].
func callNumbers(a *abi.ABI, has func(n int64) bool) []uint16 {
	var list []uint16
	for _, c := range a.Calls() {
		if c.Value >= 0 && c.Value < 1<<16 && has(c.Value) {
			list = append(list, uint16(c.Value))
		}
	}
	slices.Sort(list)
	return list
}
