//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"fmt"
	"strconv"

	"github.com/anykernel/anykernel/backends"
)

// nicName is what NetBSD calls the i-th interface of a kernel.
func nicName(i int) string { return "virt" + strconv.Itoa(i) }

// nicComponent is the driver.
const nicComponent = "net_virtif"

// createNICs makes the interfaces of the configuration: virt0, virt1 …
func (k *Kernel) createNICs(nics []backends.NIC) error {
	if len(nics) == 0 {
		return nil
	}
	const afInet, sockDgram = 2, 2
	s, err := k.call("__socket30", backends.Int(afInet), backends.Int(sockDgram), backends.Int(0))
	if err != nil {
		return fmt.Errorf("a socket to make network interfaces by: %w", err)
	}
	defer k.call("close", backends.Int(s))
	for i, n := range nics {
		if err := k.interfaceRequest(s, "SIOCIFCREATE", i, 0); err != nil {
			return fmt.Errorf("create network interface %s: %w", nicName(i), err)
		}
		if n.MTU == 0 {
			continue
		}
		if err := k.interfaceRequest(s, "SIOCSIFMTU", i, uint32(n.MTU)); err != nil {
			return fmt.Errorf("set an MTU of %d on %s: %w", n.MTU, nicName(i), err)
		}
	}
	return nil
}

// interfaceRequest is an ioctl with a struct ifreq: an interface's name, and a
// union that begins with the value.
func (k *Kernel) interfaceRequest(socket uintptr, request string, nic int, value uint32) error {
	const nameSize, size = 16, 144
	number, ok := k.ABI().Const(request)
	if !ok {
		return fmt.Errorf("NetBSD's ABI has no request %s", request)
	}
	ifreq := make([]byte, size)
	copy(ifreq[:nameSize-1], nicName(nic))
	k.ABI().Order.PutUint32(ifreq[nameSize:], value)
	_, err := k.call("ioctl", backends.Int(socket), backends.Int(uintptr(number)), backends.Mem(ifreq, backends.InOut))
	return err
}
