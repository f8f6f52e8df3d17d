//go:build linux

// Command xenkernel is a guest that is a kernel for others: gVisor's, with no
// operating system under it. The backend xen starts it.
//
//	anykernel image build ./examples/xenkernel -o kernel.img
//	anykernel sh -k xen:kernel.img -c 'uname -a; ls /proc'
package main

import (
	_ "github.com/anykernel/anykernel/backends/sentry"
	"github.com/anykernel/anykernel/backends/xen/inside"
)

func main() { inside.Main("sentry") }
