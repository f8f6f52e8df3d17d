//go:build linux && (amd64 || arm64)

package sentry

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/sentry/arch"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall"
)

// Two calls that no kernel has, and that panic: one on the caller's goroutine,
// one in the task's loop.
const panicsDirectly, panicsInLoop = parkCall - 1, parkCall - 2

func init() {
	for _, nr := range []uintptr{panicsDirectly, panicsInLoop} {
		syscallTable().Table[nr] = kernel.Syscall{Name: "panic", Fn: func(*kernel.Task, uintptr, arch.SyscallArguments) (uintptr, *kernel.SyscallControl, error) {
			var p *int
			*p = 1 // a mistake inside the kernel
			return 0, nil, nil
		}}
	}
	classOf[panicsInLoop] = looped
}

func TestPanicIsAnError(t *testing.T) {
	for name, nr := range map[string]uintptr{"direct": panicsDirectly, "loop": panicsInLoop} {
		t.Run(name, func(t *testing.T) { testPanic(t, nr) })
	}
}

func testPanic(t *testing.T, nr uintptr) {
	open := func(name string) *Kernel {
		k, err := open(context.Background(), name, Options{}, backends.Config{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	other := open("other")
	defer other.Close()
	if _, _, err := other.Init().Call(backends.Call{Num: unix.SYS_GETPID}); err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	k := open("sentry:hostname=victim")
	console := backends.Call{Num: unix.SYS_WRITE}
	console.Args[0], console.Args[1], console.Args[2] = backends.Int(1), backends.Mem([]byte("last words"), backends.In), backends.Int(10)
	if _, _, err := k.Init().Call(console); err != nil {
		t.Fatal(err)
	}
	child, err := k.Init().Fork(t.Context(), backends.CopiedDescriptors)
	if err != nil {
		t.Fatal(err)
	}
	blocked := make(chan error, 2)
	for _, p := range []backends.Process{k.Init(), child} {
		go func() {
			_, _, err := p.Call(backends.Call{Num: unix.SYS_PPOLL})
			blocked <- err
		}()
	}
	time.Sleep(20 * time.Millisecond)
	_, _, err = k.Init().Call(backends.Call{Num: nr})
	var p *backends.PanicError
	if !errors.As(err, &p) {
		t.Fatalf("the call that panicked gave %v", err)
	}
	if !strings.Contains(p.Reason, "nil pointer") || p.Kernel != "sentry:hostname=victim" || string(p.Console) != "last words" || !strings.Contains(string(p.Stack), "panic_test.go") {
		t.Errorf("the error is %+v", p)
	}
	for range 2 {
		if err := <-blocked; !errors.As(err, &p) {
			t.Errorf("a blocked call ended with %v", err)
		}
	}
	for _, q := range []backends.Process{k.Init(), child} {
		if _, _, err := q.Call(backends.Call{Num: unix.SYS_GETPID}); !errors.As(err, &p) {
			t.Errorf("a later call gave %v", err)
		}
		if _, err := q.Fork(t.Context(), backends.CopiedDescriptors); !errors.As(err, &p) {
			t.Errorf("a later fork gave %v", err)
		}
	}
	if err := child.Close(); err != nil {
		t.Errorf("closing a process that died with its kernel: %v", err)
	}
	<-k.Done()
	if !errors.As(k.Err(), &p) {
		t.Errorf("Err is %v", k.Err())
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if _, _, err := other.Init().Call(backends.Call{Num: unix.SYS_GETPID}); err != nil {
		t.Errorf("the other kernel: %v", err)
	}
	wantGoroutines(t, before)
}

// A brokenRandom panics when it is asked.
type brokenRandom struct{}

func (brokenRandom) Read([]byte) (int, error) { panic("bad dice") }

// TestPanicInBoot has the boot panic, in what it asks of its host.
func TestPanicInBoot(t *testing.T) {
	before := runtime.NumGoroutine()
	_, err := Open(t.Context(), Options{}, backends.Config{Host: hypercall.Host{Random: brokenRandom{}}})
	var p *backends.PanicError
	if !errors.As(err, &p) || !strings.Contains(p.Reason, "bad dice") {
		t.Errorf("Open gave %v", err)
	}
	wantGoroutines(t, before)
}

// TestPanicInClose has something panic while the kernel is being closed: the
// rest is given back.
func TestPanicInClose(t *testing.T) {
	before := runtime.NumGoroutine()
	k, err := Open(t.Context(), Options{}, backends.Config{})
	if err != nil {
		t.Fatal(err)
	}
	k.onEnd(func() { panic("bad end") })
	var p *backends.PanicError
	if err := k.Close(); !errors.As(err, &p) || p.Reason != "bad end" {
		t.Errorf("Close gave %v", err)
	}
	wantGoroutines(t, before)
}

// TestPanicWithNamespaces leaves nothing of the network stacks of further
// namespaces.
func TestPanicWithNamespaces(t *testing.T) {
	before := runtime.NumGoroutine()
	k, err := Open(t.Context(), Options{}, backends.Config{})
	if err != nil {
		t.Fatal(err)
	}
	c := backends.Call{Num: unix.SYS_UNSHARE}
	c.Args[0] = backends.Int(unix.CLONE_NEWNET)
	for range 2 { // of the first of them nothing is left even now
		if _, _, err := k.Init().Call(c); err != nil {
			t.Fatal(err)
		}
	}
	k.netClock.AfterFunc(time.Millisecond, func() { panic("bad timer") })
	wantPanic(t, k, "bad timer")
	wantGoroutines(t, before)
}

// TestPanicInTimer has a timer of the network stack panic.
func TestPanicInTimer(t *testing.T) {
	k, err := Open(t.Context(), Options{}, backends.Config{})
	if err != nil {
		t.Fatal(err)
	}
	k.netClock.AfterFunc(time.Millisecond, func() { panic("bad timer") })
	wantPanic(t, k, "bad timer")
}

// wantGoroutines waits until there are no more goroutines than that.
func wantGoroutines(t *testing.T, before int) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines are left:\n%s", runtime.NumGoroutine()-before, buf[:runtime.Stack(buf, true)])
		}
	}
}

// brokenWork is what a task's loop does between calls, and panics.
type brokenWork struct{}

func (brokenWork) TaskWork(*kernel.Task) { panic("bad work") }

// TestPanicInLoop has the loop of a task panic outside of any call.
func TestPanicInLoop(t *testing.T) {
	k, err := Open(t.Context(), Options{}, backends.Config{})
	if err != nil {
		t.Fatal(err)
	}
	k.init.leader.t.RegisterWork(brokenWork{})
	k.init.leader.t.Interrupt()
	wantPanic(t, k, "bad work")
}

// wantPanic waits for the kernel's end, and closes it.
func wantPanic(t *testing.T, k *Kernel, reason string) {
	t.Helper()
	select {
	case <-k.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the kernel lives on")
	}
	var p *backends.PanicError
	if !errors.As(k.Err(), &p) || !strings.Contains(p.Reason, reason) {
		t.Errorf("the kernel ended with %v", k.Err())
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

// A brokenLink panics when it is given a packet.
type brokenLink struct{ *channel.Endpoint }

func (brokenLink) WritePackets(stack.PacketBufferList) (int, tcpip.Error) { panic("bad link") }

// TestPanicInTCPWorker has a worker of TCP panic: the SYN that arrives on a
// NIC is answered by a worker, and the NIC cannot.
func TestPanicInTCPWorker(t *testing.T) {
	link := channel.New(1, 1500, "")
	k, err := Open(t.Context(), Options{NICs: []NIC{{
		Name: "eth0", Link: brokenLink{link}, Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")},
	}}}, backends.Config{})
	if err != nil {
		t.Fatal(err)
	}
	call := func(nr uintptr, args ...backends.Arg) uintptr {
		c := backends.Call{Num: nr}
		copy(c.Args[:], args)
		r, _, err := k.Init().Call(c)
		if err != nil {
			t.Fatalf("call %d: %v", nr, err)
		}
		return r
	}
	const port = 80
	fd := call(unix.SYS_SOCKET, backends.Int(unix.AF_INET), backends.Int(unix.SOCK_STREAM))
	addr := make([]byte, 16)
	addr[0], addr[3] = unix.AF_INET, port
	call(unix.SYS_BIND, backends.Int(fd), backends.Mem(addr, backends.In), backends.Int(16))
	call(unix.SYS_LISTEN, backends.Int(fd), backends.Int(1))
	link.InjectInbound(ipv4.ProtocolNumber, synTo(port))
	wantPanic(t, k, "bad link")
}

// synTo is a packet that opens a connection from 10.0.0.2 to 10.0.0.1.
func synTo(port uint16) *stack.PacketBuffer {
	from, to := tcpip.AddrFrom4([4]byte{10, 0, 0, 2}), tcpip.AddrFrom4([4]byte{10, 0, 0, 1})
	b := make([]byte, header.IPv4MinimumSize+header.TCPMinimumSize)
	ip, syn := header.IPv4(b), header.TCP(b[header.IPv4MinimumSize:])
	ip.Encode(&header.IPv4Fields{TotalLength: uint16(len(b)), TTL: 64, Protocol: uint8(header.TCPProtocolNumber), SrcAddr: from, DstAddr: to})
	ip.SetChecksum(^ip.CalculateChecksum())
	syn.Encode(&header.TCPFields{SrcPort: 4000, DstPort: port, SeqNum: 1, DataOffset: header.TCPMinimumSize, Flags: header.TCPFlagSyn, WindowSize: 65535})
	syn.SetChecksum(^syn.CalculateChecksum(header.PseudoHeaderChecksum(header.TCPProtocolNumber, from, to, header.TCPMinimumSize)))
	return stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(b)})
}

func TestPrivateFields(t *testing.T) {
	for want, f := range map[string]privateField{
		"":                      {in: reflect.TypeFor[kernel.Task](), name: "goid", typ: taskGoroutine.typ},
		"has no field":          {in: reflect.TypeFor[kernel.Task](), name: "nosuch", typ: taskGoroutine.typ},
		"<nil> has no field":    {in: fieldType(tcpProtocol, "nosuch"), name: "nosuch"},
		"has type atomicbitops": {in: reflect.TypeFor[kernel.Task](), name: "goid", typ: reflect.TypeFor[int64]()},
	} {
		err := f.check()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v.%s: %v, want %q", f.in, f.name, err, want)
		}
	}
}
