package remote

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/rump/sysproxy"
	"github.com/anykernel/anykernel/sys/abi"
)

// A request waits for its answer. Between its registration and done, the
// goroutine that receives owns it, with the memory of its call. It is used
// again.
type request struct {
	done   chan struct{} // holds one
	want   sysproxy.Type // of the answer
	call   backends.Call
	wire   sysproxy.Call
	buf    []byte
	result sysproxy.Result
	token  sysproxy.Token
	text   string
	err    error       // it was not answered
	fault  atomic.Bool // it has a bad address; see memory.go

	number  uint64 // this and what follows is guarded by Process.mu
	passive bool   // receive reads the answer

	mu    sync.Mutex // of what follows: a call whose memory the server asks for
	area  uint16     // where that is; see memory.go
	given bool       // it was given up: nobody's memory any more
}

var requests = sync.Pool{New: func() any { return &request{done: make(chan struct{}, 1)} }}

func (r *request) free() {
	r.call = backends.Call{} // wire goes with it, and is looked at no more
	r.err, r.text, r.area, r.given = nil, "", 0, false
	r.fault.Store(false)
	requests.Put(r)
}

// onlyMem leaves out the Refs that point to nothing, when LinkTo has stored what
// they are instead.
func onlyMem(refs []backends.Ref) []backends.Ref {
	if !slices.ContainsFunc(refs, func(r backends.Ref) bool { return !r.Mem.IsMem() }) {
		return refs
	}
	var kept []backends.Ref
	index := make([]int, len(refs))
	for i, r := range refs {
		if index[i] = len(kept); !r.Mem.IsMem() {
			continue
		}
		if r.Holder >= backends.MaxArgs {
			r.Holder = backends.MaxArgs + index[r.Holder-backends.MaxArgs]
		}
		kept = append(kept, r)
	}
	return kept
}

// describe makes wire of a call whose pointers all hang together.
func (r *request) describe(c *backends.Call) {
	r.call = *c
	r.call.Refs = onlyMem(c.Refs)
	c = &r.call
	w := &r.wire
	for i := range c.Args {
		a := &c.Args[i]
		w.Dirs[i] = sysproxy.Dir(a.Dir())
		w.Args[i] = uint64(len(a.Bytes()))
		if !a.IsMem() {
			w.Args[i] = uint64(a.Word())
		}
	}
	w.Refs = w.Refs[:0]
	for i := range c.Refs {
		ref := &c.Refs[i]
		w.Refs = append(w.Refs, sysproxy.Ref{
			Holder: uint16(ref.Holder), Dir: sysproxy.Dir(ref.Mem.Dir()), Off: uint32(ref.Off), Len: uint64(len(ref.Mem.Bytes())),
		})
	}
	w.Interruptible = c.Cancel != nil
}

// scalar is what stands where a Ref points to nothing; elsewhere 0.
func scalar(c *backends.Call) func(ref int) uintptr {
	return func(i int) uintptr {
		if a := &c.Refs[i].Mem; !a.IsMem() {
			return a.Word()
		}
		return 0
	}
}

// mem is the memory of a piece.
func (r *request) mem(p sysproxy.Piece) []byte {
	if p.Index < sysproxy.MaxArgs {
		return r.call.Args[p.Index].Bytes()
	}
	return r.call.Refs[p.Index-sysproxy.MaxArgs].Mem.Bytes()
}

// bring sends a call with its memory, and waits for the answer.
func (r *request) bring(p *Process, c *backends.Call) error {
	if len(c.Refs) > 0 {
		// No address of this process goes over the wire.
		if err := c.LinkTo(scalar(c)); err != nil {
			return err
		}
	}
	if len(c.Refs) > sysproxy.MaxRefs {
		return fmt.Errorf("a call with %d pointers in its memory: at most %d are taken", len(c.Refs), sysproxy.MaxRefs)
	}
	r.describe(c)
	r.want = sysproxy.TypeCall
	_, in, _, err := r.wire.Sizes(p.k.maxMemory())
	if err != nil {
		return fmt.Errorf("a call with more memory than the server takes, %d bytes: %w", p.k.maxMemory(), err)
	}
	n, err := p.register(r)
	if err != nil {
		return err
	}
	r.buf = r.wire.Append(r.buf[:0])
	h := sysproxy.Header{Request: n, Class: sysproxy.Request, Type: sysproxy.TypeCall, Arg: uint32(c.Num)}
	p.conn.Begin(h, len(r.buf)+in)
	p.conn.Put(r.buf)
	for piece := range r.wire.Pieces {
		if piece.Dir&sysproxy.In != 0 {
			p.conn.Put(r.mem(piece))
		}
	}
	err = p.conn.End()
	if c.Cancel != nil && err == nil {
		return r.interruptible(p, n, c.Cancel)
	}
	return p.await(r, err)
}

// interruptible waits for an answer that cancel hastens. The memory is the
// kernel's until it has answered.
func (r *request) interruptible(p *Process, n uint64, cancel <-chan struct{}) error {
	if p.look(r) {
		return r.err
	}
	p.leaveReading(r)
	select {
	case <-r.done:
		return r.err
	case <-cancel:
		err := p.conn.Send(sysproxy.Header{Request: n, Class: sysproxy.Request, Type: sysproxy.TypeInterrupt}, nil)
		return p.await(r, err)
	}
}

// answered takes an answer. An error ends the connection.
func (r *request) answered(h sysproxy.Header, c *sysproxy.Conn) (err error) {
	if h.Class == sysproxy.Failure {
		r.err = refusal(sysproxy.Error(h.Arg))
		return nil
	}
	if h.Type != r.want {
		return sysproxy.ErrMalformed
	}
	switch h.Type {
	case sysproxy.TypeCall:
		return r.called(c)
	case sysproxy.TypeSyscall:
		b, err := c.ReadAll(sysproxy.ResultSize)
		if err == nil {
			r.result, err = sysproxy.ParseResult(b)
		}
		return err
	case sysproxy.TypePrefork:
		return c.ReadFull(r.token[:])
	}
	return sysproxy.ErrMalformed
}

// refusal is what the refusal of a request means to its caller.
func refusal(e sysproxy.Error) error {
	if e == sysproxy.ErrInExec {
		return backends.ErrInterrupted
	}
	return e
}

// called takes the answer to a call that brought its memory.
func (r *request) called(c *sysproxy.Conn) error {
	b, err := c.Peek(sysproxy.ResultSize)
	if err != nil {
		return err
	}
	if r.result, err = sysproxy.ParseResult(b); err != nil {
		return err
	}
	c.Skip(sysproxy.ResultSize)
	if r.result.Errno == sysproxy.AnswerText {
		text, err := c.ReadAll(sysproxy.MaxName)
		r.text = string(text)
		return err
	}
	for p := range r.wire.Pieces {
		if p.Dir&sysproxy.Out == 0 {
			continue
		}
		if b, err = c.Peek(sysproxy.CountSize); err != nil {
			return err
		}
		mem := r.mem(p)
		n, err := sysproxy.ParseCount(b, len(mem))
		if err != nil {
			return err
		}
		c.Skip(sysproxy.CountSize)
		if err := c.ReadFull(mem[:n]); err != nil {
			return err
		}
	}
	if c.Left() > 0 {
		return sysproxy.ErrMalformed
	}
	return nil
}

// values is what a call that was answered returns.
func (r *request) values(p *Process) (r0, r1 uintptr, err error) {
	if err := r.failure(p); err != nil {
		return 0, 0, err
	}
	return uintptr(r.result.Values[0]), uintptr(r.result.Values[1]), nil
}

// failure is the error of a call that was answered.
func (r *request) failure(p *Process) error {
	if r.fault.Load() {
		return abi.Errno(eFAULT)
	}
	switch e := r.result.Errno; e {
	case 0:
		return nil
	case sysproxy.AnswerInterrupted:
		return backends.ErrInterrupted
	case sysproxy.AnswerExited:
		return backends.ErrExited
	case sysproxy.AnswerNotSupported:
		return backends.ErrNotSupported
	case sysproxy.AnswerClosed:
		<-p.done // there is a reason to come
		return p.err
	case sysproxy.AnswerText:
		return errors.New(r.text)
	default:
		if e < 0 {
			return sysproxy.ErrMalformed
		}
		return p.number(abi.Errno(e))
	}
}

// number is an error of the kernel's. A call that Close interrupted ends as
// all others do then.
func (p *Process) number(e abi.Errno) error {
	if p.k.closing.Load() && e == eINTR {
		return backends.ErrClosed
	}
	return e
}

// Numbers on which all systems agree.
const (
	eINTR  = 4
	eFAULT = 14
)
