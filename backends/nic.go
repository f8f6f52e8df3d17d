package backends

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/anykernel/anykernel/hypercall"
)

// A NIC is a network interface that a kernel is given.
type NIC struct {
	// Net is what it is plugged into, once.
	Net hypercall.Net
	// MTU is the size of the largest packet; 0 is 1500.
	MTU int
}

// Limits of the MTU of an interface: what IPv4 asks of every link, and about
// what a loopback interface has, which every kernel takes.
const (
	MinMTU = 68
	MaxMTU = 32768
)

func (n NIC) check() error {
	if n.Net == nil {
		return errors.New("a network interface that is plugged into nothing")
	}
	if n.MTU != 0 && (n.MTU < MinMTU || n.MTU > MaxMTU) {
		return fmt.Errorf("network interface with an MTU of %d: want %d to %d", n.MTU, MinMTU, MaxMTU)
	}
	return nil
}

// A nicNet plugs a kernel's first interfaces into what its Config says, by the
// number in their names, and further ones into what its host has.
type nicNet struct {
	nics []NIC
	next hypercall.Net // nil: there is nothing
}

func (n nicNet) Attach(nic hypercall.NIC, receive func(frame []byte)) (hypercall.Link, error) {
	number := nic.Name[len(strings.TrimRight(nic.Name, "0123456789")):]
	i, err := strconv.Atoi(number)
	switch {
	case err == nil && i < len(n.nics):
		return n.nics[i].Net.Attach(nic, receive)
	case n.next != nil:
		return n.next.Attach(nic, receive)
	}
	return nil, hypercall.ErrUnimplemented
}

func (b *Backend) checkNICs(nics []NIC) error {
	if len(nics) > 0 && !b.NICs {
		return errors.New(b.Name + " takes no network interfaces")
	}
	for _, n := range nics {
		if err := n.check(); err != nil {
			return err
		}
	}
	return nil
}
