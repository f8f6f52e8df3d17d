package vnet_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/vnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A clock is moved by the test.
type clock struct{ at time.Duration }

func (c *clock) Monotonic() time.Duration { return c.at }
func (c *clock) Now() time.Time           { return time.Unix(1e9, 0).UTC().Add(c.at) }

// A world is a network in virtual time.
type world struct {
	t testing.TB
	*vnet.Network
	clock *clock
}

func newWorld(t testing.TB, seed uint64) *world {
	c := &clock{}
	w := &world{t, vnet.New(vnet.Config{Seed: seed, Clock: c}), c}
	t.Cleanup(func() { must(t, w.Close()) })
	return w
}

// run moves time from event to event until nothing is on its way.
func (w *world) run() {
	for {
		for w.Step() {
		}
		next, any := w.Next()
		if !any {
			return
		}
		w.clock.at += next
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func get[T any](t testing.TB) func(T, error) T {
	return func(x T, err error) T {
		t.Helper()
		must(t, err)
		return x
	}
}

// A station is a NIC with what it has received.
type station struct {
	*vnet.NIC
	link hypercall.Link

	mu  sync.Mutex
	got []string // "when payload"
}

func (w *world) station(name string) *station {
	s := &station{NIC: get[*vnet.NIC](w.t)(w.NIC(name))}
	s.link = get[hypercall.Link](w.t)(s.Attach(hypercall.NIC{Name: name}, func(b []byte) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got = append(s.got, fmt.Sprintf("%v %s", w.clock.at, b[14:]))
	}))
	return s
}

func (w *world) join(a, b vnet.Node, conditions string) *vnet.Link {
	w.t.Helper()
	l := get[*vnet.Link](w.t)(w.Link(a, b))
	must(w.t, l.Set(get[vnet.Conditions](w.t)(vnet.ParseConditions(conditions))))
	return l
}

var broadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

func frameOf(to, from net.HardwareAddr, payload string) []byte {
	b := slices.Concat(to, from, []byte{0x88, 0xb5})
	return append(b, payload...)
}

func (s *station) send(to net.HardwareAddr, payload string) {
	s.link.Send(frameOf(to, s.HardwareAddr(), payload))
}

// take is what came since the last call.
func (s *station) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := strings.Join(s.got, ", ")
	s.got = nil
	return got
}

func (s *station) want(t testing.TB, want string) {
	t.Helper()
	if got := s.take(); got != want {
		t.Errorf("%s received %q, want %q", s.Name(), got, want)
	}
}

func TestSwitchLearns(t *testing.T) {
	w := newWorld(t, 1)
	sw := get[*vnet.Switch](t)(w.Switch("sw"))
	a, b, c := w.station("a"), w.station("b"), w.station("c")
	for _, s := range []*station{a, b, c} {
		w.join(s, sw, "")
	}
	a.send(b.HardwareAddr(), "who knows b")
	w.run()
	b.want(t, "0s who knows b")
	c.want(t, "0s who knows b")
	a.want(t, "")
	b.send(a.HardwareAddr(), "the switch knows a")
	a.send(b.HardwareAddr(), "and now b")
	w.run()
	a.want(t, "0s the switch knows a")
	b.want(t, "0s and now b")
	c.want(t, "")
	c.send(broadcast, "all")
	w.run()
	a.want(t, "0s all")
	b.want(t, "0s all")
	c.want(t, "")
	// What was not heard for long is forgotten.
	w.clock.at += vnet.AddressAge
	a.send(b.HardwareAddr(), "anybody")
	w.run()
	c.want(t, "5m0s anybody")
}

// TestSwitchTable floods a switch with addresses: its table stays bounded, and
// it goes on to forward.
func TestSwitchTable(t *testing.T) {
	w := newWorld(t, 1)
	sw := get[*vnet.Switch](t)(w.Switch("sw"))
	a, b, c := w.station("a"), w.station("b"), w.station("c")
	for _, s := range []*station{a, b, c} {
		w.join(s, sw, "")
	}
	for i := range 2 * vnet.MaxAddresses {
		from := net.HardwareAddr{0x02, 0xff, 0, byte(i >> 16), byte(i >> 8), byte(i)}
		a.link.Send(frameOf(b.HardwareAddr(), from, "x"))
		w.run()
	}
	if n := vnet.Addresses(sw); n != vnet.MaxAddresses {
		t.Errorf("the table has %d addresses, want %d", n, vnet.MaxAddresses)
	}
	b.take()
	c.take()
	b.send(broadcast, "b is here")
	w.run()
	c.want(t, "0s b is here")
	// b is not in the full table: what is for it goes everywhere.
	a.send(b.HardwareAddr(), "to b")
	w.run()
	b.want(t, "0s to b")
	c.want(t, "0s to b")
	// Room comes with time.
	w.clock.at += vnet.AddressAge
	b.send(broadcast, "b again")
	a.send(b.HardwareAddr(), "to b")
	w.run()
	c.want(t, "5m0s b again")
}

func TestDelayRateAndQueue(t *testing.T) {
	w := newWorld(t, 1)
	a, b := w.station("a"), w.station("b")
	// 1000 bytes take 1 ms at 8 mbit.
	l := w.join(a, b, "delay=10ms rate=8mbit queue=2")
	payload := func(i int) string { return fmt.Sprintf("%-986d", i) }
	for i := range 5 {
		a.send(b.HardwareAddr(), payload(i))
	}
	w.run()
	b.want(t, strings.Join([]string{"11ms " + payload(0), "12ms " + payload(1), "13ms " + payload(2)}, ", "))
	st := get[vnet.Stats](t)(l.Stats(a))
	if st != (vnet.Stats{Sent: 5, SentBytes: 5000, Arrived: 3, Dropped: 2}) {
		t.Errorf("the link counts %+v", st)
	}
	// The other way is its own.
	must(t, l.SetFrom(b, vnet.Conditions{}))
	b.send(a.HardwareAddr(), "back")
	w.run()
	a.want(t, "13ms back")
}

func TestPartition(t *testing.T) {
	w := newWorld(t, 1)
	a, b := w.station("a"), w.station("b")
	l := w.join(a, b, "delay=1ms")
	a.send(b.HardwareAddr(), "on its way")
	must(t, l.Partition())
	a.send(b.HardwareAddr(), "too late")
	w.run()
	b.want(t, "1ms on its way")
	must(t, l.Heal())
	a.send(b.HardwareAddr(), "healed")
	w.run()
	b.want(t, "2ms healed")
	// One way only.
	must(t, l.SetFrom(a, vnet.Conditions{Down: true}))
	a.send(b.HardwareAddr(), "cut")
	b.send(a.HardwareAddr(), "not cut")
	w.run()
	a.want(t, "3ms not cut")
	b.want(t, "")
}

// TestChance holds the shares of faults to what was asked for, and their effects
// to what they are called.
func TestChance(t *testing.T) {
	const n = 20000
	send := func(conditions string) (vnet.Stats, []string) {
		w := newWorld(t, 7)
		a, b := w.station("a"), w.station("b")
		l := w.join(a, b, conditions)
		for i := range n {
			a.send(b.HardwareAddr(), fmt.Sprintf("%05d", i))
			w.clock.at += time.Millisecond
			for w.Step() {
			}
		}
		w.run()
		st := get[vnet.Stats](t)(l.Stats(a))
		for i, s := range b.got {
			_, b.got[i], _ = strings.Cut(s, " ")
		}
		return st, b.got
	}
	about := func(what string, got uint64, share float64) {
		t.Helper()
		if f := float64(got) / n; f < share*0.9 || f > share*1.1 {
			t.Errorf("%s: %v of the frames, want %v", what, f, share)
		}
	}
	st, got := send("loss=10%")
	about("lost", st.Lost, 0.1)
	if len(got) != n-int(st.Lost) {
		t.Errorf("%d frames arrived, %d of %d were lost", len(got), st.Lost, n)
	}
	st, got = send("duplicate=10%")
	about("duplicated", st.Duplicated, 0.1)
	if len(got) != n+int(st.Duplicated) || !slices.IsSorted(got) {
		t.Errorf("%d frames arrived, in order: %v", len(got), slices.IsSorted(got))
	}
	st, got = send("corrupt=10%")
	about("corrupted", st.Corrupted, 0.1)
	wrong := 0
	for i, s := range got {
		if want := fmt.Sprintf("%05d", i); s != want {
			wrong++
			if d := difference(s, want); d != 1 {
				t.Fatalf("%q differs from %q in %d bits", s, want, d)
			}
		}
	}
	if wrong != int(st.Corrupted) {
		t.Errorf("%d frames are wrong, %d were corrupted", wrong, st.Corrupted)
	}
	st, got = send("delay=5ms reorder=10% hold=3500us")
	about("reordered", st.Reordered, 0.1)
	late := 0
	for i := 1; i < len(got); i++ {
		if got[i] < got[i-1] {
			late++
		}
	}
	if slices.Sort(got); len(slices.Compact(got)) != n || late == 0 {
		t.Errorf("of %d frames %d arrived, %d of them late", n, len(got), late)
	}
	st, got = send("delay=50ms jitter=50ms")
	if !slices.IsSorted(got) || len(got) != n {
		t.Errorf("jitter lost frames or their order: %+v", st)
	}
}

func difference(a, b string) (bits int) {
	for i := range a {
		for x := a[i] ^ b[i]; x != 0; x &= x - 1 {
			bits++
		}
	}
	return bits
}

// TestSeed has the same frames sent over the same wires, with the same seed and
// with another.
func TestSeed(t *testing.T) {
	run := func(seed uint64) string {
		w := newWorld(t, seed)
		sw := get[*vnet.Switch](t)(w.Switch("sw"))
		var all []*station
		for i := range 4 {
			s := w.station(string(rune('a' + i)))
			w.join(s, sw, "delay=3ms jitter=2ms loss=5% duplicate=5% corrupt=5% reorder=5% rate=1mbit")
			all = append(all, s)
		}
		var trace bytes.Buffer
		w.Tap(func(p vnet.Passage) { fmt.Fprintln(&trace, p.At, p.From, p.To, len(p.Frame), p.Fate) })
		for i := range 500 {
			all[i%4].send(all[(i*7+1)%4].HardwareAddr(), fmt.Sprint(i))
			w.clock.at += time.Millisecond
			for w.Step() {
			}
		}
		w.run()
		for _, s := range all {
			fmt.Fprintln(&trace, s.take())
		}
		return trace.String()
	}
	a, b, c := run(1), run(1), run(2)
	if a != b {
		t.Error("one seed made two runs")
	}
	if a == c {
		t.Error("two seeds made the same run")
	}
}

func TestRefuses(t *testing.T) {
	w := newWorld(t, 1)
	a, b, c := w.station("a"), w.station("b"), w.station("c")
	sw1, sw2, sw3 := get[*vnet.Switch](t)(w.Switch("sw1")), get[*vnet.Switch](t)(w.Switch("sw2")), get[*vnet.Switch](t)(w.Switch("sw3"))
	l := w.join(a.NIC, b.NIC, "")
	w.join(sw1, sw2, "")
	w.join(sw2, sw3, "")
	link := func(x, y vnet.Node) error { _, err := w.Link(x, y); return err }
	other := newWorld(t, 1)
	nic := func(name string) error { _, err := w.NIC(name); return err }
	_, twice := a.Attach(hypercall.NIC{}, func([]byte) {})
	_, nobody := l.Stats(c.NIC)
	for _, tc := range []struct {
		err  error
		want string
	}{
		{link(a.NIC, c.NIC), `interface "a" has a link already`},
		{link(c.NIC, a.NIC), `interface "a" has a link already`},
		{link(c.NIC, c.NIC), `a link from "c" to itself`},
		{link(sw1, sw3), `switches "sw1" and "sw3" are connected already`},
		{link(c.NIC, other.station("z").NIC), `node "z" is none of this network`},
		{link(nil, nil), "a link needs two nodes"},
		{nic("a"), `there is a node "a" already`},
		{nic("sw1"), `there is a node "sw1" already`},
		{nic(""), `"" is no name`},
		{nic("a-b"), `"a-b" is no name`},
		{twice, `something is plugged in at "a" already`},
		{nobody, "link a--b has no end at that node"},
		{l.Set(vnet.Conditions{Loss: 1.5}), "loss of 1.5"},
		{l.Set(vnet.Conditions{Delay: -1}), "delay of -1ns"},
		{l.Set(vnet.Conditions{Jitter: 1}), "jitter of 1ns"},
		{l.Set(vnet.Conditions{Rate: -1}), "rate of -1"},
		{l.Set(vnet.Conditions{Queue: 1 << 30}), "queue of"},
	} {
		if tc.err == nil || !strings.Contains(tc.err.Error(), tc.want) {
			t.Errorf("the error is %v, want %q", tc.err, tc.want)
		}
	}
	// A link that was refused leaves nothing behind.
	must(t, link(c.NIC, sw1))
	a.link.Send(make([]byte, 13))
	a.link.Send(make([]byte, vnet.MaxFrame+1))
	w.run()
	b.want(t, "")
}

// TestPlug pulls and plugs while frames are on their way.
func TestPlug(t *testing.T) {
	w := newWorld(t, 1)
	a, b := w.station("a"), w.station("b")
	w.join(a, b, "")
	a.send(broadcast, "nobody there")
	must(t, b.link.Close())
	w.run()
	b.want(t, "")
	var got string
	l := get[hypercall.Link](t)(b.Attach(hypercall.NIC{}, func(f []byte) { got = string(f[14:]) }))
	if addr := l.(hypercall.Addressed).HardwareAddr(); !bytes.Equal(addr, b.HardwareAddr()) {
		t.Errorf("plugged in with address %v, want %v", addr, b.HardwareAddr())
	}
	a.send(broadcast, "somebody")
	w.run()
	if got != "somebody" {
		t.Errorf("received %q", got)
	}
	must(t, b.link.Close()) // again: the other one stays
	got = ""
	a.send(broadcast, "still")
	w.run()
	if got != "still" {
		t.Errorf("received %q", got)
	}
}

// TestRealTime lets a network move by itself, from many goroutines.
func TestRealTime(t *testing.T) {
	n := vnet.New(vnet.Config{})
	sw := get[*vnet.Switch](t)(n.Switch("sw"))
	const stations, frames = 8, 500
	var received [stations]struct {
		sync.Mutex
		next [stations]uint32
		sum  int
	}
	var links [stations]hypercall.Link
	var ended sync.WaitGroup
	ended.Add(stations)
	for i := range stations {
		x := get[*vnet.NIC](t)(n.NIC(fmt.Sprint("n", i)))
		get[*vnet.Link](t)(n.Link(x, sw))
		links[i] = get[hypercall.Link](t)(x.Attach(hypercall.NIC{}, func(b []byte) {
			r := &received[i]
			r.Lock()
			defer r.Unlock()
			from, seq := b[14], binary.BigEndian.Uint32(b[15:])
			if seq != r.next[from] {
				t.Errorf("%d received frame %d of %d, want %d", i, seq, from, r.next[from])
			}
			r.next[from] = seq + 1
			if r.sum++; r.sum == frames*(stations-1) {
				ended.Done()
			}
		}))
	}
	for i := range stations {
		go func() {
			for seq := range uint32(frames) {
				links[i].Send(binary.BigEndian.AppendUint32(frameOf(broadcast, net.HardwareAddr{2, 0, 0, 0, 0, byte(i)}, string(rune(i))), seq))
			}
		}()
	}
	ended.Wait()
	must(t, n.Close())
	must(t, n.Close())
	links[0].Send(frameOf(broadcast, broadcast, "after the end"))
	if _, err := n.NIC("late"); err == nil {
		t.Error("a closed network took a node")
	}
}

// TestRealDelay has a frame take its time on this machine's clock.
func TestRealDelay(t *testing.T) {
	n := vnet.New(vnet.Config{})
	defer n.Close()
	a, b := get[*vnet.NIC](t)(n.NIC("a")), get[*vnet.NIC](t)(n.NIC("b"))
	l := get[*vnet.Link](t)(n.Link(a, b))
	must(t, l.Set(vnet.Conditions{Delay: 20 * time.Millisecond}))
	came := make(chan time.Time, 2)
	get[hypercall.Link](t)(b.Attach(hypercall.NIC{}, func([]byte) { came <- time.Now() }))
	send := get[hypercall.Link](t)(a.Attach(hypercall.NIC{}, func([]byte) {}))
	start := time.Now()
	send.Send(frameOf(broadcast, broadcast, ""))
	if d := (<-came).Sub(start); d < 20*time.Millisecond {
		t.Errorf("a frame took %v, want 20ms", d)
	}
}

func TestWake(t *testing.T) {
	c, wakes := &clock{}, 0
	n := vnet.New(vnet.Config{Clock: c, Wake: func() { wakes++ }})
	defer n.Close()
	a, b := get[*vnet.NIC](t)(n.NIC("a")), get[*vnet.NIC](t)(n.NIC("b"))
	l := get[*vnet.Link](t)(n.Link(a, b))
	send := get[hypercall.Link](t)(a.Attach(hypercall.NIC{}, func([]byte) {}))
	for i, delay := range []time.Duration{3, 5, 1, 1} {
		must(t, l.Set(vnet.Conditions{Delay: delay * time.Second}))
		send.Send(frameOf(broadcast, broadcast, ""))
		if next, any := n.Next(); !any || next != min(3*time.Second, time.Duration(delay)*time.Second) && i < 2 {
			t.Errorf("the next event is in %v, %v", next, any)
		}
	}
	if wakes != 1 { // later frames stay behind the first
		t.Errorf("woken %d times", wakes)
	}
}
