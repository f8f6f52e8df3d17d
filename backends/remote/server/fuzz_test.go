package server

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/anykernel/anykernel/rump/sysproxy"
)

// FuzzConnection gives a server what a client may say: how chooses a handshake
// that comes first, or none. Whatever it is, the server ends with it: nothing
// is under way afterwards, nothing lent, and no process lives but those that
// were forked.
func FuzzConnection(f *testing.F) {
	message := func(h sysproxy.Header, p []byte) []byte {
		return append(header(uint64(sysproxy.HeaderSize+len(p)), h.Request, h.Class, h.Type, h.Arg), p...)
	}
	block := message(call(callBlock, 2, true))
	f.Add(byte(0), message(handshake(sysproxy.HandshakeNewProcess), []byte("x\x00")))
	f.Add(byte(0), message(handshake(sysproxy.HandshakeForked), make([]byte, sysproxy.ForkSize)))
	f.Add(byte(1), append(block, message(sysproxy.Header{Request: 2, Type: sysproxy.TypeInterrupt}, nil)...))
	f.Add(byte(1), append(block, message(memory(3, 40))...))
	f.Add(byte(1), append(block, message(handshake(sysproxy.HandshakeExec), []byte("next"))...))
	f.Add(byte(1), message(sysproxy.Header{Request: 4, Type: sysproxy.TypePrefork, Arg: 2}, nil))
	f.Add(byte(1), append(message(call(callExit, 2, false)), block...))
	f.Add(byte(1), header(1<<40, 1, 0, sysproxy.TypeCall, 0))
	var args [8 * sysproxy.MaxArgs]byte
	sysproxy.PutArgs(args[:], &[sysproxy.MaxArgs]uint64{1, 2, 3})
	copying := message(sysproxy.Header{Request: 2, Type: sysproxy.TypeSyscall, Arg: callCopy}, args[:])
	f.Add(byte(2), append(copying, append(header(27, 1, 1, 2, 0), "abc"...)...))
	f.Add(byte(2), append(copying, header(24, 1, 2, 0, 7)...))

	k := newTestKernel()
	k.immortal = true
	s, err := New(k, Options{MaxMemory: MinMemory, MaxCalls: 16})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, how byte, b []byte) {
		ours, theirs := net.Pipe()
		s.accept(theirs)
		go func() { _, _ = io.Copy(io.Discard, ours) }()
		_ = ours.SetWriteDeadline(time.Now().Add(10 * time.Second))
		switch how % 3 {
		case 1:
			_, _ = ours.Write(message(handshake(sysproxy.HandshakeNewProcess), []byte("x\x00")))
		case 2:
			_, _ = ours.Write(message(handshake(sysproxy.HandshakeGuest), []byte("x\x00")))
		}
		_, _ = ours.Write(b)
		ours.Close()
		eventually(t, "the client is gone", func() bool { return len(s.all()) == 0 })
		s.expire(time.Time{})
		if !k.quiet(0) {
			t.Fatalf("left: %d processes, %d bytes lent, %d calls under way", k.guests.Load(), k.lent.Load(), k.calls.Load())
		}
	})
}
