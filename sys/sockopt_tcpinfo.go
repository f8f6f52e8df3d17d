package sys

import (
	"time"

	"github.com/anykernel/anykernel/sys/abi"
)

// A TCPState is the state of a TCP connection, as [RFC 9293] names them.
//
// [RFC 9293]: https://www.rfc-editor.org/rfc/rfc9293
type TCPState uint8

// The states, in Linux's numbering.
const (
	TCP_ESTABLISHED TCPState = 1
	TCP_SYN_SENT    TCPState = 2
	TCP_SYN_RECV    TCPState = 3
	TCP_FIN_WAIT1   TCPState = 4
	TCP_FIN_WAIT2   TCPState = 5
	TCP_TIME_WAIT   TCPState = 6
	TCP_CLOSE       TCPState = 7
	TCP_CLOSE_WAIT  TCPState = 8
	TCP_LAST_ACK    TCPState = 9
	TCP_LISTEN      TCPState = 10
	TCP_CLOSING     TCPState = 11
)

var tcpStates = enumTable{
	name:   "TCP states",
	prefix: "TCP_",
	values: []enumValue{
		{"ESTABLISHED", 1}, {"SYN_SENT", 2}, {"SYN_RECV", 3}, {"FIN_WAIT1", 4}, {"FIN_WAIT2", 5}, {"TIME_WAIT", 6},
		{"CLOSE", 7}, {"CLOSE_WAIT", 8}, {"LAST_ACK", 9}, {"LISTEN", 10}, {"CLOSING", 11},
	},
}

// String is the name, such as "TCP_ESTABLISHED".
func (s TCPState) String() string { return tcpStates.format(uint32(s)) }

// bsdTCPStates is Linux's numbers of the states that BSDs count from 0.
var bsdTCPStates = [...]TCPState{
	TCP_CLOSE, TCP_LISTEN, TCP_SYN_SENT, TCP_SYN_RECV, TCP_ESTABLISHED, TCP_CLOSE_WAIT,
	TCP_FIN_WAIT1, TCP_CLOSING, TCP_LAST_ACK, TCP_FIN_WAIT2, TCP_TIME_WAIT,
}

// A TCPInfo tells of a TCP connection; see tcp(7), TCP_INFO. What a kernel
// does not tell is 0.
type TCPInfo struct {
	State         TCPState
	Retransmits   int           // of the segment that is being sent
	RTO           time.Duration // retransmission timeout
	RTT           time.Duration // smoothed round-trip time
	RTTVar        time.Duration // and its variance
	SendMSS       int           // bytes
	ReceiveMSS    int           // bytes
	SendWindow    int           // segments
	SlowStart     uint32        // threshold, in segments
	Unacked       int           // segments
	Lost          int           // segments
	Retransmitted int           // segments now on the way again
	TotalRetrans  int           // segments, since the connection began
	PathMTU       int
	ReceiveSpace  int
	BytesAcked    uint64
	BytesReceived uint64
}

// A tcpInfoLayout is where an ABI has what in struct tcp_info.
type tcpInfoLayout struct {
	size                                                    int
	state, retransmits, rto, rtt, rttvar, sndMSS, rcvMSS    abi.Field
	cwnd, ssthresh, unacked, lost, retrans, total, pmtu, rs abi.Field
	acked, received                                         abi.Field
}

func newTCPInfoLayout(a *abi.ABI) tcpInfoLayout {
	l := layoutOf(a, "tcp_info")
	return tcpInfoLayout{
		size:        l.Size,
		state:       l.field("tcpi_state"),
		retransmits: l.field("tcpi_retransmits", "__tcpi_retransmits"),
		rto:         l.field("tcpi_rto"),
		rtt:         l.field("tcpi_rtt"),
		rttvar:      l.field("tcpi_rttvar"),
		sndMSS:      l.field("tcpi_snd_mss"),
		rcvMSS:      l.field("tcpi_rcv_mss"),
		cwnd:        l.field("tcpi_snd_cwnd"),
		ssthresh:    l.field("tcpi_snd_ssthresh"),
		unacked:     l.field("tcpi_unacked", "__tcpi_unacked"),
		lost:        l.field("tcpi_lost", "__tcpi_lost"),
		retrans:     l.field("tcpi_retrans", "__tcpi_retrans"),
		total:       l.field("tcpi_total_retrans", "tcpi_snd_rexmitpack"),
		pmtu:        l.field("tcpi_pmtu", "__tcpi_pmtu"),
		rs:          l.field("tcpi_rcv_space"),
		acked:       l.field("tcpi_bytes_acked"),
		received:    l.field("tcpi_bytes_received"),
	}
}

// maxTCPInfo is room for struct tcp_info of kernels newer than the ABI's data.
const maxTCPInfo = 512

var tcpInfoCodec = sockoptCodec[TCPInfo]{
	room: maxTCPInfo,
	decode: func(t *table, b []byte) (TCPInfo, error) {
		l, o := &t.socket.tcpInfo, t.abi.Order
		if l.size == 0 {
			return TCPInfo{}, ErrNotSupported
		}
		// Older kernels answer with less; fields behind the end read as 0.
		num := func(f abi.Field) int { return int(f.Uint(b, o)) }
		usec := func(f abi.Field) time.Duration { return time.Duration(f.Uint(b, o)) * time.Microsecond }
		state := TCPState(num(l.state))
		if t.abi.OS != "linux" && int(state) < len(bsdTCPStates) {
			state = bsdTCPStates[state]
		}
		return TCPInfo{
			State: state, Retransmits: num(l.retransmits),
			RTO: usec(l.rto), RTT: usec(l.rtt), RTTVar: usec(l.rttvar),
			SendMSS: num(l.sndMSS), ReceiveMSS: num(l.rcvMSS),
			SendWindow: num(l.cwnd), SlowStart: uint32(num(l.ssthresh)),
			Unacked: num(l.unacked), Lost: num(l.lost), Retransmitted: num(l.retrans), TotalRetrans: num(l.total),
			PathMTU: num(l.pmtu), ReceiveSpace: num(l.rs),
			BytesAcked: l.acked.Uint(b, o), BytesReceived: l.received.Uint(b, o),
		}, nil
	},
}
