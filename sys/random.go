package sys

import (
	"io"

	"github.com/anykernel/anykernel/backends"
)

var (
	opGetentropy = newOp("getentropy")
)

// RandomFlags are the flags of getrandom(2).
type RandomFlags uint32

const (
	GRND_NONBLOCK RandomFlags = 1 // does not wait for the source to be ready
	GRND_RANDOM   RandomFlags = 2 // from the source of /dev/random
	GRND_INSECURE RandomFlags = 4 // also before the source is ready
)

var randomFlags = flagTable{
	name:   "random flags",
	prefix: "GRND_",
	flags: []flag{
		{name: "NONBLOCK", value: uint64(GRND_NONBLOCK)},
		{name: "RANDOM", value: uint64(GRND_RANDOM)},
		{name: "INSECURE", value: uint64(GRND_INSECURE)},
	},
}

// ParseRandomFlags reads flags by name. The error is a [*NameError].
func ParseRandomFlags(text string) (RandomFlags, error) {
	v, err := randomFlags.parse(text)
	return RandomFlags(v), err
}

// String is the flags by name.
func (f RandomFlags) String() string { return randomFlags.format(uint64(f)) }

// Getrandom fills b with random bytes of the kernel. It gives what one
// getrandom(2) gives: all where len(b) is up to 256. Kernels without that call
// are asked by getentropy(2), or through /dev/urandom.
func (p *Process) Getrandom(b []byte, flags RandomFlags) (int, error) {
	native, err := p.k.tab.procs.random.native(uint64(flags))
	if err != nil && p.k.tab.has(opGetrandom) {
		return 0, p.wrap("getrandom", "", err)
	}
	switch {
	case p.k.tab.has(opGetrandom):
		n, err := p.call(opGetrandom, backends.Mem(b, backends.Out), intArg(len(b)), intArg(int(native)))
		if err != nil {
			return 0, p.wrap("getrandom", "", err)
		}
		return int(n), nil
	case p.k.tab.has(opGetentropy):
		b = b[:min(len(b), 256)] // more is an error there
		if _, err := p.call(opGetentropy, backends.Mem(b, backends.Out), intArg(len(b))); err != nil {
			return 0, p.wrap("getentropy", "", err)
		}
		return len(b), nil
	}
	f, err := p.Open("/dev/urandom", O_RDONLY|O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return io.ReadFull(f.With(p.ctx), b)
}
