package sys

import (
	"fmt"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

var (
	opGetsockopt = newOp("getsockopt")
	opSetsockopt = newOp("setsockopt")
)

// A SockOpt is an option of a socket whose value is a T: one level and one
// name of getsockopt(2). The variables of this package are all there are.
type SockOpt[T any] struct {
	index int // in sockopts
	codec sockoptCodec[T]
}

// A sockoptCodec is how the value of an option stands in memory.
type sockoptCodec[T any] struct {
	room   int // bytes that the value takes at most
	encode func(t *table, b []byte, v T) (n int, err error)
	decode func(t *table, b []byte) (T, error)
}

// sockopts is the level and the name of all options. Like ops it grows only
// while variables are initialised.
var sockopts []sockoptName

type sockoptName struct{ level, name string }

// A sockoptNumber is what an option is in an ABI; level is negative where it
// has none of that name.
type sockoptNumber struct{ level, name int32 }

// newSockOpt declares an option.
func newSockOpt[T any](level, name string, codec sockoptCodec[T]) SockOpt[T] {
	sockopts = append(sockopts, sockoptName{level, name})
	return SockOpt[T]{len(sockopts) - 1, codec}
}

func sockoptNumbers(a *abi.ABI) []sockoptNumber {
	numbers := make([]sockoptNumber, len(sockopts))
	for i, o := range sockopts {
		level, hasLevel := a.Const(o.level)
		name, hasName := a.Const(o.name)
		numbers[i] = sockoptNumber{int32(level), int32(name)}
		if !hasLevel || !hasName {
			numbers[i].level = -1
		}
	}
	return numbers
}

// String is the option's name, such as "SO_REUSEADDR".
func (o SockOpt[T]) String() string { return sockopts[o.index].name }

// Get asks for the option's value; see getsockopt(2).
func (o SockOpt[T]) Get(s *Socket) (T, error) {
	v, err := o.get(s)
	if err != nil {
		p := s.view()
		return v, p.wrap("getsockopt", o.String(), err)
	}
	return v, nil
}

func (o SockOpt[T]) get(s *Socket) (v T, err error) {
	if o.codec.decode == nil {
		return v, fmt.Errorf("this option can only be set: %w", ErrNotSupported)
	}
	number, err := o.number(s)
	if err != nil {
		return v, err
	}
	m := newScratch()
	defer m.free()
	b, size := m.zeroed(o.codec.room), m.bytes(4)
	order := s.p.k.tab.abi.Order
	order.PutUint32(size, uint32(len(b)))
	if err := s.acquire(); err != nil {
		return v, err
	}
	p := s.view()
	_, err = p.call(opGetsockopt, s.fdArg(), backends.Int(uintptr(number.level)), backends.Int(uintptr(number.name)),
		backends.Mem(b, backends.InOut), backends.Mem(size, backends.InOut))
	s.release()
	if err != nil {
		return v, err
	}
	return o.codec.decode(s.p.k.tab, b[:min(order.Uint32(size), uint32(len(b)))])
}

// Set changes the option's value; see setsockopt(2).
func (o SockOpt[T]) Set(s *Socket, v T) error {
	if err := o.set(s, v); err != nil {
		p := s.view()
		return p.wrap("setsockopt", fmt.Sprintf("%v to %v", o, v), err)
	}
	return nil
}

func (o SockOpt[T]) set(s *Socket, v T) error {
	if o.codec.encode == nil {
		return fmt.Errorf("this option can only be asked for: %w", ErrNotSupported)
	}
	number, err := o.number(s)
	if err != nil {
		return err
	}
	m := newScratch()
	defer m.free()
	b := m.zeroed(o.codec.room)
	n, err := o.codec.encode(s.p.k.tab, b, v)
	if err != nil {
		return err
	}
	if err := s.acquire(); err != nil {
		return err
	}
	p := s.view()
	_, err = p.call(opSetsockopt, s.fdArg(), backends.Int(uintptr(number.level)), backends.Int(uintptr(number.name)),
		backends.Mem(b[:n], backends.In), backends.Int(uintptr(n)))
	s.release()
	return err
}

func (o SockOpt[T]) number(s *Socket) (sockoptNumber, error) {
	n := s.p.k.tab.socket.options[o.index]
	if n.level < 0 {
		return n, ErrNotSupported
	}
	return n, nil
}
