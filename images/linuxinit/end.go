//go:build linux && amd64

package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
)

// Ports of QEMU's devices isa-debugcon, which carries the status out, and
// isa-debug-exit. They are the shim's (xen/shim/src/exit.c).
const (
	statusPort    = 0xf5
	exitPort      = 0xf4
	statusPresent = 0xe9 // what isa-debugcon is read as
)

func portRead(port uint16) byte
func portWrite(port uint16, value byte)

// end ends the guest. It never returns.
func end(status int) {
	syscall.Sync()
	runtime.LockOSThread() // the permission is this thread's
	_, _, e := syscall.RawSyscall(syscall.SYS_IOPERM, exitPort, 2, 1)
	if e == 0 && portRead(statusPort) == statusPresent {
		portWrite(statusPort, byte(status))
		portWrite(exitPort, 0)
	}
	if status != 0 {
		fmt.Fprintf(os.Stderr, "init: exit status %d\n", status) // for who reads the console
	}
	err := syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
	fmt.Fprintln(os.Stderr, "init: the machine does not turn off:", err)
	select {}
}
