package sys

import (
	"fmt"
	"sync"
	"time"

	"github.com/anykernel/anykernel/backends"
)

var (
	opSendmsg  = newOp("sendmsg")
	opRecvmsg  = newOp("recvmsg")
	opSendmmsg = newOp("sendmmsg")
	opRecvmmsg = newOp("recvmmsg")
)

// A Message is what [Socket.SendMsg] sends and [Socket.RecvMsg] receives.
type Message struct {
	// Addr is to whom a message is sent, nil for the peer that the socket is
	// connected to; and from whom one came, nil where the kernel named nobody.
	Addr Addr
	// Buffers hold the data, one after the other.
	Buffers [][]byte
	// Control is the control messages to send, or those that came.
	Control []ControlMessage
	// ControlSize is how many bytes of control messages may come; with 0 the
	// kernel drops them. At most MaxControl. See [ControlSpace].
	ControlSize int
	// N is how many bytes were sent or came.
	N int
	// Flags is what the kernel says of a message that came, such as MSG_TRUNC.
	Flags MsgFlags
}

// MaxControl bounds the control data of one message, in bytes. Kernels take
// less.
const MaxControl = 64 << 10

// maxMessages bounds the messages, and the buffers of one message, that a
// call takes; UIO_MAXIOV of every kernel.
const maxMessages = 1024

// SendMsg sends one message; see sendmsg(2). It returns the number of bytes
// sent and stores it in m.N.
func (s *Socket) SendMsg(m *Message, flags MsgFlags) (int, error) {
	c := newMessageCall(s)
	defer c.free()
	err := c.send(opSendmsg, []Message{*m}, flags)
	if err != nil {
		return 0, s.fail("sendmsg", err)
	}
	m.N = int(c.result)
	return m.N, nil
}

// RecvMsg receives one message into m's buffers, and sets all other fields of
// m; see recvmsg(2). It returns the number of bytes that came, 0 at the end of
// a stream. Files that came in a [Rights] are closed on exec only where flags
// has MSG_CMSG_CLOEXEC.
func (s *Socket) RecvMsg(m *Message, flags MsgFlags) (int, error) {
	c := newMessageCall(s)
	defer c.free()
	ms := [1]Message{*m}
	if err := c.receive(opRecvmsg, ms[:], flags, 0); err != nil {
		return 0, s.fail("recvmsg", err)
	}
	ms[0].N = int(c.result)
	err := c.decode(0, &ms[0])
	*m = ms[0]
	return m.N, s.fail("recvmsg", err)
}

// SendMsgs sends messages in one call and returns how many were sent; see
// sendmmsg(2). It sets the N of those. An error is only returned where none
// was sent. At most 1024 are sent.
func (s *Socket) SendMsgs(ms []Message, flags MsgFlags) (int, error) {
	ms = ms[:min(len(ms), maxMessages)]
	c := newMessageCall(s)
	defer c.free()
	if err := c.send(opSendmmsg, ms, flags); err != nil {
		return 0, s.fail("sendmmsg", err)
	}
	n := min(int(c.result), len(ms))
	for i := range n {
		ms[i].N = c.length(i)
	}
	return n, nil
}

// RecvMsgs receives messages in one call, each into the buffers of one of ms,
// and returns how many came; see recvmmsg(2). A positive timeout bounds the
// wait between messages, as the kernel understands it; 0 is none. With
// MSG_WAITFORONE it does not wait for more than one. At most 1024 are
// received.
func (s *Socket) RecvMsgs(ms []Message, flags MsgFlags, timeout time.Duration) (int, error) {
	ms = ms[:min(len(ms), maxMessages)]
	c := newMessageCall(s)
	defer c.free()
	if err := c.receive(opRecvmmsg, ms, flags, timeout); err != nil {
		return 0, s.fail("recvmmsg", err)
	}
	n := min(int(c.result), len(ms))
	var failed error
	for i := range n {
		ms[i].N = c.length(i)
		if err := c.decode(i, &ms[i]); err != nil && failed == nil {
			failed = fmt.Errorf("message %d: %w", i, err)
		}
	}
	return n, s.fail("recvmmsg", failed)
}

// A messageCall is the memory of one call that sends or receives messages:
// headers, addresses, vectors and control data, and the pointers among them.
// It lives on the heap, as memory for kernels must, and is used again.
type messageCall struct {
	s    *Socket
	tab  *table
	many bool // struct mmsghdr, for the calls that take many

	headers []byte // msghdr or mmsghdr of every message
	mem     []byte // the rest
	used    int
	refs    []backends.Ref
	parts   []messageParts
	files   []*File // that were acquired, to be sent
	result  uintptr
}

// messageParts is where the kernel writes of one message.
type messageParts struct{ name, control []byte }

var messageCalls = sync.Pool{New: func() any { return new(messageCall) }}

func newMessageCall(s *Socket) *messageCall {
	c := messageCalls.Get().(*messageCall)
	c.s, c.tab = s, s.p.k.tab
	return c
}

func (c *messageCall) free() {
	for _, f := range c.files {
		f.release()
	}
	clear(c.files)
	clear(c.refs) // the caller's buffers are not ours to keep alive
	clear(c.parts)
	*c = messageCall{headers: c.headers, mem: c.mem, refs: c.refs[:0], parts: c.parts[:0], files: c.files[:0]}
	messageCalls.Put(c)
}

// headerSize is the distance of two headers.
func (c *messageCall) headerSize() int {
	if c.many {
		return c.tab.socket.mmsgSize
	}
	return c.tab.socket.hdr.size
}

func (c *messageCall) header(i int) []byte { return c.headers[i*c.headerSize():][:c.headerSize()] }

// prepare checks ms and makes room for what the call passes. The memory may
// not move once there are pointers to it, so all room is made here.
func (c *messageCall) prepare(o op, ms []Message, receive bool) error {
	c.many = o == opSendmmsg || o == opRecvmmsg
	if c.tab.socket.hdr.size == 0 || !c.tab.has(o) {
		return errNoCall
	}
	room := 0
	for i := range ms {
		m := &ms[i]
		if len(m.Buffers) > maxMessages {
			return fmt.Errorf("message with %d buffers: kernels take %d", len(m.Buffers), maxMessages)
		}
		if m.ControlSize < 0 || m.ControlSize > MaxControl {
			return fmt.Errorf("room for %d bytes of control messages: must be 0 to %d", m.ControlSize, MaxControl)
		}
		room += alignUp(len(m.Buffers)*c.tab.socket.iov.size, 8) + maxSockaddr
		if receive {
			room += alignUp(m.ControlSize, 8)
		}
	}
	c.headers = zeroed(c.headers, len(ms)*c.headerSize())
	c.mem = zeroed(c.mem, room)
	c.used = 0
	return nil
}

// zeroed is n bytes of zero, in b's memory where that is enough.
func zeroed(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	b = b[:n]
	clear(b)
	return b
}

func (c *messageCall) take(n int) []byte {
	start := c.used
	c.used += alignUp(n, 8)
	return c.mem[start : start+n : start+n]
}

func (c *messageCall) send(o op, ms []Message, flags MsgFlags) error {
	if err := c.prepare(o, ms, false); err != nil {
		return err
	}
	for i := range ms {
		m := &ms[i]
		name, err := c.sendName(m.Addr)
		if err != nil {
			return err
		}
		control, err := c.sendControl(m.Control)
		if err != nil {
			return err
		}
		c.link(i, name, control, m.Buffers, backends.In)
	}
	return c.call(o, len(ms), flags, backends.In, 0)
}

func (c *messageCall) sendName(addr Addr) ([]byte, error) {
	if addr == nil {
		return nil, nil
	}
	if a, ok := addr.(InetAddr); ok {
		var err error
		if addr, err = c.s.resolveZone(a); err != nil {
			return nil, err
		}
	}
	b := c.take(maxSockaddr)
	n, err := addr.encode(&c.tab.socket.addr, b)
	if err != nil {
		return nil, fmt.Errorf("address %v: %w", addr, err)
	}
	return b[:n:n], nil
}

func (c *messageCall) sendControl(control []ControlMessage) ([]byte, error) {
	if len(control) == 0 {
		return nil, nil
	}
	if err := c.acquireFiles(control); err != nil {
		return nil, err
	}
	b, err := c.tab.socket.control.encode(control)
	if err == nil && len(b) > MaxControl {
		err = fmt.Errorf("%d bytes of control messages: at most %d", len(b), MaxControl)
	}
	return b, err
}

// acquireFiles keeps files that are sent open until the call has ended.
func (c *messageCall) acquireFiles(control []ControlMessage) error {
	for _, m := range control {
		files, _ := m.(Rights)
		for _, f := range files {
			if f.p.fds != c.s.p.fds {
				return fmt.Errorf("%s is a file of another process than the socket", f.name)
			}
			if err := f.acquire(); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
			c.files = append(c.files, f)
		}
	}
	return nil
}

func (c *messageCall) receive(o op, ms []Message, flags MsgFlags, timeout time.Duration) error {
	if err := c.prepare(o, ms, true); err != nil {
		return err
	}
	for i := range ms {
		name, control := c.take(maxSockaddr), c.take(ms[i].ControlSize)
		if ms[i].ControlSize == 0 {
			control = nil
		}
		c.parts = append(c.parts, messageParts{name, control})
		c.link(i, name, control, ms[i].Buffers, backends.Out)
	}
	return c.call(o, len(ms), flags, backends.Out, timeout)
}

// link fills in header i.
func (c *messageCall) link(i int, name, control []byte, buffers [][]byte, dir backends.Dir) {
	l, order := &c.tab.socket, c.tab.abi.Order
	h, base := c.header(i), i*c.headerSize()
	if name != nil {
		c.ref(argHeaders, base+l.hdr.name.Offset, backends.Mem(name, dir))
		l.hdr.nameLen.PutUint(h, order, uint64(len(name)))
	}
	if control != nil {
		c.ref(argHeaders, base+l.hdr.control.Offset, backends.Mem(control, dir))
		l.hdr.controlLen.PutUint(h, order, uint64(len(control)))
	}
	if len(buffers) == 0 {
		return
	}
	vec := c.take(len(buffers) * l.iov.size)
	vecRef := c.ref(argHeaders, base+l.hdr.iov.Offset, backends.Mem(vec, backends.In))
	l.hdr.iovLen.PutUint(h, order, uint64(len(buffers)))
	for j, b := range buffers {
		v := vec[j*l.iov.size:][:l.iov.size]
		l.iov.len.PutUint(v, order, uint64(len(b)))
		if len(b) > 0 {
			c.ref(vecRef, j*l.iov.size+l.iov.base.Offset, backends.Mem(b, dir))
		}
	}
}

// argHeaders is the position of the headers among the arguments.
const argHeaders = 1

// ref notes a pointer and returns how pointers inside of mem name it.
func (c *messageCall) ref(holder, off int, mem backends.Arg) int {
	c.refs = append(c.refs, backends.Ref{Holder: holder, Off: off, Mem: mem})
	return backends.MaxArgs + len(c.refs) - 1
}

func (c *messageCall) call(o op, n int, flags MsgFlags, dir backends.Dir, timeout time.Duration) error {
	native, err := c.tab.socket.msgFlags.native(uint64(flags))
	if err != nil {
		return err
	}
	if err := c.s.acquire(); err != nil {
		return err
	}
	defer c.s.release()
	headers := backends.Mem(c.headers, backends.In)
	if dir == backends.Out || c.many {
		headers = backends.Mem(c.headers, backends.InOut)
	}
	args := []backends.Arg{c.s.fdArg(), headers, backends.Int(uintptr(native))}
	if c.many {
		m := newScratch()
		defer m.free()
		wait, err := c.wait(m, timeout)
		if err != nil {
			return err
		}
		args = []backends.Arg{args[0], headers, backends.Int(uintptr(n)), args[2], wait}
	}
	p, side := c.s.view(), reading
	if dir == backends.In {
		side = writing
	}
	for a := c.s.attempt(side); a.next(&err); {
		c.result, err = p.callRefs(o, c.refs, args...)
		if flags&doesNotWait != 0 {
			break
		}
	}
	return err
}

// wait is the timeout of calls that receive many messages; a null pointer is
// none.
func (c *messageCall) wait(m *scratch, timeout time.Duration) (backends.Arg, error) {
	if timeout <= 0 {
		timeout = -1
	}
	return c.tab.socket.timespec.timeout(m, c.tab.abi.Order, timeout)
}

// length is how much of message i was sent or came.
func (c *messageCall) length(i int) int {
	return int(uint32(c.tab.socket.mmsgLen.Uint(c.header(i), c.tab.abi.Order)))
}

// decode reads what the kernel wrote of message i.
func (c *messageCall) decode(i int, m *Message) error {
	h, l, order := c.header(i), &c.tab.socket.hdr, c.tab.abi.Order
	m.Addr, m.Control = nil, nil
	m.Flags = MsgFlags(c.tab.socket.msgFlags.portable(l.flags.Uint(h, order)))
	parts := &c.parts[i]
	control := parts.control[:min(l.controlLen.Uint(h, order), uint64(len(parts.control)))]
	var err error
	// First the control data: files that came must find an owner.
	if m.Control, err = c.s.decodeControl(control); err != nil {
		return err
	}
	name := parts.name[:min(l.nameLen.Uint(h, order), uint64(len(parts.name)))]
	if len(name) > 0 {
		if m.Addr, err = c.tab.socket.addr.decode(name); err != nil {
			closeRights(m.Control)
			m.Control = nil
		}
	}
	return err
}
