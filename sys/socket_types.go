package sys

// A Family is an address family; see socket(2).
type Family uint16

// The address families. Those that only a BSD or macOS has are counted from
// 1001.
const (
	AF_UNSPEC    Family = 0
	AF_UNIX      Family = 1
	AF_LOCAL     Family = AF_UNIX
	AF_INET      Family = 2
	AF_AX25      Family = 3
	AF_IPX       Family = 4
	AF_APPLETALK Family = 5
	AF_X25       Family = 9
	AF_INET6     Family = 10
	AF_KEY       Family = 15
	AF_NETLINK   Family = 16
	AF_PACKET    Family = 17
	AF_RDS       Family = 21
	AF_PPPOX     Family = 24
	AF_CAN       Family = 29
	AF_TIPC      Family = 30
	AF_BLUETOOTH Family = 31
	AF_ALG       Family = 38
	AF_VSOCK     Family = 40
	AF_XDP       Family = 44
	AF_LINK      Family = 1001
	AF_ROUTE     Family = 1002
	AF_SYSTEM    Family = 1003
)

var families = enumTable{
	name:   "address families",
	prefix: "AF_",
	values: []enumValue{
		{"UNSPEC", uint32(AF_UNSPEC)},
		{"UNIX", uint32(AF_UNIX)},
		{"LOCAL", uint32(AF_LOCAL)},
		{"INET", uint32(AF_INET)},
		{"AX25", uint32(AF_AX25)},
		{"IPX", uint32(AF_IPX)},
		{"APPLETALK", uint32(AF_APPLETALK)},
		{"X25", uint32(AF_X25)},
		{"INET6", uint32(AF_INET6)},
		{"KEY", uint32(AF_KEY)},
		{"NETLINK", uint32(AF_NETLINK)},
		{"PACKET", uint32(AF_PACKET)},
		{"RDS", uint32(AF_RDS)},
		{"PPPOX", uint32(AF_PPPOX)},
		{"CAN", uint32(AF_CAN)},
		{"TIPC", uint32(AF_TIPC)},
		{"BLUETOOTH", uint32(AF_BLUETOOTH)},
		{"ALG", uint32(AF_ALG)},
		{"VSOCK", uint32(AF_VSOCK)},
		{"XDP", uint32(AF_XDP)},
		{"LINK", uint32(AF_LINK)},
		// On Linux this is another name for AF_NETLINK, found above.
		{"ROUTE", uint32(AF_ROUTE)},
		{"SYSTEM", uint32(AF_SYSTEM)},
	},
}

// ParseFamily reads a family by name, such as "inet6" or "AF_INET6". The error
// is a [*NameError].
func ParseFamily(text string) (Family, error) {
	v, err := families.parse(text)
	return Family(v), err
}

// String is the name, such as "AF_INET6".
func (f Family) String() string { return families.format(uint32(f)) }

// A SockType is the type of a socket, with the flags that socket(2) and
// accept4(2) take beside it.
type SockType uint32

// Exactly one of the types, with any of the flags.
const (
	SOCK_STREAM    SockType = 1
	SOCK_DGRAM     SockType = 2
	SOCK_RAW       SockType = 3
	SOCK_RDM       SockType = 4
	SOCK_SEQPACKET SockType = 5
	SOCK_DCCP      SockType = 6
	SOCK_PACKET    SockType = 10

	SOCK_NONBLOCK SockType = 0x800
	SOCK_CLOEXEC  SockType = 0x80000

	sockTypeMask SockType = 0xf
)

var sockTypes = flagTable{
	name:   "socket types",
	prefix: "SOCK_",
	flags: []flag{
		{"STREAM", uint64(SOCK_STREAM), uint64(sockTypeMask)},
		{"DGRAM", uint64(SOCK_DGRAM), uint64(sockTypeMask)},
		{"RAW", uint64(SOCK_RAW), uint64(sockTypeMask)},
		{"RDM", uint64(SOCK_RDM), uint64(sockTypeMask)},
		{"SEQPACKET", uint64(SOCK_SEQPACKET), uint64(sockTypeMask)},
		{"DCCP", uint64(SOCK_DCCP), uint64(sockTypeMask)},
		{"PACKET", uint64(SOCK_PACKET), uint64(sockTypeMask)},
		{name: "NONBLOCK", value: uint64(SOCK_NONBLOCK)},
		{name: "CLOEXEC", value: uint64(SOCK_CLOEXEC)},
	},
}

// ParseSockType reads a type and flags by name, such as "stream, nonblock".
// The error is a [*NameError].
func ParseSockType(text string) (SockType, error) {
	v, err := sockTypes.parse(text)
	return SockType(v), err
}

// String is the type and the flags by name, such as
// "SOCK_STREAM|SOCK_NONBLOCK".
func (t SockType) String() string { return sockTypes.format(uint64(t)) }

// A Protocol is the protocol of a socket within its family. The numbers of
// the internet protocols are the same on every OS. 0 is the family's usual
// protocol for a type.
type Protocol uint16

// Protocols of AF_INET and AF_INET6, as IANA numbers them.
const (
	IPPROTO_IP      Protocol = 0
	IPPROTO_ICMP    Protocol = 1
	IPPROTO_IGMP    Protocol = 2
	IPPROTO_TCP     Protocol = 6
	IPPROTO_UDP     Protocol = 17
	IPPROTO_DCCP    Protocol = 33
	IPPROTO_IPV6    Protocol = 41
	IPPROTO_GRE     Protocol = 47
	IPPROTO_ESP     Protocol = 50
	IPPROTO_AH      Protocol = 51
	IPPROTO_ICMPV6  Protocol = 58
	IPPROTO_SCTP    Protocol = 132
	IPPROTO_UDPLITE Protocol = 136
	IPPROTO_RAW     Protocol = 255
)

// Protocols of AF_PACKET: the EtherTypes, in the byte order of the machine.
const (
	ETH_P_ALL  Protocol = 0x3
	ETH_P_IP   Protocol = 0x800
	ETH_P_ARP  Protocol = 0x806
	ETH_P_IPV6 Protocol = 0x86dd
)

var protocols = enumTable{
	name:   "internet protocols",
	prefix: "IPPROTO_",
	values: []enumValue{
		{"IP", uint32(IPPROTO_IP)},
		{"ICMP", uint32(IPPROTO_ICMP)},
		{"IGMP", uint32(IPPROTO_IGMP)},
		{"TCP", uint32(IPPROTO_TCP)},
		{"UDP", uint32(IPPROTO_UDP)},
		{"DCCP", uint32(IPPROTO_DCCP)},
		{"IPV6", uint32(IPPROTO_IPV6)},
		{"GRE", uint32(IPPROTO_GRE)},
		{"ESP", uint32(IPPROTO_ESP)},
		{"AH", uint32(IPPROTO_AH)},
		{"ICMPV6", uint32(IPPROTO_ICMPV6)},
		{"SCTP", uint32(IPPROTO_SCTP)},
		{"UDPLITE", uint32(IPPROTO_UDPLITE)},
		{"RAW", uint32(IPPROTO_RAW)},
	},
}

// ParseProtocol reads an internet protocol by name, such as "tcp" or
// "IPPROTO_TCP". The error is a [*NameError].
func ParseProtocol(text string) (Protocol, error) {
	v, err := protocols.parse(text)
	return Protocol(v), err
}

// String is the name of the internet protocol with that number.
func (p Protocol) String() string { return protocols.format(uint32(p)) }

// MsgFlags are the flags of send(2) and recv(2), and what recvmsg(2) says of
// a message.
type MsgFlags uint32

const (
	MSG_OOB          MsgFlags = 0x1
	MSG_PEEK         MsgFlags = 0x2
	MSG_DONTROUTE    MsgFlags = 0x4
	MSG_CTRUNC       MsgFlags = 0x8
	MSG_TRUNC        MsgFlags = 0x20
	MSG_DONTWAIT     MsgFlags = 0x40
	MSG_EOR          MsgFlags = 0x80
	MSG_WAITALL      MsgFlags = 0x100
	MSG_CONFIRM      MsgFlags = 0x800
	MSG_ERRQUEUE     MsgFlags = 0x2000
	MSG_NOSIGNAL     MsgFlags = 0x4000
	MSG_MORE         MsgFlags = 0x8000
	MSG_WAITFORONE   MsgFlags = 0x10000
	MSG_ZEROCOPY     MsgFlags = 0x4000000
	MSG_FASTOPEN     MsgFlags = 0x20000000
	MSG_CMSG_CLOEXEC MsgFlags = 0x40000000
)

var msgFlags = flagTable{
	name:   "message flags",
	prefix: "MSG_",
	flags: []flag{
		{name: "OOB", value: uint64(MSG_OOB)},
		{name: "PEEK", value: uint64(MSG_PEEK)},
		{name: "DONTROUTE", value: uint64(MSG_DONTROUTE)},
		{name: "CTRUNC", value: uint64(MSG_CTRUNC)},
		{name: "TRUNC", value: uint64(MSG_TRUNC)},
		{name: "DONTWAIT", value: uint64(MSG_DONTWAIT)},
		{name: "EOR", value: uint64(MSG_EOR)},
		{name: "WAITALL", value: uint64(MSG_WAITALL)},
		{name: "CONFIRM", value: uint64(MSG_CONFIRM)},
		{name: "ERRQUEUE", value: uint64(MSG_ERRQUEUE)},
		{name: "NOSIGNAL", value: uint64(MSG_NOSIGNAL)},
		{name: "MORE", value: uint64(MSG_MORE)},
		{name: "WAITFORONE", value: uint64(MSG_WAITFORONE)},
		{name: "ZEROCOPY", value: uint64(MSG_ZEROCOPY)},
		{name: "FASTOPEN", value: uint64(MSG_FASTOPEN)},
		{name: "CMSG_CLOEXEC", value: uint64(MSG_CMSG_CLOEXEC)},
	},
}

// ParseMsgFlags reads flags by name, such as "peek, dontwait". The error is a
// [*NameError].
func ParseMsgFlags(text string) (MsgFlags, error) {
	v, err := msgFlags.parse(text)
	return MsgFlags(v), err
}

// String is the flags by name, such as "MSG_PEEK|MSG_DONTWAIT".
func (f MsgFlags) String() string { return msgFlags.format(uint64(f)) }

// A ShutdownHow is a direction for [Socket.Shutdown].
type ShutdownHow uint8

const (
	SHUT_RD   ShutdownHow = 0
	SHUT_WR   ShutdownHow = 1
	SHUT_RDWR ShutdownHow = 2
)

// String is the name, such as "SHUT_WR".
func (h ShutdownHow) String() string { return shutdownHows.format(uint32(h)) }

var shutdownHows = enumTable{
	name:   "shutdown directions",
	prefix: "SHUT_",
	values: []enumValue{{"RD", uint32(SHUT_RD)}, {"WR", uint32(SHUT_WR)}, {"RDWR", uint32(SHUT_RDWR)}},
}
