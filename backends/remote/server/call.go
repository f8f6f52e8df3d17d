package server

import (
	"errors"
	"sync"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/rump/sysproxy"
	"github.com/anykernel/anykernel/sys/abi"
)

// A work is a call under way, with what it needs. It is used again.
type work struct {
	c      *client
	h      sysproxy.Header
	brings sysproxy.Call // with its memory; for a syscall nothing
	call   backends.Call
	area   []byte
	out    []sysproxy.Piece // what goes back
	text   []byte           // of an error that is no number
	head   [sysproxy.ResultSize]byte
}

// none is memory of no size, which is not the null pointer.
var none [0]byte

var works = sync.Pool{New: func() any { return new(work) }}

// start makes room for one more call with so much memory. What calls have that
// are being answered, it waits for: who has an answer may make another call,
// and who does not read answers is read no further.
func (c *client) start(memory int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.answering > 0 && (c.underWay+c.answering >= c.s.o.MaxCalls || c.memory+memory > c.s.o.MaxMemory) {
		c.room.Wait()
	}
	switch {
	case c.inExec:
		return sysproxy.ErrInExec
	case c.underWay >= c.s.o.MaxCalls:
		return sysproxy.ErrTryAgain
	case c.memory+memory > c.s.o.MaxMemory:
		return sysproxy.ErrNoMemory
	}
	c.underWay++
	c.memory += memory
	return nil
}

// leave takes a call off those that are under way, before it is answered: who
// has the answer may make another one.
func (w *work) leave() {
	c := w.c
	c.mu.Lock()
	c.underWay--
	c.answering++
	if w.call.Cancel != nil {
		delete(c.cancels, w.h.Request)
	}
	c.mu.Unlock()
}

// finish gives back what start took, when the call was answered.
func (w *work) finish() {
	c := w.c
	if w.area != nil {
		c.guest.Release(w.area)
	}
	c.mu.Lock()
	c.memory -= len(w.area)
	c.answering--
	c.room.Signal()
	c.mu.Unlock()
	refs := w.call.Refs
	clear(refs)
	*w = work{brings: sysproxy.Call{Refs: w.brings.Refs[:0]}, call: backends.Call{Refs: refs[:0]}, out: w.out[:0], text: w.text[:0]}
	works.Put(w)
}

// syscall is a call whose memory is with the client.
func (c *client) syscall(h sysproxy.Header) error {
	b, err := c.conn.Peek(c.conn.Left())
	if c.conn.Left() > 8*sysproxy.MaxArgs {
		return c.refuse(h, sysproxy.ErrMalformed)
	}
	if err != nil {
		return err
	}
	args, err := sysproxy.ParseArgs(b)
	if err == nil {
		err = c.start(0)
	}
	if e, ok := err.(sysproxy.Error); ok {
		return c.refuse(h, e)
	}
	w := works.Get().(*work)
	w.c, w.h = c, h
	w.call.Num = uintptr(h.Arg)
	for i, a := range args {
		w.call.Args[i] = backends.Int(uintptr(a))
	}
	return c.make(w, (*work).syscall)
}

// sysReboot is NetBSD's reboot(2).
const sysReboot = 208

func (w *work) syscall() {
	defer w.finish()
	if w.call.Num == sysReboot {
		w.c.rebooting.Store(w.h.Request + 1)
	}
	r0, r1, err := w.c.guest.Call(w.call)
	r := sysproxy.Result{Values: [2]uint64{uint64(r0), uint64(r1)}}
	if err != nil {
		var number abi.Errno
		if !errors.As(err, &number) {
			number = eINTR
		}
		r = sysproxy.Result{Errno: int32(number), Values: [2]uint64{^uint64(0), 0}}
	}
	w.leave()
	_ = w.c.sendResult(w.h.Request, r)
}

// eINTR is how a call ends whose process is ending.
const eINTR = 4

func (c *client) sendResult(request uint64, r sysproxy.Result) error {
	var b [sysproxy.ResultSize]byte
	r.Put(b[:])
	return c.conn.Send(sysproxy.Header{Request: request, Class: sysproxy.Response, Type: sysproxy.TypeSyscall}, b[:])
}

// call is a call that brings its memory.
func (c *client) call(h sysproxy.Header) error {
	w := works.Get().(*work)
	err := c.read(w, h)
	if e, ok := err.(sysproxy.Error); ok {
		return c.refuse(h, e)
	}
	if err != nil {
		return err
	}
	return c.make(w, (*work).run)
}

// read reads a call and its memory. Its error is a sysproxy.Error where the
// connection can go on.
func (c *client) read(w *work, h sysproxy.Header) error {
	w.c, w.h = c, h
	if err := w.brings.Read(c.conn); err != nil {
		return err
	}
	size, in, _, err := w.brings.Sizes(c.s.o.MaxMemory)
	if err != nil {
		return err
	}
	if in != c.conn.Left() || h.Request == 0 {
		return sysproxy.ErrMalformed
	}
	if err := c.start(size); err != nil {
		return err
	}
	if err := w.lay(size); err != nil {
		w.leave()
		w.finish()
		return err
	}
	if w.brings.Interruptible {
		cancel := make(chan struct{})
		c.mu.Lock()
		if c.cancels[h.Request] != nil {
			c.mu.Unlock()
			w.leave()
			w.finish()
			return sysproxy.ErrMalformed
		}
		c.cancels[h.Request] = cancel
		c.mu.Unlock()
		w.call.Cancel = cancel
	}
	return nil
}

// lay puts the memory of a call where the kernel finds it.
func (w *work) lay(size int) (err error) {
	b := &w.brings
	w.call.Num = uintptr(w.h.Arg)
	for i, a := range b.Args {
		w.call.Args[i] = backends.Int(uintptr(a))
	}
	if size > 0 {
		if w.area, err = w.c.guest.Memory(size); err != nil {
			w.c.s.o.Log.Warn("memory of a call", "client", w.c.name(), "bytes", size, "error", err)
			w.c.forget(size)
			return sysproxy.ErrNoMemory
		}
	}
	for p := range b.Pieces {
		if err := w.piece(p); err != nil {
			return err
		}
	}
	return nil
}

// forget corrects the count for memory that was not there to take.
func (c *client) forget(size int) {
	c.mu.Lock()
	c.memory -= size
	c.mu.Unlock()
}

func (w *work) piece(p sysproxy.Piece) error {
	mem := none[:]
	if p.End > p.Off {
		mem = w.area[p.Off:p.End:p.End]
	}
	if p.Dir&sysproxy.In != 0 {
		if err := w.c.conn.ReadFull(mem); err != nil {
			return err
		}
	}
	if p.Dir&sysproxy.Out != 0 {
		w.out = append(w.out, p)
	}
	arg := backends.Mem(mem, backends.Dir(p.Dir))
	if p.Index < sysproxy.MaxArgs {
		w.call.Args[p.Index] = arg
		return nil
	}
	ref := w.brings.Refs[p.Index-sysproxy.MaxArgs]
	w.call.Refs = append(w.call.Refs, backends.Ref{Holder: int(ref.Holder), Off: int(ref.Off), Mem: arg})
	return nil
}

// run makes the call and answers.
func (w *work) run() {
	defer w.finish()
	r0, r1, touched, err := w.c.guest.CallTouched(w.call)
	r := sysproxy.Result{Errno: w.number(err), Values: [2]uint64{uint64(r0), uint64(r1)}}
	r.Put(w.head[:])
	w.leave()
	// Where pointers stood are addresses of this process now. They are nobody's
	// business.
	_ = w.call.LinkTo(func(int) uintptr { return 0 })
	conn := w.c.conn
	h := sysproxy.Header{Request: w.h.Request, Class: sysproxy.Response, Type: sysproxy.TypeCall}
	if r.Errno == sysproxy.AnswerText {
		conn.Begin(h, len(w.head)+len(w.text))
		conn.Put(w.head[:])
		conn.Put(w.text)
		_ = conn.End()
		return
	}
	size := len(w.head)
	for i := range w.out {
		p := &w.out[i]
		p.End = max(p.Off, min(p.End, touched)) // what the kernel may have written
		size += sysproxy.CountSize + p.End - p.Off
	}
	conn.Begin(h, size)
	conn.Put(w.head[:])
	for _, p := range w.out {
		var n [sysproxy.CountSize]byte
		sysproxy.PutCount(n[:], p.End-p.Off)
		conn.Put(n[:])
		conn.Put(w.area[p.Off:p.End])
	}
	_ = conn.End()
}

// number is an error as it goes to the client.
func (w *work) number(err error) int32 {
	var n abi.Errno
	var crash *backends.PanicError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &n):
		return int32(n)
	case errors.Is(err, backends.ErrInterrupted):
		return sysproxy.AnswerInterrupted
	case errors.Is(err, backends.ErrExited):
		return sysproxy.AnswerExited
	case errors.Is(err, backends.ErrClosed), errors.As(err, &crash):
		return sysproxy.AnswerClosed
	case errors.Is(err, backends.ErrNotSupported):
		return sysproxy.AnswerNotSupported
	}
	w.text = append(w.text[:0], err.Error()...)
	w.text = w.text[:min(len(w.text), sysproxy.MaxName)]
	return sysproxy.AnswerText
}

// interrupt ends a call early.
func (c *client) interrupt(request uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cancel := c.cancels[request]; cancel != nil {
		close(cancel)
		delete(c.cancels, request)
	}
}
