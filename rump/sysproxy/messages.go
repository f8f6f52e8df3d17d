package sysproxy

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Limits of what is in a message.
const (
	// MaxArgs is the number of register-sized arguments of a call.
	MaxArgs = 8
	// MaxName bounds the name of a program, in bytes.
	MaxName = 255
	// MaxText bounds what is JSON, in bytes.
	MaxText = 64 << 10
	// MaxSignal bounds the number of a signal.
	MaxSignal = 128
)

// Name is the program's name in a handshake. What is no text is left out.
func Name(payload []byte) string {
	name, _, _ := bytes.Cut(payload, []byte{0})
	name = name[:min(len(name), MaxName)]
	return string(bytes.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, name))
}

// A Token is the answer to a prefork. It is a secret of the client's.
type Token [16]byte

// ForkSize is the size of a Fork, in bytes.
const ForkSize = 20

// A Fork is how a forked process introduces itself.
type Fork struct {
	Token  Token
	Cancel bool // it will not come
}

// Put writes f to the first bytes of b.
func (f *Fork) Put(b []byte) {
	copy(b, f.Token[:])
	cancel := uint32(0)
	if f.Cancel {
		cancel = 1
	}
	order.PutUint32(b[16:ForkSize], cancel)
}

// ParseFork reads a Fork.
func ParseFork(b []byte) (f Fork, err error) {
	if len(b) != ForkSize {
		return f, ErrMalformed
	}
	copy(f.Token[:], b)
	f.Cancel = order.Uint32(b[16:]) != 0
	return f, nil
}

// ParseArgs reads the arguments of a system call, each of which takes a
// register. What is not there is 0.
func ParseArgs(b []byte) (args [MaxArgs]uint64, err error) {
	if len(b) > 8*MaxArgs {
		return args, ErrMalformed
	}
	var full [8 * MaxArgs]byte
	copy(full[:], b)
	for i := range args {
		args[i] = order.Uint64(full[8*i:])
	}
	return args, nil
}

// PutArgs writes arguments to the first bytes of b.
func PutArgs(b []byte, args *[MaxArgs]uint64) {
	for i, a := range args {
		order.PutUint64(b[8*i:], a)
	}
}

// ResultSize is the size of a Result, in bytes.
const ResultSize = 24

// A Result is the answer to a system call.
type Result struct {
	Errno  int32
	Values [2]uint64
}

// Put writes r to the first bytes of b.
func (r *Result) Put(b []byte) {
	order.PutUint32(b[0:], uint32(r.Errno))
	order.PutUint32(b[4:], 0)
	order.PutUint64(b[8:], r.Values[0])
	order.PutUint64(b[16:ResultSize], r.Values[1])
}

// ParseResult reads a Result.
func ParseResult(b []byte) (r Result, err error) {
	if len(b) < ResultSize {
		return r, ErrMalformed
	}
	r.Errno = int32(order.Uint32(b))
	r.Values = [2]uint64{order.Uint64(b[8:]), order.Uint64(b[16:])}
	return r, nil
}

// CopySize is the size of a Copy without the bytes, in bytes.
const CopySize = 16

// A Copy asks for memory of the client's, or brings some, which follows.
type Copy struct{ Length, Address uint64 }

// Put writes c to the first bytes of b.
func (c *Copy) Put(b []byte) {
	order.PutUint64(b[0:], c.Length)
	order.PutUint64(b[8:CopySize], c.Address)
}

// ParseCopy reads a Copy.
func ParseCopy(b []byte) (c Copy, err error) {
	if len(b) < CopySize {
		return c, ErrMalformed
	}
	return Copy{order.Uint64(b), order.Uint64(b[8:])}, nil
}

// PutWord writes a word of 64 bits: the size and the address of an anonmmap.
func PutWord(b []byte, w uint64) { order.PutUint64(b, w) }

// ParseWord reads a word of 64 bits.
func ParseWord(b []byte) (uint64, error) {
	if len(b) != 8 {
		return 0, ErrMalformed
	}
	return order.Uint64(b), nil
}

// StatusSize is the size of the answer to a handshake without Info.
const StatusSize = 4

// PutStatus writes the answer to a handshake: 0, or an error number.
func PutStatus(b []byte, errno int32) { order.PutUint32(b, uint32(errno)) }

// ParseStatus reads the answer to a handshake, and the Info behind it.
func ParseStatus(b []byte) (errno int32, rest []byte, err error) {
	if len(b) < StatusSize {
		return 0, nil, ErrMalformed
	}
	return int32(order.Uint32(b)), b[StatusSize:], nil
}

// An Info is what a server says of itself, and of the process that a client
// got.
type Info struct {
	OS           string          // as GOOS
	Arch         string          // as GOARCH
	Kernel       Text            // the specification that the kernel was opened with
	PID          int             // of the client's process
	Calls        []uint16        `json:",omitempty"` // the numbers that the kernel has; none: all of its ABI
	Capabilities map[string]Text // what it can do: "", or the reason why not
	MaxMemory    int             // of all calls that are under way, in bytes
	MaxCalls     int             // that may be under way
}

// An EndReport says why a kernel crashed.
type EndReport struct {
	Reason  Text
	Console Text // its end
}

// Encode is v as JSON.
func Encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only for types that are not of this package
	}
	return b
}

// Decode reads what Encode wrote.
func Decode(b []byte, v any) error {
	if len(b) > MaxText {
		return fmt.Errorf("sysproxy: %d bytes of JSON: at most %d are taken", len(b), MaxText)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("sysproxy: %w", err)
	}
	return nil
}
