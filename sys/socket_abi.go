package sys

import "github.com/anykernel/anykernel/sys/abi"

// A socketTable is what the calls on sockets and those that wait need to know
// of an ABI: the numbers of families, types and flags, and how it lays out
// addresses, messages with their buffers and control data, and times.
type socketTable struct {
	families                            enumTranslation
	types                               bitTranslation
	msgFlags                            bitTranslation
	pollEvents                          bitTranslation
	addr                                sockaddrABI
	timespec                            intervalLayout
	timeval                             intervalLayout
	einprogress, ealready, econnaborted abi.Errno
	noSignal                            bool // there is MSG_NOSIGNAL
	bigEndian                           bool
	lacksType                           SockType // flags that socket(2) does not take
	hdr                                 msghdrLayout
	iov                                 iovecLayout
	mmsgSize                            int       // of struct mmsghdr
	mmsgLen                             abi.Field // how much of a message was sent or came
	control                             controlABI
	options                             []sockoptNumber // by SockOpt.index
	tcpInfo                             tcpInfoLayout
	mreqn                               bool // an IPv4 multicast group may name its interface by number
}

type msghdrLayout struct {
	size                                                   int
	name, nameLen, iov, iovLen, control, controlLen, flags abi.Field
}

type iovecLayout struct {
	size      int
	base, len abi.Field
}

func newSocketTable(a *abi.ABI) socketTable {
	m := socketTable{
		families:   families.translation(a),
		types:      sockTypes.translation(a),
		msgFlags:   msgFlags.translation(a),
		pollEvents: pollEvents.translation(a),
		addr:       newSockaddrABI(a),
		timespec:   newTimespecLayout(a),
		timeval:    newTimevalLayout(a),
		bigEndian:  a.Order == abi.BigEndian,
	}
	for flag, name := range map[SockType]string{SOCK_NONBLOCK: "SOCK_NONBLOCK", SOCK_CLOEXEC: "SOCK_CLOEXEC"} {
		if _, ok := a.Const(name); !ok {
			m.lacksType |= flag
		}
	}
	h := layoutOf(a, "msghdr")
	m.hdr = msghdrLayout{
		size: h.Size, name: h.field("msg_name"), nameLen: h.field("msg_namelen"),
		iov: h.field("msg_iov"), iovLen: h.field("msg_iovlen"),
		control: h.field("msg_control"), controlLen: h.field("msg_controllen"), flags: h.field("msg_flags"),
	}
	m.einprogress, m.ealready = errnoNumber(a, "EINPROGRESS"), errnoNumber(a, "EALREADY")
	m.econnaborted = errnoNumber(a, "ECONNABORTED")
	_, m.noSignal = a.Const("MSG_NOSIGNAL")
	v := layoutOf(a, "iovec")
	m.iov = iovecLayout{size: v.Size, base: v.field("iov_base"), len: v.field("iov_len")}
	// struct mmsghdr is a msghdr and an unsigned int.
	m.mmsgLen = abi.Field{Name: "msg_len", Offset: h.Size, Size: 4}
	m.mmsgSize = alignUp(h.Size+4, a.PointerSize)
	m.control = newControlABI(a)
	m.options = sockoptNumbers(a)
	m.tcpInfo = newTCPInfoLayout(a)
	m.mreqn = a.OS == "linux"
	return m
}

func alignUp(n, to int) int { return (n + to - 1) &^ (to - 1) }
