package nl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/mdlayher/netlink"

	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
)

// Dial opens a netlink socket in p of a protocol such as NETLINK_ROUTE, which
// is 0, and joins the multicast groups in the mask. Waiting for messages costs
// no thread. The connection may be handed to whatever is built on
// mdlayher/netlink. The byte order of p's kernel must be that of this
// machine, because the messages' is.
func Dial(p *sys.Process, protocol sys.Protocol, groups uint32) (*netlink.Conn, error) {
	if p.Kernel().ABI().Order != nativeOrder {
		return nil, fmt.Errorf("netlink to a kernel of %v byte order: %w", p.Kernel().ABI().Order, sys.ErrNotSupported)
	}
	s, err := p.Socket(sys.AF_NETLINK, sys.SOCK_RAW|sys.SOCK_NONBLOCK|sys.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, err
	}
	port, err := bind(s, groups)
	if err != nil {
		s.Close()
		return nil, err
	}
	return netlink.NewConn(&socket{s}, port), nil
}

// bind binds to a port that the kernel chooses.
func bind(s *sys.Socket, groups uint32) (port uint32, err error) {
	if err := s.Bind(sys.NetlinkAddr{Groups: groups}); err != nil {
		return 0, err
	}
	addr, err := s.LocalAddr()
	if err != nil {
		return 0, err
	}
	a, ok := addr.(sys.NetlinkAddr)
	if !ok {
		return 0, fmt.Errorf("a netlink socket was bound to %v", addr)
	}
	return a.Port, nil
}

// A socket is what mdlayher/netlink makes a connection of. The further methods
// are those that a netlink.Conn looks for.
type socket struct{ *sys.Socket }

//lint:ignore SA1019 a socket of another kernel is what the interface is for here
var _ netlink.Socket = (*socket)(nil)

func (s *socket) Send(m netlink.Message) error { return s.SendMessages([]netlink.Message{m}) }

func (s *socket) SendMessages(ms []netlink.Message) error {
	var all []byte
	for _, m := range ms {
		b, err := m.MarshalBinary()
		if err != nil {
			return err
		}
		all = append(all, b...)
	}
	_, err := s.SendTo(all, 0, sys.NetlinkAddr{})
	return err
}

func (s *socket) Receive() ([]netlink.Message, error) {
	b, err := s.receive()
	if err != nil {
		return nil, err
	}
	return parse(b)
}

func (s *socket) ReceiveIter() iter.Seq2[netlink.Message, error] {
	return func(yield func(netlink.Message, error) bool) {
		ms, err := s.Receive()
		for _, m := range ms {
			if !yield(m, nil) {
				return
			}
		}
		if err != nil {
			yield(netlink.Message{}, err)
		}
	}
}

// maxDatagram bounds what is received at once. Kernels send dumps in parts of
// at most 32 KiB, and single messages far below this.
const maxDatagram = 16 << 20

// receive takes the next datagram from the kernel, whole. What did not come
// from the kernel is dropped: any process may send to this port.
func (s *socket) receive() ([]byte, error) {
	for {
		size, _, err := s.RecvFrom(nil, sys.MSG_PEEK|sys.MSG_TRUNC)
		if err != nil {
			return nil, err
		}
		if size > maxDatagram {
			return nil, fmt.Errorf("netlink datagram of %d bytes: at most %d", size, maxDatagram)
		}
		m := sys.Message{Buffers: [][]byte{make([]byte, size)}}
		n, err := s.RecvMsg(&m, 0)
		switch {
		case err != nil:
			return nil, err
		case m.Flags&sys.MSG_TRUNC != 0:
			return nil, errors.New("netlink datagram grew while it was received")
		case isFromKernel(m.Addr):
			return m.Buffers[0][:n], nil
		}
	}
}

func isFromKernel(a sys.Addr) bool {
	from, ok := a.(sys.NetlinkAddr)
	return ok && from.Port == 0
}

// headerSize is the size of struct nlmsghdr, to whose multiples of 4 messages
// are aligned.
const headerSize = 16

// parse splits a datagram into its messages.
func parse(b []byte) ([]netlink.Message, error) {
	var ms []netlink.Message
	for len(b) > 0 {
		if len(b) < headerSize {
			return nil, fmt.Errorf("netlink message of %d bytes: a header has %d", len(b), headerSize)
		}
		n := int(nativeOrder.Uint32(b))
		if n < headerSize || n > len(b) {
			return nil, fmt.Errorf("netlink message says that it has %d bytes, of %d", n, len(b))
		}
		ms = append(ms, netlink.Message{
			Header: netlink.Header{
				Length:   uint32(n),
				Type:     netlink.HeaderType(nativeOrder.Uint16(b[4:])),
				Flags:    netlink.HeaderFlags(nativeOrder.Uint16(b[6:])),
				Sequence: nativeOrder.Uint32(b[8:]),
				PID:      nativeOrder.Uint32(b[12:]),
			},
			Data: b[headerSize:n:n],
		})
		b = b[min((n+3)&^3, len(b)):]
	}
	return ms, nil
}

func (s *socket) JoinGroup(group uint32) error {
	return sys.NETLINK_ADD_MEMBERSHIP.Set(s.Socket, int(group))
}

func (s *socket) LeaveGroup(group uint32) error {
	return sys.NETLINK_DROP_MEMBERSHIP.Set(s.Socket, int(group))
}

var options = map[netlink.ConnOption]sys.SockOpt[bool]{
	netlink.PacketInfo:          sys.NETLINK_PKTINFO,
	netlink.BroadcastError:      sys.NETLINK_BROADCAST_ERROR,
	netlink.NoENOBUFS:           sys.NETLINK_NO_ENOBUFS,
	netlink.ListenAllNSID:       sys.NETLINK_LISTEN_ALL_NSID,
	netlink.CapAcknowledge:      sys.NETLINK_CAP_ACK,
	netlink.ExtendedAcknowledge: sys.NETLINK_EXT_ACK,
	netlink.GetStrictCheck:      sys.NETLINK_GET_STRICT_CHK,
}

func (s *socket) SetOption(o netlink.ConnOption, on bool) error {
	option, ok := options[o]
	if !ok {
		return fmt.Errorf("netlink option %d: %w", o, sys.ErrNotSupported)
	}
	return option.Set(s.Socket, on)
}

func (s *socket) SetReadBuffer(bytes int) error  { return sys.SO_RCVBUF.Set(s.Socket, bytes) }
func (s *socket) SetWriteBuffer(bytes int) error { return sys.SO_SNDBUF.Set(s.Socket, bytes) }
func (s *socket) ReadBuffer() (int, error)       { return sys.SO_RCVBUF.Get(s.Socket) }
func (s *socket) WriteBuffer() (int, error)      { return sys.SO_SNDBUF.Get(s.Socket) }

var _ interface {
	SetDeadline(time.Time) error
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
} = (*socket)(nil)

// nativeOrder is the byte order of this machine.
var nativeOrder = abi.ByteOrder(binary.NativeEndian.Uint16([]byte{1, 0}) != 1)
