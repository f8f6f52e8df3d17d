package packetdrill

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/packetdrill/script"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
)

// A pending call is one under way.
type pending struct {
	call   *script.Call
	cancel context.CancelFunc
	until  time.Duration // when it should end
	done   bool
	ended  time.Duration // when it was done
	result int64
	err    error
	check  func(result int64) error // what it gave besides; nil: nothing
}

// start makes a system call. One that waits goes on while the script does.
func (r *runner) start(ctx context.Context, c *script.Call, at, until time.Duration) error {
	if err := r.finish(); err != nil {
		return err
	}
	raw, check, err := r.prepare(c)
	if err != nil {
		return err
	}
	r.stage.settle() // what was injected has been taken
	ctx, cancel := context.WithCancel(ctx)
	p := &pending{call: c, cancel: cancel, check: check, until: at}
	if c.Blocks {
		p.until = until
	}
	r.call = p
	proc := r.proc.With(ctx)
	r.stage.Go(c.Name, func() {
		n, _, err := proc.Raw(*raw)
		p.result, p.err, p.ended, p.done = int64(n), err, r.stage.now(), true
		r.stage.happened()
	})
	if c.Blocks {
		r.stage.settle()
		return nil
	}
	if !r.stage.await(r.stage.now()+r.set.tolerance, c.Name, func() bool { return p.done }) {
		return fmt.Errorf("%s waits, which the script does not say", c.Name)
	}
	return r.finish()
}

// finish waits for the call under way, if any, and holds it to the script.
func (r *runner) finish() error {
	p := r.call
	if p == nil {
		return nil
	}
	deadline := p.until + r.set.tolerance
	if !r.stage.await(deadline, p.call.Name, func() bool { return p.done }) {
		return fmt.Errorf("%s still waits at %s", p.call.Name, seconds(deadline))
	}
	r.call = nil
	p.cancel()
	r.logf("%s = %d, %v", p.call.Name, p.result, p.err)
	if d := p.ended - p.until; p.call.Blocks && (d < -r.set.tolerance || d > r.set.tolerance) {
		return fmt.Errorf("%s ended at %s instead of %s", p.call.Name, seconds(p.ended), seconds(p.until))
	}
	return r.judge(p)
}

// cancelTime is how long a call may take to end that is cancelled.
const cancelTime = time.Second

// abandon ends a call that is still under way.
func (r *runner) abandon() {
	if p := r.call; p != nil {
		p.cancel()
		r.stage.await(r.stage.now()+cancelTime, p.call.Name, func() bool { return p.done })
		r.call = nil
	}
}

// returnsFD are calls whose result is a descriptor.
var returnsFD = map[string]bool{"socket": true, "accept": true, "accept4": true, "epoll_create": true, "epoll_create1": true, "dup": true}

// judge holds what a call gave to what the script says.
func (r *runner) judge(p *pending) error {
	c := p.call
	result := p.result
	if p.err != nil {
		result = -1
	}
	var want int64
	switch c.Result.Kind {
	case script.Ellipsis:
		return nil
	case script.Number:
		want = c.Result.Number
	default:
		v, err := r.number(c.Result)
		if err != nil {
			return err
		}
		want = v
	}
	if want < 0 {
		if p.err == nil {
			return fmt.Errorf("%s gave %d instead of an error", c.Name, result)
		}
		return r.judgeErrno(c, p.err)
	}
	if p.err != nil {
		return fmt.Errorf("%s failed: %v", c.Name, r.errno(p.err))
	}
	if returnsFD[c.Name] {
		r.files[want] = int(result)
		if c.Name != "socket" || r.last < 0 {
			r.last = want
		}
		return nil
	}
	if result != want {
		return fmt.Errorf("%s gave %d instead of %d", c.Name, result, want)
	}
	if p.check != nil {
		return p.check(result)
	}
	return nil
}

// errno is an error as the kernel calls it.
func (r *runner) errno(err error) error { return r.proc.Fail("", "", err) }

func (r *runner) judgeErrno(c *script.Call, err error) error {
	if c.Errno == "" {
		return nil
	}
	want, perr := sys.ParseErrno(c.Errno)
	if perr != nil {
		return perr
	}
	if !errors.Is(r.errno(err), want) {
		return fmt.Errorf("%s failed by %v instead of %s", c.Name, r.errno(err), c.Errno)
	}
	return nil
}

// A maker turns a script's call into the kernel's, with what to check of memory
// that it fills.
type maker func(r *runner, c *script.Call) (*backends.Call, func(int64) error, error)

// makers are the calls there are.
var makers map[string]maker

func init() {
	io := func(d backends.Dir, names ...string) maker {
		return func(r *runner, c *script.Call) (*backends.Call, func(int64) error, error) {
			return r.transfer(c, d, names)
		}
	}
	makers = map[string]maker{
		"socket": (*runner).socket, "bind": (*runner).address, "connect": (*runner).address,
		"listen": (*runner).plain, "shutdown": (*runner).plain, "close": (*runner).plain, "dup": (*runner).plain,
		"accept": (*runner).accept, "fcntl": (*runner).plain,
		"read": io(backends.Out, "read"), "write": io(backends.In, "write"),
		"send": io(backends.In, "sendto"), "recv": io(backends.Out, "recvfrom"),
		"sendto": io(backends.In, "sendto"), "recvfrom": io(backends.Out, "recvfrom"),
		"sendmsg": (*runner).message, "recvmsg": (*runner).message,
		"readv": (*runner).vector, "writev": (*runner).vector,
		"setsockopt": (*runner).setsockopt, "getsockopt": (*runner).getsockopt,
		"ioctl": (*runner).ioctl, "poll": (*runner).poll,
		"epoll_create": (*runner).epollCreate, "epoll_ctl": (*runner).epollCtl, "epoll_wait": (*runner).epollWait,
	}
}

func (r *runner) prepare(c *script.Call) (*backends.Call, func(int64) error, error) {
	m := makers[c.Name]
	if m == nil {
		return nil, nil, unsupported("the call %s", c.Name)
	}
	return m(r, c)
}

// callOf is a call that the kernel's ABI has under one of the names.
func (r *runner) callOf(args []backends.Arg, names ...string) (*backends.Call, error) {
	a := r.proc.Kernel().ABI()
	for _, name := range names {
		if num, ok := a.Call(name); ok {
			c := &backends.Call{Num: num}
			copy(c.Args[:], args)
			return c, nil
		}
	}
	return nil, unsupported("%s of %s", names[0], a.OS)
}

// number is the value of an expression: words are constants of the kernel's ABI.
func (r *runner) number(v script.Value) (int64, error) {
	switch v.Kind {
	case script.Number:
		return v.Number, nil
	case script.Word:
		if n, ok := r.proc.Kernel().ABI().Const(v.Text); ok {
			return n, nil
		}
		if n, ok := commonConstants[v.Text]; ok {
			return n, nil
		}
		return 0, unsupported("%s of %s", v.Text, r.proc.Kernel().ABI().OS)
	case script.Or:
		var all int64
		for _, x := range v.List {
			n, err := r.number(x)
			if err != nil {
				return 0, err
			}
			all |= n
		}
		return all, nil
	case script.Function:
		if (v.Text == "htons" || v.Text == "htonl") && len(v.List) == 1 {
			return r.number(v.List[0])
		}
	}
	return 0, fmt.Errorf("an expression is no number")
}

// commonConstants are those that the tables of ABIs leave out.
var commonConstants = map[string]int64{"SHUT_RD": 0, "SHUT_WR": 1, "SHUT_RDWR": 2, "NULL": 0, "SOL_TCP": 6, "SOL_IP": 0, "SOL_IPV6": 41}

func (r *runner) numbers(vs []script.Value) ([]int64, error) {
	var l []int64
	for _, v := range vs {
		n, err := r.number(v)
		if err != nil {
			return nil, err
		}
		l = append(l, n)
	}
	return l, nil
}

// fd is the live descriptor of a script's.
func (r *runner) fd(v script.Value) (backends.Arg, error) {
	n, err := r.number(v)
	if err != nil {
		return backends.Arg{}, err
	}
	if live, ok := r.files[n]; ok {
		return backends.Int(uintptr(live)), nil
	}
	return backends.Int(uintptr(n)), nil
}

func need(c *script.Call, n int) error {
	if len(c.Args) < n {
		return fmt.Errorf("%s has %d arguments, and needs %d", c.Name, len(c.Args), n)
	}
	return nil
}

func (r *runner) family() (portable string) {
	if r.set.ipv6 {
		return "AF_INET6"
	}
	return "AF_INET"
}

func (r *runner) socket(c *script.Call) (*backends.Call, func(int64) error, error) {
	if err := need(c, 3); err != nil {
		return nil, nil, err
	}
	args := slices.Clone(c.Args)
	if args[0].Kind == script.Ellipsis {
		args[0] = script.Value{Kind: script.Word, Text: r.family()}
	}
	n, err := r.numbers(args)
	if err != nil {
		return nil, nil, err
	}
	call, err := r.callOf([]backends.Arg{word(n[0]), word(n[1]), word(n[2])}, "__socket30", "socket")
	return call, nil, err
}

func word(n int64) backends.Arg { return backends.Int(uintptr(n)) }

// plain is a call whose first argument is a descriptor, and the others numbers.
func (r *runner) plain(c *script.Call) (*backends.Call, func(int64) error, error) {
	if err := need(c, 1); err != nil {
		return nil, nil, err
	}
	fd, err := r.fd(c.Args[0])
	if err != nil {
		return nil, nil, err
	}
	args := []backends.Arg{fd}
	rest := c.Args[1:]
	if c.Name == "fcntl" && len(rest) > 1 && rest[1].Kind == script.Ellipsis {
		rest = rest[:1]
	}
	for _, v := range rest {
		n, err := r.number(v)
		if err != nil {
			return nil, nil, err
		}
		args = append(args, word(n))
	}
	call, err := r.callOf(args, c.Name)
	return call, nil, err
}

// sockaddr is an address as the kernel has it: NetBSD's has its size in front.
func (r *runner) sockaddr(a netip.Addr, port uint16) []byte {
	k := r.proc.Kernel().ABI()
	name, size := "AF_INET", 16
	if a.Is6() {
		name, size = "AF_INET6", 28
	}
	family, _ := k.Const(name)
	b := make([]byte, size)
	if k.OS == "linux" {
		k.Order.PutUint16(b, uint16(family))
	} else {
		b[0], b[1] = byte(size), byte(family)
	}
	binary.BigEndian.PutUint16(b[2:], port)
	if a.Is6() {
		copy(b[8:], a.AsSlice())
	} else {
		copy(b[4:], a.AsSlice())
	}
	return b
}

// addressOf is an address of the script; ... is the usual one.
func (r *runner) addressOf(v script.Value, usual netip.Addr, port uint16) ([]byte, error) {
	if v.Kind == script.Ellipsis {
		return r.sockaddr(usual, port), nil
	}
	if v.Kind != script.Struct {
		return nil, errors.New("want an address, or ... for the usual one")
	}
	if p, ok := v.Member("sin_port"); ok {
		n, err := r.number(p)
		if err != nil {
			return nil, err
		}
		port = uint16(n)
	}
	if f, ok := v.Member("sin_addr"); ok && len(f.List) == 1 {
		a, err := netip.ParseAddr(f.List[0].Text)
		if err != nil {
			return nil, err
		}
		usual = a
	}
	return r.sockaddr(usual, port), nil
}

// address is bind and connect.
func (r *runner) address(c *script.Call) (*backends.Call, func(int64) error, error) {
	if err := need(c, 3); err != nil {
		return nil, nil, err
	}
	usual, port := r.set.local, r.set.localPort
	if c.Name == "connect" {
		usual, port = r.set.remote, r.set.remotePort
	}
	fd, err := r.fd(c.Args[0])
	if err != nil {
		return nil, nil, err
	}
	b, err := r.addressOf(c.Args[1], usual, port)
	if err != nil {
		return nil, nil, err
	}
	if c.Name == "connect" {
		r.last, _ = r.number(c.Args[0])
	}
	call, err := r.callOf([]backends.Arg{fd, backends.Mem(b, backends.In), word(int64(len(b)))}, c.Name)
	return call, nil, err
}

func (r *runner) accept(c *script.Call) (*backends.Call, func(int64) error, error) {
	if err := need(c, 3); err != nil {
		return nil, nil, err
	}
	fd, err := r.fd(c.Args[0])
	if err != nil {
		return nil, nil, err
	}
	call, err := r.callOf([]backends.Arg{fd}, c.Name)
	return call, nil, err
}

// maxBuffer bounds a script's buffers.
const maxBuffer = 16 << 20

func (r *runner) size(v script.Value) (int, error) {
	n, err := r.number(v)
	if err == nil && (n < 0 || n > maxBuffer) {
		err = fmt.Errorf("a buffer of %d bytes: at most %d", n, maxBuffer)
	}
	return int(n), err
}

// transfer is read, write, and what is like them: a descriptor, ..., a length,
// and then flags and an address.
func (r *runner) transfer(c *script.Call, d backends.Dir, names []string) (*backends.Call, func(int64) error, error) {
	if err := need(c, 3); err != nil {
		return nil, nil, err
	}
	fd, err := r.fd(c.Args[0])
	if err != nil {
		return nil, nil, err
	}
	n, err := r.size(c.Args[2])
	if err != nil {
		return nil, nil, err
	}
	b := make([]byte, max(n, 1))
	if c.Args[1].Kind == script.String {
		copy(b, c.Args[1].Text)
	}
	args := []backends.Arg{fd, backends.Mem(b, d), word(int64(n))}
	if len(c.Args) > 3 {
		flags, err := r.number(c.Args[3])
		if err != nil {
			return nil, nil, err
		}
		args = append(args, word(flags))
	}
	if len(c.Args) > 4 && d == backends.In && c.Name == "sendto" {
		to, err := r.sendtoAddress(c.Args[4])
		if err != nil {
			return nil, nil, err
		}
		if to != nil {
			args = append(args, backends.Mem(to, backends.In), word(int64(len(to))))
		}
	}
	call, err := r.callOf(args, names...)
	return call, nil, err
}

// sendtoAddress is the address to send to. Scripts write ... for the remote one,
// with which sockets that are not connected yet open a connection.
func (r *runner) sendtoAddress(v script.Value) ([]byte, error) {
	if v.Kind == script.Word && v.Text == "NULL" || v.Kind == script.Number && v.Number == 0 {
		return nil, nil
	}
	return r.addressOf(v, r.set.remote, r.set.remotePort)
}

// setsockopt takes a number in brackets, or a structure of numbers.
func (r *runner) setsockopt(c *script.Call) (*backends.Call, func(int64) error, error) {
	if err := need(c, 5); err != nil {
		return nil, nil, err
	}
	fd, err := r.fd(c.Args[0])
	if err != nil {
		return nil, nil, err
	}
	level, err := r.numbers(c.Args[1:3])
	if err != nil {
		return nil, nil, err
	}
	b, err := r.optionValue(c.Args[3])
	if err != nil {
		return nil, nil, err
	}
	size, err := r.size(c.Args[4])
	if err != nil {
		return nil, nil, err
	}
	if len(b) < size {
		b = append(b, make([]byte, size-len(b))...)
	}
	call, err := r.callOf([]backends.Arg{fd, word(level[0]), word(level[1]), backends.Mem(b, backends.In), word(int64(size))}, "setsockopt")
	return call, nil, err
}

func (r *runner) optionValue(v script.Value) ([]byte, error) {
	order := r.proc.Kernel().ABI().Order
	if v.Kind == script.String {
		return []byte(v.Text), nil
	}
	list := v.List
	if v.Kind != script.Array && v.Kind != script.Struct {
		list = []script.Value{v}
	}
	var b []byte
	for _, x := range list {
		if x.Kind == script.Member {
			x = x.List[0]
		}
		if x.Kind == script.Struct || x.Kind == script.Array {
			inner, err := r.optionValue(x)
			if err != nil {
				return nil, err
			}
			b = append(b, inner...)
			continue
		}
		if x.Kind == script.String {
			b = append(b, x.Text...)
			continue
		}
		n, err := r.number(x)
		if err != nil {
			return nil, err
		}
		b = appendUint32(order, b, uint32(n))
	}
	return b, nil
}

func appendUint32(order abi.ByteOrder, b []byte, v uint32) []byte {
	var x [4]byte
	order.PutUint32(x[:], v)
	return append(b, x[:]...)
}

// getsockopt compares numbers, where the script has some.
func (r *runner) getsockopt(c *script.Call) (*backends.Call, func(int64) error, error) {
	if err := need(c, 5); err != nil {
		return nil, nil, err
	}
	fd, err := r.fd(c.Args[0])
	if err != nil {
		return nil, nil, err
	}
	level, err := r.numbers(c.Args[1:3])
	if err != nil {
		return nil, nil, err
	}
	size := int64(4)
	if l := c.Args[4]; l.Kind == script.Array && len(l.List) == 1 {
		if size, err = r.number(l.List[0]); err != nil {
			return nil, nil, err
		}
	}
	order := r.proc.Kernel().ABI().Order
	length, value := appendUint32(order, nil, uint32(size)), make([]byte, min(max(size, 1), maxBuffer))
	check := func(int64) error { return r.checkOption(c.Args[3], value) }
	call, err := r.callOf([]backends.Arg{fd, word(level[0]), word(level[1]), backends.Mem(value, backends.Out), backends.Mem(length, backends.InOut)}, "getsockopt")
	return call, check, err
}

func (r *runner) checkOption(want script.Value, got []byte) error {
	if want.Kind != script.Array || len(want.List) != 1 || want.List[0].Kind == script.Ellipsis || len(got) < 4 {
		return nil
	}
	n, err := r.number(want.List[0])
	if err != nil {
		return err
	}
	if live := r.proc.Kernel().ABI().Order.Uint32(got); live != uint32(n) {
		return fmt.Errorf("the option is %d instead of %d", int32(live), n)
	}
	return nil
}

// ioctl has a number in brackets, which the kernel fills.
func (r *runner) ioctl(c *script.Call) (*backends.Call, func(int64) error, error) {
	if err := need(c, 3); err != nil {
		return nil, nil, err
	}
	fd, err := r.fd(c.Args[0])
	if err != nil {
		return nil, nil, err
	}
	name := c.Args[1]
	if name.Text == "SIOCINQ" {
		name.Text = "FIONREAD"
	}
	request, err := r.number(name)
	if err != nil {
		return nil, nil, err
	}
	value := make([]byte, 8)
	check := func(int64) error { return r.checkOption(c.Args[2], value) }
	call, err := r.callOf([]backends.Arg{fd, word(request), backends.Mem(value, backends.InOut)}, "ioctl")
	return call, check, err
}

// poll is [{fd=3, events=POLLIN, revents=POLLIN}], a count and a timeout.
func (r *runner) poll(c *script.Call) (*backends.Call, func(int64) error, error) {
	if err := need(c, 3); err != nil {
		return nil, nil, err
	}
	order := r.proc.Kernel().ABI().Order
	var fds []byte
	for _, v := range c.Args[0].List {
		f, _ := v.Member("fd")
		fd, err := r.fd(f)
		if err != nil {
			return nil, nil, err
		}
		e, _ := v.Member("events")
		events, err := r.number(e)
		if err != nil {
			return nil, nil, err
		}
		fds = appendUint32(order, fds, uint32(fd.Word()))
		fds = appendUint32(order, fds, uint32(events)&math.MaxUint16)
	}
	timeout, err := r.number(c.Args[2])
	if err != nil {
		return nil, nil, err
	}
	check := func(int64) error {
		for i, v := range c.Args[0].List {
			want, ok := v.Member("revents")
			if !ok {
				continue
			}
			n, err := r.number(want)
			if err != nil {
				return err
			}
			if live := order.Uint16(fds[8*i+6:]); live != uint16(n) {
				return fmt.Errorf("poll gave events %#x instead of %#x", live, n)
			}
		}
		return nil
	}
	call, err := r.callOf([]backends.Arg{backends.Mem(fds, backends.InOut), word(int64(len(c.Args[0].List))), word(timeout)}, "poll")
	return call, check, err
}

func (r *runner) epollCreate(c *script.Call) (*backends.Call, func(int64) error, error) {
	call, err := r.callOf(nil, "epoll_create1")
	return call, nil, err
}

// epollEvent is {events=EPOLLIN, fd=4} as Linux has it: packed on amd64, and the
// script's own number as data.
func (r *runner) epollEvent(v script.Value) (events uint32, data uint64, err error) {
	e, _ := v.Member("events")
	n, err := r.number(e)
	if err != nil {
		return 0, 0, err
	}
	for _, name := range []string{"fd", "ptr", "u32", "u64"} {
		if d, ok := v.Member(name); ok {
			x, err := r.number(d)
			return uint32(n), uint64(x), err
		}
	}
	return uint32(n), 0, nil
}

func (r *runner) epollSize() (size, data int) {
	if r.proc.Kernel().ABI().Arch == "amd64" {
		return 12, 4
	}
	return 16, 8
}

func (r *runner) epollCtl(c *script.Call) (*backends.Call, func(int64) error, error) {
	if err := need(c, 4); err != nil {
		return nil, nil, err
	}
	ep, err := r.fd(c.Args[0])
	if err != nil {
		return nil, nil, err
	}
	op, err := r.number(c.Args[1])
	if err != nil {
		return nil, nil, err
	}
	fd, err := r.fd(c.Args[2])
	if err != nil {
		return nil, nil, err
	}
	events, data, err := r.epollEvent(c.Args[3])
	if err != nil {
		return nil, nil, err
	}
	size, at := r.epollSize()
	b := make([]byte, size)
	order := r.proc.Kernel().ABI().Order
	order.PutUint32(b, events)
	order.PutUint64(b[at:], data)
	call, err := r.callOf([]backends.Arg{ep, word(op), fd, backends.Mem(b, backends.In)}, "epoll_ctl")
	return call, nil, err
}

func (r *runner) epollWait(c *script.Call) (*backends.Call, func(int64) error, error) {
	if err := need(c, 4); err != nil {
		return nil, nil, err
	}
	ep, err := r.fd(c.Args[0])
	if err != nil {
		return nil, nil, err
	}
	n, err := r.numbers(c.Args[2:4])
	if err != nil {
		return nil, nil, err
	}
	size, at := r.epollSize()
	const most = 64
	b := make([]byte, size*most)
	order := r.proc.Kernel().ABI().Order
	check := func(got int64) error {
		want := []script.Value{c.Args[1]}
		if c.Args[1].Kind == script.Array {
			want = c.Args[1].List
		}
		for i := range min(int(got), len(want)) {
			if want[i].Kind != script.Struct {
				continue
			}
			events, data, err := r.epollEvent(want[i])
			if err != nil {
				return err
			}
			if live, d := order.Uint32(b[size*i:]), order.Uint64(b[size*i+at:]); live != events || d != data {
				return fmt.Errorf("epoll_wait gave events %#x of %d instead of %#x of %d", live, d, events, data)
			}
		}
		return nil
	}
	call, err := r.callOf([]backends.Arg{ep, backends.Mem(b, backends.Out), word(min(n[0], most)), word(n[1]), {}, word(8)}, "epoll_wait", "epoll_pwait")
	return call, check, err
}

// iovecs is [{..., 1000}, {..., 2000}] in memory, and where it points to.
func (r *runner) iovecs(v script.Value, d backends.Dir, holder int) (vec []byte, refs []backends.Ref, err error) {
	order := r.proc.Kernel().ABI().Order
	for _, x := range v.List {
		if x.Kind != script.Struct || len(x.List) != 2 {
			return nil, nil, fmt.Errorf("want {..., LENGTH}")
		}
		n, err := r.size(x.List[1])
		if err != nil {
			return nil, nil, err
		}
		refs = append(refs, backends.Ref{Holder: holder, Off: len(vec), Mem: backends.Mem(make([]byte, max(n, 1)), d)})
		entry := make([]byte, 16)
		order.PutUint64(entry[8:], uint64(n))
		vec = append(vec, entry...)
	}
	return vec, refs, nil
}

func direction(name string) backends.Dir {
	if strings.HasPrefix(name, "write") || strings.HasPrefix(name, "send") {
		return backends.In
	}
	return backends.Out
}

func (r *runner) vector(c *script.Call) (*backends.Call, func(int64) error, error) {
	if err := need(c, 3); err != nil {
		return nil, nil, err
	}
	fd, err := r.fd(c.Args[0])
	if err != nil {
		return nil, nil, err
	}
	vec, refs, err := r.iovecs(c.Args[1], direction(c.Name), 1)
	if err != nil {
		return nil, nil, err
	}
	call, err := r.callOf([]backends.Arg{fd, backends.Mem(vec, backends.In), word(int64(len(vec) / 16))}, c.Name)
	if err == nil {
		call.Refs = refs
	}
	return call, nil, err
}

// message is sendmsg and recvmsg, without control messages.
func (r *runner) message(c *script.Call) (*backends.Call, func(int64) error, error) {
	if err := need(c, 3); err != nil {
		return nil, nil, err
	}
	fd, err := r.fd(c.Args[0])
	if err != nil {
		return nil, nil, err
	}
	flags, err := r.number(c.Args[2])
	if err != nil {
		return nil, nil, err
	}
	if _, ok := c.Args[1].Member("msg_control"); ok {
		return nil, nil, unsupported("control messages")
	}
	iov, _ := c.Args[1].Member("msg_iov")
	vec, refs, err := r.iovecs(iov, direction(c.Name), backends.MaxArgs)
	if err != nil {
		return nil, nil, err
	}
	// struct msghdr is the same on all 64-bit systems up to the vector's
	// length: name, its length, vector, its length.
	header := make([]byte, 56)
	r.proc.Kernel().ABI().Order.PutUint32(header[24:], uint32(len(vec)/16))
	call, err := r.callOf([]backends.Arg{fd, backends.Mem(header, backends.InOut), word(flags)}, c.Name)
	if err != nil {
		return nil, nil, err
	}
	if len(vec) > 0 {
		call.Refs = append([]backends.Ref{{Holder: 1, Off: 16, Mem: backends.Mem(vec, backends.In)}}, refs...)
	}
	return call, nil, nil
}
