package sysproxy

import (
	"encoding/binary"
	"fmt"
)

// order is that of the machine: both sides are the same kind of machine.
var order = binary.NativeEndian

// HeaderSize is the size of a header, in bytes.
const HeaderSize = 24

// A Header begins every message.
type Header struct {
	Length  uint64 // of the message with its header
	Request uint64 // number of the request, or of the one that this answers
	Class   Class
	Type    Type
	Arg     uint32 // the number of a call, an Error, a Handshake, a signal, or a kind of End
}

// A Class says whether a message asks or answers.
type Class uint16

const (
	Request Class = iota
	Response
	Failure // Arg is an Error
)

// A Type is what a message is about.
type Type uint16

const (
	TypeHandshake Type = iota
	TypeSyscall
	TypeCopyin
	TypeCopyinstr
	TypeCopyout
	TypeCopyoutstr
	TypeAnonmmap
	TypePrefork
	TypeRaise

	// What follows is ours.

	TypeCall      Type = iota + 55 // a Call
	TypeInterrupt                  // end the call with this request number; no answer
	TypeEnd                        // the process or the kernel has ended; no answer
)

// A Handshake is how a client introduces itself.
type Handshake uint32

const (
	HandshakeGuest Handshake = iota // a new process: its name, with NUL
	HandshakeAuth                   // never used
	HandshakeFork                   // a forked process: a Fork
	HandshakeExec                   // the process runs another program: its name, with NUL

	// The same, by clients that send a Call. Info follows the answer.

	HandshakeNewProcess Handshake = iota + 60
	HandshakeForked
)

// The kinds of TypeEnd.
const (
	EndProcess uint32 = iota // the client's process has ended
	EndKernel                // the kernel was closed
	EndPanic                 // the kernel has crashed: an EndReport
)

// An Error is why a request was refused.
type Error uint32

const (
	ErrNone Error = iota
	ErrTryAgain
	ErrAuth
	ErrInvalidPrefork
	ErrForkFailed
	ErrInExec
	ErrNoMemory
	ErrMalformed
)

var errorTexts = [...]string{
	ErrNone:           "no error",
	ErrTryAgain:       "too much at once: try again",
	ErrAuth:           "not allowed before a handshake, or not this handshake",
	ErrInvalidPrefork: "no such fork is prepared",
	ErrForkFailed:     "the kernel made no process",
	ErrInExec:         "the process is in exec",
	ErrNoMemory:       "no memory",
	ErrMalformed:      "malformed request",
}

func (e Error) Error() string {
	if int(e) < len(errorTexts) {
		return "sysproxy: " + errorTexts[e]
	}
	return fmt.Sprintf("sysproxy: error %d", uint32(e))
}

// put writes h to the first bytes of b.
func (h *Header) put(b []byte) {
	_ = b[HeaderSize-1]
	order.PutUint64(b[0:], h.Length)
	order.PutUint64(b[8:], h.Request)
	order.PutUint16(b[16:], uint16(h.Class))
	order.PutUint16(b[18:], uint16(h.Type))
	order.PutUint32(b[20:], h.Arg)
}

// parseHeader reads a header. What follows it may have max bytes.
func parseHeader(b []byte, max uint64) (Header, error) {
	_ = b[HeaderSize-1]
	h := Header{
		Length:  order.Uint64(b[0:]),
		Request: order.Uint64(b[8:]),
		Class:   Class(order.Uint16(b[16:])),
		Type:    Type(order.Uint16(b[18:])),
		Arg:     order.Uint32(b[20:]),
	}
	if h.Length < HeaderSize || h.Length-HeaderSize > max {
		return h, fmt.Errorf("sysproxy: a message of %d bytes: there are %d to %d", h.Length, HeaderSize, max+HeaderSize)
	}
	if h.Class > Failure {
		return h, fmt.Errorf("sysproxy: a message of class %d", h.Class)
	}
	return h, nil
}
