package sys

import "time"

// Options of all sockets; see socket(7) and getsockopt(2).
var (
	SO_ACCEPTCONN      = newSockOpt("SOL_SOCKET", "SO_ACCEPTCONN", readOnly(boolCodec))            // the socket takes connections
	SO_BINDTODEVICE    = newSockOpt("SOL_SOCKET", "SO_BINDTODEVICE", stringCodec)                  // the interface that the socket is bound to, "" for any
	SO_BINDTOIFINDEX   = newSockOpt("SOL_SOCKET", "SO_BINDTOIFINDEX", intCodec)                    // the same by the interface's number
	SO_BROADCAST       = newSockOpt("SOL_SOCKET", "SO_BROADCAST", boolCodec)                       // datagrams may be sent to broadcast addresses
	SO_BUSY_POLL       = newSockOpt("SOL_SOCKET", "SO_BUSY_POLL", durationCodec(time.Microsecond)) // how long to poll the device on a blocking receive
	SO_COOKIE          = newSockOpt("SOL_SOCKET", "SO_COOKIE", readOnly(uint64Codec))              // a number that no other socket of the kernel has
	SO_DEBUG           = newSockOpt("SOL_SOCKET", "SO_DEBUG", boolCodec)                           // the kernel traces the socket
	SO_DOMAIN          = newSockOpt("SOL_SOCKET", "SO_DOMAIN", familyCodec)                        // the socket's family
	SO_DONTROUTE       = newSockOpt("SOL_SOCKET", "SO_DONTROUTE", boolCodec)                       // send to hosts that are connected directly only
	SO_ERROR           = newSockOpt("SOL_SOCKET", "SO_ERROR", errnoCodec)                          // the error that is pending, in the kernel's ABI; asking clears it. See [Socket.Err]
	SO_INCOMING_CPU    = newSockOpt("SOL_SOCKET", "SO_INCOMING_CPU", intCodec)                     // the CPU that handles the socket's packets
	SO_KEEPALIVE       = newSockOpt("SOL_SOCKET", "SO_KEEPALIVE", boolCodec)                       // idle connections are probed
	SO_LINGER          = newSockOpt("SOL_SOCKET", "SO_LINGER", lingerCodec)                        // what Close does with data that was not sent yet
	SO_LOCK_FILTER     = newSockOpt("SOL_SOCKET", "SO_LOCK_FILTER", boolCodec)                     // the filter may not be changed any more
	SO_MARK            = newSockOpt("SOL_SOCKET", "SO_MARK", intCodec)                             // the mark of packets that are sent, for routing
	SO_MAX_PACING_RATE = newSockOpt("SOL_SOCKET", "SO_MAX_PACING_RATE", uint64Codec)               // bytes a second
	SO_NOSIGPIPE       = newSockOpt("SOL_SOCKET", "SO_NOSIGPIPE", boolCodec)                       // a broken connection raises no SIGPIPE; BSD's
	SO_NO_CHECK        = newSockOpt("SOL_SOCKET", "SO_NO_CHECK", boolCodec)                        // UDP datagrams are sent without a checksum
	SO_OOBINLINE       = newSockOpt("SOL_SOCKET", "SO_OOBINLINE", boolCodec)                       // urgent data come in line
	SO_PASSCRED        = newSockOpt("SOL_SOCKET", "SO_PASSCRED", boolCodec)                        // [Credentials] come with every message; Linux's
	SO_PEEK_OFF        = newSockOpt("SOL_SOCKET", "SO_PEEK_OFF", intCodec)                         // where MSG_PEEK reads, -1 for the front of the queue
	SO_PEERCRED        = newSockOpt("SOL_SOCKET", "SO_PEERCRED", credentialsCodec)                 // who the peer was when it connected; Linux's
	SO_PEERSEC         = newSockOpt("SOL_SOCKET", "SO_PEERSEC", readOnly(stringCodec))             // the peer's security label
	SO_PRIORITY        = newSockOpt("SOL_SOCKET", "SO_PRIORITY", intCodec)                         // the priority of packets that are sent
	SO_PROTOCOL        = newSockOpt("SOL_SOCKET", "SO_PROTOCOL", protocolCodec)                    // the socket's protocol
	SO_RCVBUF          = newSockOpt("SOL_SOCKET", "SO_RCVBUF", intCodec)                           // bytes of the receive buffer; Linux doubles what it is set to
	SO_RCVBUFFORCE     = newSockOpt("SOL_SOCKET", "SO_RCVBUFFORCE", writeOnly(intCodec))           // SO_RCVBUF beyond the system's limit
	SO_RCVLOWAT        = newSockOpt("SOL_SOCKET", "SO_RCVLOWAT", intCodec)                         // bytes that make the socket readable
	SO_RCVTIMEO        = newSockOpt("SOL_SOCKET", "SO_RCVTIMEO", timevalCodec)                     // how long a receive may block, 0 for ever
	SO_REUSEADDR       = newSockOpt("SOL_SOCKET", "SO_REUSEADDR", boolCodec)                       // bind does not mind connections that linger on the address
	SO_REUSEPORT       = newSockOpt("SOL_SOCKET", "SO_REUSEPORT", boolCodec)                       // several sockets may bind to the address
	SO_RXQ_OVFL        = newSockOpt("SOL_SOCKET", "SO_RXQ_OVFL", boolCodec)                        // the number of dropped datagrams comes with each one
	SO_SNDBUF          = newSockOpt("SOL_SOCKET", "SO_SNDBUF", intCodec)                           // bytes of the send buffer; Linux doubles what it is set to
	SO_SNDBUFFORCE     = newSockOpt("SOL_SOCKET", "SO_SNDBUFFORCE", writeOnly(intCodec))           // SO_SNDBUF beyond the system's limit
	SO_SNDLOWAT        = newSockOpt("SOL_SOCKET", "SO_SNDLOWAT", intCodec)                         // bytes of room that make the socket writable
	SO_SNDTIMEO        = newSockOpt("SOL_SOCKET", "SO_SNDTIMEO", timevalCodec)                     // how long a send may block, 0 for ever
	SO_TIMESTAMP       = newSockOpt("SOL_SOCKET", "SO_TIMESTAMP", boolCodec)                       // a [Timestamp] comes with each datagram, in microseconds
	SO_TIMESTAMPING    = newSockOpt("SOL_SOCKET", "SO_TIMESTAMPING", intCodec)                     // the flags SOF_TIMESTAMPING_*
	SO_TIMESTAMPNS     = newSockOpt("SOL_SOCKET", "SO_TIMESTAMPNS", boolCodec)                     // a [Timestamp] comes with each datagram, in nanoseconds
	SO_TYPE            = newSockOpt("SOL_SOCKET", "SO_TYPE", sockTypeCodec)                        // the socket's type
	SO_ZEROCOPY        = newSockOpt("SOL_SOCKET", "SO_ZEROCOPY", boolCodec)                        // MSG_ZEROCOPY may be used
)

// Options of AF_INET; see ip(7) and ip(4).
var (
	IP_ADD_MEMBERSHIP       = newSockOpt("IPPROTO_IP", "IP_ADD_MEMBERSHIP", membership4Codec)     // joins a multicast group
	IP_BIND_ADDRESS_NO_PORT = newSockOpt("IPPROTO_IP", "IP_BIND_ADDRESS_NO_PORT", boolCodec)      // bind to an address leaves the choice of a port to connect
	IP_DROP_MEMBERSHIP      = newSockOpt("IPPROTO_IP", "IP_DROP_MEMBERSHIP", membership4Codec)    // leaves a multicast group
	IP_FREEBIND             = newSockOpt("IPPROTO_IP", "IP_FREEBIND", boolCodec)                  // bind to addresses that the system does not have
	IP_HDRINCL              = newSockOpt("IPPROTO_IP", "IP_HDRINCL", boolCodec)                   // what is sent over a raw socket begins with the IP header
	IP_MINTTL               = newSockOpt("IPPROTO_IP", "IP_MINTTL", intCodec)                     // drop packets with a lower time to live
	IP_MTU                  = newSockOpt("IPPROTO_IP", "IP_MTU", readOnly(intCodec))              // the path MTU of a connected socket
	IP_MTU_DISCOVER         = newSockOpt("IPPROTO_IP", "IP_MTU_DISCOVER", intCodec)               // one of IP_PMTUDISC_*
	IP_MULTICAST_ALL        = newSockOpt("IPPROTO_IP", "IP_MULTICAST_ALL", boolCodec)             // receive all groups that any socket joined
	IP_MULTICAST_IF         = newSockOpt("IPPROTO_IP", "IP_MULTICAST_IF", inetAddrCodec)          // the interface for multicast, by its address
	IP_MULTICAST_LOOP       = newSockOpt("IPPROTO_IP", "IP_MULTICAST_LOOP", byteCodec(boolCodec)) // multicast sent is received here too
	IP_MULTICAST_TTL        = newSockOpt("IPPROTO_IP", "IP_MULTICAST_TTL", byteCodec(intCodec))   // time to live of multicast sent
	IP_PKTINFO              = newSockOpt("IPPROTO_IP", "IP_PKTINFO", boolCodec)                   // a [PacketInfo] comes with each datagram; Linux's
	IP_RECVERR              = newSockOpt("IPPROTO_IP", "IP_RECVERR", boolCodec)                   // errors are queued, for MSG_ERRQUEUE
	IP_RECVOPTS             = newSockOpt("IPPROTO_IP", "IP_RECVOPTS", boolCodec)                  // IP options come with each datagram
	IP_RECVPKTINFO          = newSockOpt("IPPROTO_IP", "IP_RECVPKTINFO", boolCodec)               // a [PacketInfo] comes with each datagram; NetBSD's
	IP_RECVTOS              = newSockOpt("IPPROTO_IP", "IP_RECVTOS", boolCodec)                   // a [TOS] comes with each datagram
	IP_RECVTTL              = newSockOpt("IPPROTO_IP", "IP_RECVTTL", boolCodec)                   // a [TTL] comes with each datagram
	IP_TOS                  = newSockOpt("IPPROTO_IP", "IP_TOS", intCodec)                        // type of service of packets that are sent
	IP_TRANSPARENT          = newSockOpt("IPPROTO_IP", "IP_TRANSPARENT", boolCodec)               // transparent proxying
	IP_TTL                  = newSockOpt("IPPROTO_IP", "IP_TTL", intCodec)                        // time to live of packets that are sent
)

// Options of AF_INET6; see ipv6(7) and ip6(4).
var (
	IPV6_CHECKSUM       = newSockOpt("IPPROTO_IPV6", "IPV6_CHECKSUM", intCodec)            // offset of the checksum in what a raw socket sends, -1 for none
	IPV6_DONTFRAG       = newSockOpt("IPPROTO_IPV6", "IPV6_DONTFRAG", boolCodec)           // packets are not fragmented
	IPV6_JOIN_GROUP     = newSockOpt("IPPROTO_IPV6", "IPV6_JOIN_GROUP", membership6Codec)  // joins a multicast group
	IPV6_LEAVE_GROUP    = newSockOpt("IPPROTO_IPV6", "IPV6_LEAVE_GROUP", membership6Codec) // leaves a multicast group
	IPV6_MTU            = newSockOpt("IPPROTO_IPV6", "IPV6_MTU", intCodec)                 // the path MTU
	IPV6_MTU_DISCOVER   = newSockOpt("IPPROTO_IPV6", "IPV6_MTU_DISCOVER", intCodec)        // one of IPV6_PMTUDISC_*
	IPV6_MULTICAST_HOPS = newSockOpt("IPPROTO_IPV6", "IPV6_MULTICAST_HOPS", intCodec)      // hop limit of multicast sent
	IPV6_MULTICAST_IF   = newSockOpt("IPPROTO_IPV6", "IPV6_MULTICAST_IF", intCodec)        // the interface for multicast, by its number
	IPV6_MULTICAST_LOOP = newSockOpt("IPPROTO_IPV6", "IPV6_MULTICAST_LOOP", boolCodec)     // multicast sent is received here too
	IPV6_RECVERR        = newSockOpt("IPPROTO_IPV6", "IPV6_RECVERR", boolCodec)            // errors are queued, for MSG_ERRQUEUE
	IPV6_RECVHOPLIMIT   = newSockOpt("IPPROTO_IPV6", "IPV6_RECVHOPLIMIT", boolCodec)       // a [HopLimit] comes with each datagram
	IPV6_RECVPKTINFO    = newSockOpt("IPPROTO_IPV6", "IPV6_RECVPKTINFO", boolCodec)        // a [PacketInfo] comes with each datagram
	IPV6_RECVTCLASS     = newSockOpt("IPPROTO_IPV6", "IPV6_RECVTCLASS", boolCodec)         // a [TrafficClass] comes with each datagram
	IPV6_TCLASS         = newSockOpt("IPPROTO_IPV6", "IPV6_TCLASS", intCodec)              // traffic class of packets that are sent
	IPV6_UNICAST_HOPS   = newSockOpt("IPPROTO_IPV6", "IPV6_UNICAST_HOPS", intCodec)        // hop limit of packets that are sent
	IPV6_V6ONLY         = newSockOpt("IPPROTO_IPV6", "IPV6_V6ONLY", boolCodec)             // the socket has nothing to do with IPv4
)

// Options of raw ICMPv6 sockets; see RFC 3542.
var (
	ICMPV6_FILTER = newSockOpt("IPPROTO_ICMPV6", "ICMPV6_FILTER", icmp6FilterCodec) // the types of ICMPv6 that a raw socket does not receive
)

// Options of TCP; see tcp(7) and tcp(4).
var (
	TCP_CONGESTION       = newSockOpt("IPPROTO_TCP", "TCP_CONGESTION", stringCodec)                       // the congestion control algorithm
	TCP_CORK             = newSockOpt("IPPROTO_TCP", "TCP_CORK", boolCodec)                               // partial segments are held back
	TCP_DEFER_ACCEPT     = newSockOpt("IPPROTO_TCP", "TCP_DEFER_ACCEPT", durationCodec(time.Second))      // a listener wakes when data came
	TCP_FASTOPEN         = newSockOpt("IPPROTO_TCP", "TCP_FASTOPEN", intCodec)                            // a listener takes data in SYN; the length of its queue
	TCP_FASTOPEN_CONNECT = newSockOpt("IPPROTO_TCP", "TCP_FASTOPEN_CONNECT", boolCodec)                   // connect sends data in SYN
	TCP_INFO             = newSockOpt("IPPROTO_TCP", "TCP_INFO", tcpInfoCodec)                            // what the kernel knows of the connection
	TCP_KEEPCNT          = newSockOpt("IPPROTO_TCP", "TCP_KEEPCNT", intCodec)                             // probes before a connection is given up
	TCP_KEEPIDLE         = newSockOpt("IPPROTO_TCP", "TCP_KEEPIDLE", durationCodec(time.Second))          // idle time before the first probe
	TCP_KEEPINTVL        = newSockOpt("IPPROTO_TCP", "TCP_KEEPINTVL", durationCodec(time.Second))         // time between probes
	TCP_LINGER2          = newSockOpt("IPPROTO_TCP", "TCP_LINGER2", durationCodec(time.Second))           // how long an orphaned connection stays in FIN_WAIT2
	TCP_MAXSEG           = newSockOpt("IPPROTO_TCP", "TCP_MAXSEG", intCodec)                              // bytes of a segment
	TCP_NODELAY          = newSockOpt("IPPROTO_TCP", "TCP_NODELAY", boolCodec)                            // small segments are sent at once
	TCP_NOTSENT_LOWAT    = newSockOpt("IPPROTO_TCP", "TCP_NOTSENT_LOWAT", intCodec)                       // bytes not yet sent below which the socket is writable
	TCP_QUICKACK         = newSockOpt("IPPROTO_TCP", "TCP_QUICKACK", boolCodec)                           // acknowledgements are sent at once
	TCP_SYNCNT           = newSockOpt("IPPROTO_TCP", "TCP_SYNCNT", intCodec)                              // SYNs sent before a connect is given up
	TCP_ULP              = newSockOpt("IPPROTO_TCP", "TCP_ULP", stringCodec)                              // the upper layer protocol, such as "tls"
	TCP_USER_TIMEOUT     = newSockOpt("IPPROTO_TCP", "TCP_USER_TIMEOUT", durationCodec(time.Millisecond)) // how long data may stay unacknowledged, 0 for the system's choice
	TCP_WINDOW_CLAMP     = newSockOpt("IPPROTO_TCP", "TCP_WINDOW_CLAMP", intCodec)                        // limit of the advertised window
)

// Options of UDP; see udp(7).
var (
	UDP_CORK    = newSockOpt("IPPROTO_UDP", "UDP_CORK", boolCodec)   // data of several sends become one datagram
	UDP_GRO     = newSockOpt("IPPROTO_UDP", "UDP_GRO", boolCodec)    // datagrams may come joined
	UDP_SEGMENT = newSockOpt("IPPROTO_UDP", "UDP_SEGMENT", intCodec) // size of the datagrams that one send is split into
)

// Options of AF_PACKET; see packet(7).
var (
	PACKET_ADD_MEMBERSHIP  = newSockOpt("SOL_PACKET", "PACKET_ADD_MEMBERSHIP", packetMembershipCodec)  // receive more than what is meant for the interface
	PACKET_AUXDATA         = newSockOpt("SOL_PACKET", "PACKET_AUXDATA", boolCodec)                     // struct tpacket_auxdata comes with each packet
	PACKET_DROP_MEMBERSHIP = newSockOpt("SOL_PACKET", "PACKET_DROP_MEMBERSHIP", packetMembershipCodec) // takes it back
	PACKET_FANOUT          = newSockOpt("SOL_PACKET", "PACKET_FANOUT", intCodec)                       // group and mode of sharing packets among sockets
	PACKET_IGNORE_OUTGOING = newSockOpt("SOL_PACKET", "PACKET_IGNORE_OUTGOING", boolCodec)             // packets sent by this system are not received
	PACKET_QDISC_BYPASS    = newSockOpt("SOL_PACKET", "PACKET_QDISC_BYPASS", boolCodec)                // packets do not go through the queueing discipline
	PACKET_STATISTICS      = newSockOpt("SOL_PACKET", "PACKET_STATISTICS", packetStatsCodec)           // counts since it was last asked for
	PACKET_VERSION         = newSockOpt("SOL_PACKET", "PACKET_VERSION", intCodec)                      // version of the ring's headers
)

// Options of AF_NETLINK; see netlink(7).
var (
	NETLINK_ADD_MEMBERSHIP  = newSockOpt("SOL_NETLINK", "NETLINK_ADD_MEMBERSHIP", writeOnly(intCodec))  // joins a multicast group
	NETLINK_BROADCAST_ERROR = newSockOpt("SOL_NETLINK", "NETLINK_BROADCAST_ERROR", boolCodec)           // broadcasts tell of errors
	NETLINK_CAP_ACK         = newSockOpt("SOL_NETLINK", "NETLINK_CAP_ACK", boolCodec)                   // acknowledgements do not repeat the request
	NETLINK_DROP_MEMBERSHIP = newSockOpt("SOL_NETLINK", "NETLINK_DROP_MEMBERSHIP", writeOnly(intCodec)) // leaves a multicast group
	NETLINK_EXT_ACK         = newSockOpt("SOL_NETLINK", "NETLINK_EXT_ACK", boolCodec)                   // acknowledgements explain errors
	NETLINK_GET_STRICT_CHK  = newSockOpt("SOL_NETLINK", "NETLINK_GET_STRICT_CHK", boolCodec)            // requests are checked strictly
	NETLINK_LISTEN_ALL_NSID = newSockOpt("SOL_NETLINK", "NETLINK_LISTEN_ALL_NSID", boolCodec)           // messages of other name spaces come too
	NETLINK_NO_ENOBUFS      = newSockOpt("SOL_NETLINK", "NETLINK_NO_ENOBUFS", boolCodec)                // overrun of the receive buffer is no error
	NETLINK_PKTINFO         = newSockOpt("SOL_NETLINK", "NETLINK_PKTINFO", boolCodec)                   // struct nl_pktinfo comes with each message
)
