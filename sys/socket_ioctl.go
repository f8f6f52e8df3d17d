package sys

import (
	"fmt"

	"github.com/anykernel/anykernel/backends"
)

// setDescriptorFlags sets O_NONBLOCK as nonblock says, and FD_CLOEXEC where
// cloexec is true.
func (f *File) setDescriptorFlags(nonblock, cloexec bool) error {
	if cloexec {
		if err := f.SetCloseOnExec(true); err != nil {
			return err
		}
	}
	flags, err := f.Flags()
	if err != nil || flags&O_NONBLOCK != 0 == nonblock {
		return err
	}
	return f.SetFlags(flags&^(O_ACCMODE|O_NONBLOCK) | nonblockFlag(nonblock))
}

func nonblockFlag(on bool) OpenFlags {
	if on {
		return O_NONBLOCK
	}
	return 0
}

// An ifreq is an interface's name of 16 bytes and a union, of which no kernel
// has more than this.
const (
	ifreqSize = 256
	ifnamsiz  = 16
)

// InterfaceIndex is the number of the network interface with that name.
func (s *Socket) InterfaceIndex(name string) (int, error) {
	const op = "interface index"
	request, _ := s.p.k.tab.abi.Const("SIOCGIFINDEX")
	if name == "" || len(name) >= ifnamsiz {
		return 0, s.fail(op, fmt.Errorf("interface name %q has %d bytes: must have 1 to %d", name, len(name), ifnamsiz-1))
	}
	m := newScratch()
	defer m.free()
	b := m.zeroed(ifreqSize)
	copy(b, name)
	if err := s.ioctl(op+" "+name, uint64(request), b, backends.InOut); err != nil {
		return 0, err
	}
	return int(int32(s.p.k.tab.abi.Order.Uint32(b[ifnamsiz:]))), nil
}
