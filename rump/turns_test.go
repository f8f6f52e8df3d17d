//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"testing"
	"time"

	"github.com/anykernel/anykernel/hypercall/turns"
	"github.com/anykernel/anykernel/hypercall/vnet"
)

const (
	sysConnect = 98
	sysListen  = 106
	sysAccept  = 30
	sockStream = 1
)

// A world is a run with kernels on one network.
type world struct {
	*turns.Scheduler
	t       testing.TB
	network *vnet.Network
	nics    map[string]*vnet.NIC
}

// kernel boots a kernel with an interface that has an address.
func (w *world) kernel(name, ip string, c Config) *Kernel {
	nic, err := w.network.NIC(name)
	w.must(err)
	w.nics[name] = nic
	c.Host = w.Host(name)
	c.Host.Net = nic
	c.Components, c.Hostname = []string{"netinet", "virtif"}, name
	k, err := Boot(c)
	w.must(err)
	w.Cleanup(func() { w.must(k.Close()) })
	s := w.call(k, sysSocket, afInet, sockDatagram, 0)
	ifr := make([]byte, 144)
	copy(ifr, "virt0")
	w.call(k, sysIoctl, s, siocIfCreate, ifr)
	w.call(k, sysIoctl, s, siocAifAddr, aliasOf("virt0", ip))
	w.call(k, sysClose, s)
	return k
}

func (w *world) join(a, b string) *vnet.Link {
	l, err := w.network.Link(w.nics[a], w.nics[b])
	w.must(err)
	return l
}

func (w *world) must(err error) {
	if err != nil {
		w.Failf("%w", err)
	}
}

func (w *world) call(k *Kernel, num uintptr, args ...any) int {
	r, errno, err := call(k.Init(), num, args...)
	if errno != 0 || err != nil {
		w.Failf("call %d: error %d, %v", num, errno, err)
	}
	return int(r)
}

// transfer sends n bytes by TCP from one kernel to the other.
func (w *world) transfer(a, b *Kernel, ip string, n int) {
	done := w.NewWait(func() string { return "the server" })
	listening := w.NewWait(func() string { return "the listener" })
	w.Go("server", func() {
		s := w.call(b, sysSocket, afInet, sockStream, 0)
		w.call(b, sysBind, s, inet(ip, 80), 16)
		w.call(b, sysListen, s, 5)
		listening.Wake()
		c := w.call(b, sysAccept, s, 0, 0)
		buf := make([]byte, 4096)
		total := 0
		for {
			n := w.call(b, sysRead, c, buf, len(buf))
			if n == 0 {
				break
			}
			for i, x := range buf[:n] {
				if x != byte(total+i) {
					w.Failf("byte %d is %d", total+i, x)
				}
			}
			total += n
		}
		if total != n {
			w.Failf("%d bytes came, want %d", total, n)
		}
		w.call(b, sysClose, c)
		w.call(b, sysClose, s)
		done.Wake()
	})
	listening.Wait(nil)
	s := w.call(a, sysSocket, afInet, sockStream, 0)
	w.call(a, sysConnect, s, inet(ip, 80), 16)
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i)
	}
	for len(data) > 0 {
		data = data[w.call(a, sysWrite, s, data, len(data)):]
	}
	w.call(a, sysClose, s)
	done.Wait(nil)
}

func runLossy(t testing.TB, seed uint64, log func(time.Duration, string)) turns.Result {
	return turns.Run(seed, turns.Options{Log: log}, func(s *turns.Scheduler) {
		w := &world{s, t, s.Network(), map[string]*vnet.NIC{}}
		a, b := w.kernel("a", "10.1.1.1", Config{}), w.kernel("b", "10.1.1.2", Config{})
		l := w.join("a", "b")
		w.must(l.Set(vnet.Conditions{Loss: 0.05, Delay: 10 * time.Millisecond}))
		w.transfer(a, b, "10.1.1.2", 50_000)
	})
}

// TestTurns runs each seed three times, which must not differ in anything.
func TestTurns(t *testing.T) {
	needKit(t)
	seeds := uint64(1000)
	if testing.Short() {
		seeds = 20
	}
	start, traces := time.Now(), map[uint64]bool{}
	for seed := range seeds {
		var want turns.Result
		for run := range 3 {
			r := runLossy(t, seed, nil)
			switch {
			case r.Err != nil:
				t.Fatalf("seed %d: %v", seed, r.Err)
			case run == 0:
				want = r
			case r.Trace != want.Trace || r.Elapsed != want.Elapsed || r.Steps != want.Steps:
				t.Errorf("seed %d, run %d: trace %016x after %v, was %016x after %v", seed, run, r.Trace, r.Elapsed, want.Trace, want.Elapsed)
			}
		}
		traces[want.Trace] = true
	}
	if len(traces) != int(seeds) {
		t.Errorf("%d seeds have %d traces", seeds, len(traces))
	}
	t.Logf("%v a run", time.Since(start)/time.Duration(3*seeds))
}
