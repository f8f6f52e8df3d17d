package applets

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/anykernel/anykernel/sys"
)

var ping = &Applet{
	Name:     "ping",
	Summary:  "send echo requests and wait for the answers",
	Synopsis: "[-c COUNT] [-i INTERVAL] [-W TIMEOUT] HOST",
	flags: func(f *pflag.FlagSet) action {
		p := &pinger{}
		f.IntVarP(&p.count, "count", "c", 0, "how many; 0: until it is interrupted")
		f.DurationVarP(&p.interval, "interval", "i", time.Second, "from one to the next")
		f.DurationVarP(&p.timeout, "timeout", "W", 5*time.Second, "how long to wait for an answer")
		return func(j *job, args []string) error {
			if err := operands(args, 1, 1); err != nil {
				return err
			}
			return p.run(j, args[0])
		}
	},
}

type pinger struct {
	count             int
	interval, timeout time.Duration

	to       netip.Addr
	received int
}

func (p *pinger) run(j *job, host string) error {
	addrs, err := j.p.LookupHost(j.ctx, host)
	if err != nil {
		return err
	}
	p.to = addrs[0]
	s, err := p.socket(j.p)
	if err != nil {
		return fmt.Errorf("a socket for ICMP: %s", message(err))
	}
	defer s.Close()
	j.printf("PING %s (%s)\n", host, p.to)
	sent := 0
	for sent < p.count || p.count == 0 {
		sent++
		if err := p.ping(j, s, sent); err != nil {
			return err
		}
		if err := j.stdout.Flush(); err != nil {
			return err
		}
		if sent == p.count {
			break
		}
		select {
		case <-time.After(p.interval):
		case <-j.ctx.Done():
			return j.ctx.Err()
		}
	}
	j.printf("%d sent, %d received\n", sent, p.received)
	if p.received == 0 {
		return exitError(1)
	}
	return nil
}

// socket is one that any user may have, on the kernels that know it, or a raw
// one.
func (p *pinger) socket(proc *sys.Process) (*sys.Socket, error) {
	family, proto := sys.AF_INET, sys.IPPROTO_ICMP
	if p.to.Is6() {
		family, proto = sys.AF_INET6, sys.IPPROTO_ICMPV6
	}
	s, err := proc.Socket(family, sys.SOCK_RAW|sys.SOCK_CLOEXEC|sys.SOCK_NONBLOCK, proto)
	if errors.Is(err, sys.EPERM) || errors.Is(err, sys.EACCES) {
		return proc.Socket(family, sys.SOCK_DGRAM|sys.SOCK_CLOEXEC|sys.SOCK_NONBLOCK, proto)
	}
	return s, err
}

// ping sends one request and waits for its answer.
func (p *pinger) ping(j *job, s *sys.Socket, seq int) error {
	ctx, stop := context.WithTimeout(j.ctx, p.timeout)
	defer stop()
	s = s.With(ctx)
	var kind icmp.Type = ipv4.ICMPTypeEcho
	if p.to.Is6() {
		kind = ipv6.ICMPTypeEchoRequest
	}
	echo := &icmp.Echo{ID: j.p.ID() & 0xffff, Seq: seq & 0xffff, Data: make([]byte, 56)}
	b, err := (&icmp.Message{Type: kind, Body: echo}).Marshal(nil)
	if err != nil {
		return err
	}
	start := time.Now()
	if _, err := s.SendTo(b, 0, sys.Inet(p.to, 0)); err != nil {
		return err
	}
	size, err := p.answer(s, echo.Seq)
	switch {
	case err == nil:
		p.received++
		j.printf("%d bytes from %s: seq=%d time=%.3f ms\n", size, p.to, seq, float64(time.Since(start))/1e6)
	case j.ctx.Err() != nil:
		return j.ctx.Err()
	case ctx.Err() != nil:
		j.printf("no answer to seq=%d\n", seq)
	default:
		return err
	}
	return nil
}

// answer waits for the answer to a request, and is its size.
func (p *pinger) answer(s *sys.Socket, seq int) (int, error) {
	b := make([]byte, 64<<10)
	for {
		n, _, err := s.RecvFrom(b, 0)
		if err != nil {
			return 0, err
		}
		packet, proto := b[:n], 58
		if p.to.Is4() {
			proto = 1
			packet = withoutIPv4Header(packet)
		}
		m, err := icmp.ParseMessage(proto, packet)
		if err != nil {
			continue
		}
		reply := m.Type == ipv4.ICMPTypeEchoReply || m.Type == ipv6.ICMPTypeEchoReply
		if echo, ok := m.Body.(*icmp.Echo); ok && reply && echo.Seq == seq {
			return len(packet), nil
		}
	}
}

// withoutIPv4Header is a packet behind its header. Raw sockets give it, others
// do not; no message of ICMP that is looked for begins with a 4.
func withoutIPv4Header(b []byte) []byte {
	if len(b) >= 20 && b[0]>>4 == 4 {
		if size := int(b[0]&15) * 4; size <= len(b) {
			return b[size:]
		}
	}
	return b
}
