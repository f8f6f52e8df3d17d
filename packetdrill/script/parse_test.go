package script_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/anykernel/anykernel/packetdrill/script"
)

const everything = "--tolerance_usecs=1000\n`sysctl -q a=1`\n" + `
// times
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+.01...0.011 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
0.2~0.3 > S 0:0(0) <...> /* a
comment */
* < [ect0] S. 0:0(0) ack 1 win 100 <mss 1000,nop,wscale 6,sackOK,TS val 1 ecr 2,sack 1:2 3:4>
+0 < 80 > 1234 . 1:1(0) ack 1 win 5
+0 > udp (100)
+0 < icmp unreachable frag_needed mtu 800 [1:1001(1000)]
+0 %{ assert x }%
+0 sendmsg(3, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=0}, MSG_DONTWAIT|MSG_MORE) = 10
+0 ` + "`true`\n`cleanup`\n"

func TestParse(t *testing.T) {
	s, err := script.Parse("x.pkt", everything)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Events) != 10 || s.Init.Text != "sysctl -q a=1" || s.Cleanup.Text != "cleanup" || s.Options[0].Value != "1000" {
		t.Errorf("%d events, %+v", len(s.Events), s)
	}
	connect := s.Events[1]
	if c := connect.Call; !c.Blocks || c.Until != 11*time.Millisecond || c.Errno != "EINPROGRESS" || c.Result.Number != -1 || !connect.Time.Relative || connect.Line != 6 {
		t.Errorf("connect is %+v at %+v", c, connect)
	}
	if e := s.Events[2]; e.Time.From != 200*time.Millisecond || e.Time.To != 300*time.Millisecond || !e.Packet.TCP.AnyOptions {
		t.Errorf("the SYN is %+v", e)
	}
	want := &script.TCP{Flags: "S.", HasAck: true, Ack: 1, Window: 100, Options: []script.TCPOption{
		{Kind: script.OptMSS, Value: 1000}, {Kind: script.OptNOP}, {Kind: script.OptWScale, Value: 6}, {Kind: script.OptSackOK},
		{Kind: script.OptTimestamp, Value: 1, Echo: 2}, {Kind: script.OptSack, Sack: [][2]uint32{{1, 2}, {3, 4}}},
	}}
	if p := s.Events[3].Packet; !cmp.Equal(p.TCP, want) || p.IP.ECN != script.ECT0 || !s.Events[3].Time.Any || s.Events[3].Line != 9 {
		t.Errorf("the SYN-ACK is %s", cmp.Diff(want, p.TCP))
	}
	if p := s.Events[4].Packet; *p.Ports != [2]uint16{80, 1234} {
		t.Errorf("the ports are %v", p.Ports)
	}
	if m := s.Events[6].Packet.ICMP; m.Code != "frag_needed" || m.MTU != 800 || m.Length != 1000 {
		t.Errorf("the ICMP message is %+v", m)
	}
	iov, _ := s.Events[8].Call.Args[1].Member("msg_iov")
	if len(iov.List) != 1 || iov.List[0].List[1].Number != 10 || s.Events[8].Call.Args[2].Kind != script.Or {
		t.Errorf("sendmsg has %+v", s.Events[8].Call.Args)
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"x":                               "x.pkt:1: want a time",
		"\n\n0 socket(":                   "x.pkt:3: want an expression",
		"0 < S 0:0(1)":                    "0:0(1): the length is 0",
		"0 < X 0:0(0)":                    "want the flags",
		"0 close(3) 0":                    `want "="`,
		"/* no end":                       "a comment without its end",
		"`no end":                         "at the end",
		"0 %{ no end":                     "at the end",
		"+0~1 > . 1:1(0)":                 "count from different moments",
		"2~1 > . 1:1(0)":                  "ends before it begins",
		"0 close(99999999999999999999)":   "is no number",
		"0 < . 1:1(0) win 70000":          "70000 is not between 0 and 65535",
		"0 close(3) = 0\n`a`\n0 x()=0":    "a command without a time stands at the end",
		"0 f(" + strings.Repeat("[", 100): "more than 32 deep",
	} {
		_, err := script.Parse("x.pkt", text)
		var where *script.Error
		if err == nil || !errors.As(err, &where) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := script.Parse("x", strings.Repeat(" ", script.MaxSize+1)); err == nil {
		t.Error("a script of a megabyte was read")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(everything)
	for _, file := range []string{"../testdata/close.pkt", "../testdata/retransmit.pkt"} {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := script.Parse("f", text)
		if (s == nil) == (err == nil) {
			t.Errorf("%v, %v", s, err)
		}
	})
}
