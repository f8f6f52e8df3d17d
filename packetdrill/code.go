package packetdrill

import (
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/packetdrill/script"
)

// An interpreter runs a script's code, whose variables live from one piece to the
// next.
type interpreter struct {
	vars starlark.StringDict // what a piece finds
	own  starlark.StringDict // what pieces have assigned
	log  io.Writer
}

func newInterpreter(log io.Writer) *interpreter {
	i := &interpreter{vars: starlark.StringDict{}, own: starlark.StringDict{}, log: log}
	for name, v := range codeConstants {
		i.vars[name] = starlark.MakeInt(v)
	}
	i.vars["assert_"] = starlark.NewBuiltin("assert", assert)
	return i
}

// codeConstants are Linux's, of tcp_info.
var codeConstants = map[string]int{
	"TCP_CA_Open": 0, "TCP_CA_Disorder": 1, "TCP_CA_CWR": 2, "TCP_CA_Recovery": 3, "TCP_CA_Loss": 4,
	"TCPI_OPT_TIMESTAMPS": 1, "TCPI_OPT_SACK": 2, "TCPI_OPT_WSCALE": 4, "TCPI_OPT_ECN": 8, "TCPI_OPT_ECN_SEEN": 16, "TCPI_OPT_SYN_DATA": 32,
	"TCP_ESTABLISHED": 1, "TCP_SYN_SENT": 2, "TCP_SYN_RECV": 3, "TCP_FIN_WAIT1": 4, "TCP_FIN_WAIT2": 5, "TCP_TIME_WAIT": 6,
	"TCP_CLOSE": 7, "TCP_CLOSE_WAIT": 8, "TCP_LAST_ACK": 9, "TCP_LISTEN": 10, "TCP_CLOSING": 11,
}

func assert(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(args) > 0 && !bool(args[0].Truth()) {
		return nil, fmt.Errorf("an assertion failed: %v", args[1:])
	}
	return starlark.None, nil
}

// maxSteps bounds a piece of code.
const maxSteps = 1 << 20

// run runs a piece of code.
func (i *interpreter) run(text string) error {
	thread := &starlark.Thread{Name: "code", Print: func(_ *starlark.Thread, msg string) {
		if i.log != nil {
			fmt.Fprintln(i.log, msg)
		}
	}}
	thread.SetMaxExecutionSteps(maxSteps)
	options := &syntax.FileOptions{TopLevelControl: true, GlobalReassign: true, While: true, Set: true}
	// A variable that a piece assigns is one of its own, and begins with what
	// the last piece left in it.
	var before strings.Builder
	for _, name := range i.own.Keys() {
		fmt.Fprintf(&before, "%s = %v\n", name, i.own[name])
	}
	after, err := starlark.ExecFileOptions(options, thread, "code", before.String()+fromPython(text), i.vars)
	for name, v := range after {
		i.own[name] = v
	}
	return err
}

var (
	assertLine = regexp.MustCompile(`\bassert\s+([^;\n]*)`)
	chain      = regexp.MustCompile(`([\w.]+)\s*(<=?)\s*([\w.]+)\s*(<=?)\s*([\w.]+)`)
)

// fromPython makes Starlark of the Python that scripts use: assert is a function,
// comparisons are not chained, and lines are not indented.
func fromPython(text string) string {
	text = strings.ReplaceAll(text, "\\\n", " ")
	text = chain.ReplaceAllString(text, "($1 $2 $3 and $3 $4 $5)")
	text = assertLine.ReplaceAllString(text, "assert_($1)")
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, strings.TrimRight(strings.TrimSpace(line), "; "))
	}
	return strings.Join(lines, "\n") + "\n"
}

// tcpInfo is Linux's struct tcp_info: names, offsets and sizes of its fields.
var tcpInfo = []struct {
	name         string
	offset, size int
}{
	{"state", 0, 1}, {"ca_state", 1, 1}, {"retransmits", 2, 1}, {"probes", 3, 1}, {"backoff", 4, 1}, {"options", 5, 1},
	{"rto", 8, 4}, {"ato", 12, 4}, {"snd_mss", 16, 4}, {"rcv_mss", 20, 4}, {"unacked", 24, 4}, {"sacked", 28, 4},
	{"lost", 32, 4}, {"retrans", 36, 4}, {"fackets", 40, 4}, {"last_data_sent", 44, 4}, {"last_ack_sent", 48, 4},
	{"last_data_recv", 52, 4}, {"last_ack_recv", 56, 4}, {"pmtu", 60, 4}, {"rcv_ssthresh", 64, 4}, {"rtt", 68, 4},
	{"rttvar", 72, 4}, {"snd_ssthresh", 76, 4}, {"snd_cwnd", 80, 4}, {"advmss", 84, 4}, {"reordering", 88, 4},
	{"rcv_rtt", 92, 4}, {"rcv_space", 96, 4}, {"total_retrans", 100, 4}, {"pacing_rate", 104, 8}, {"max_pacing_rate", 112, 8},
	{"bytes_acked", 120, 8}, {"bytes_received", 128, 8}, {"segs_out", 136, 4}, {"segs_in", 140, 4}, {"notsent_bytes", 144, 4},
	{"min_rtt", 148, 4}, {"data_segs_in", 152, 4}, {"data_segs_out", 156, 4}, {"delivery_rate", 160, 8}, {"busy_time", 168, 8},
	{"rwnd_limited", 176, 8}, {"sndbuf_limited", 184, 8}, {"delivered", 192, 4}, {"delivered_ce", 196, 4},
}

// runCode runs a piece of code about the latest connection.
func (r *runner) runCode(c *script.Code) error {
	r.stage.settle()
	if strings.Contains(c.Text, "tcpi_") {
		if err := r.readTCPInfo(); err != nil {
			return err
		}
	}
	return r.code.run(c.Text)
}

func (r *runner) readTCPInfo() error {
	a := r.proc.Kernel().ABI()
	if a.OS != "linux" {
		return unsupported("Linux's tcp_info of %s", a.OS)
	}
	live, ok := r.files[r.last]
	if !ok {
		return fmt.Errorf("code about tcp_info without a connection")
	}
	const ipprotoTCP, tcpInfoOption = 6, 11
	info := make([]byte, 256)
	length := appendUint32(a.Order, nil, uint32(len(info)))
	call, err := r.callOf([]backends.Arg{
		backends.Int(uintptr(live)), word(ipprotoTCP), word(tcpInfoOption), backends.Mem(info, backends.Out), backends.Mem(length, backends.InOut),
	}, "getsockopt")
	if err != nil {
		return err
	}
	if _, _, err := r.proc.Raw(*call); err != nil {
		return fmt.Errorf("TCP_INFO: %w", r.errno(err))
	}
	for _, f := range tcpInfo {
		var v uint64
		switch f.size {
		case 1:
			v = uint64(info[f.offset])
		case 4:
			v = uint64(a.Order.Uint32(info[f.offset:]))
		case 8:
			v = a.Order.Uint64(info[f.offset:])
		}
		r.code.vars["tcpi_"+f.name] = starlark.MakeUint64(v)
	}
	return nil
}
