//go:build linux && amd64

// Command linuxinit is the first process of a guest that has a stock Linux
// kernel: it mounts what programs expect, loads the drivers of the devices that
// are there, brings up the network, runs the program with the words of the
// kernel's command line, and passes on its exit status.
//
// It is compiled when an image is made, from sources that are embedded in
// package images, so it imports the standard library alone.
package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Where package images puts its own files.
const (
	program     = "/.anykernel/program"
	moduleDir   = "/.anykernel/modules/"
	moduleTable = "/.anykernel/modules/table"
)

// statusRefused is that of the shim, where the program could not be started.
const statusRefused = 125

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "init: this is the first process of a guest, and nothing else")
		os.Exit(2)
	}
	status, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "init:", err)
		status = statusRefused
	}
	end(status)
}

// run gets the system ready and runs the program. What is only a part of the
// system is complained of: the program may do without.
func run() (status int, err error) {
	if err := mountAll(); err != nil {
		return 0, err
	}
	for _, prepare := range []func() error{loadModules, configureNetwork} {
		if err := prepare(); err != nil {
			fmt.Fprintln(os.Stderr, "init:", err)
		}
	}
	// The kernel has given us the program's arguments and environment.
	child, err := syscall.ForkExec(program, os.Args, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
	if err != nil {
		return 0, fmt.Errorf("the program does not start: %w", err)
	}
	return wait(child)
}

func mountAll() error {
	for _, m := range []struct{ kind, at string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"devpts", "/dev/pts"}, {"tmpfs", "/dev/shm"}, {"tmpfs", "/tmp"},
	} {
		err := os.MkdirAll(m.at, 0o755)
		if err == nil && !busy(m.at) {
			err = syscall.Mount(m.kind, m.at, m.kind, syscall.MS_NOSUID, "")
		}
		if err != nil {
			return fmt.Errorf("mount %s on %s: %w", m.kind, m.at, err)
		}
	}
	return nil
}

// busy reports whether the image has files of its own in /tmp.
func busy(dir string) bool {
	entries, err := os.ReadDir(dir)
	return dir == "/tmp" && err == nil && len(entries) > 0
}

// wait waits for the program, and for every process whose parent has ended:
// they are the first process's children.
func wait(child int) (int, error) {
	for {
		var s syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &s, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 0, fmt.Errorf("wait for the program: %w", err)
		case pid == child && s.Signaled():
			fmt.Fprintf(os.Stderr, "init: the program died of signal %d\n", s.Signal())
			return 128 + int(s.Signal()), nil
		case pid == child:
			return s.ExitStatus(), nil
		}
	}
}
