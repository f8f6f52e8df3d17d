package linux

import (
	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// name is a flag of its own bits.
func name(n string, v uint64) sys.FlagName { return sys.FlagName{Name: n, Value: v} }

// flagArg is flags as an argument in the kernel's ABI.
func flagArg(p *sys.Process, n *sys.FlagNames, v uint64) (backends.Arg, error) {
	native, err := n.Native(p.Kernel().ABI(), v)
	return backends.Int(uintptr(native)), err
}

// open makes a call that returns a new descriptor, whose last argument is
// flags.
func open(p *sys.Process, call, what string, n *sys.FlagNames, flags uint64, args ...backends.Arg) (*sys.File, error) {
	f, err := flagArg(p, n, flags)
	if err != nil {
		return nil, p.Fail(call, "", err)
	}
	fd, err := p.Call(call, append(args, f)...)
	if err != nil {
		return nil, err
	}
	return p.NewFile(int(fd), what), nil
}

func integer[T ~int | ~int32 | ~int64 | ~uint32 | ~uint64](v T) backends.Arg {
	return backends.Int(uintptr(v))
}
