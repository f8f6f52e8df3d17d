package sys

import (
	"errors"
	"fmt"
	"strings"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

var opWait4 = newOp("wait4")

// WaitFlags are the options of wait4(2).
type WaitFlags uint32

const (
	WNOHANG    WaitFlags = 1 // does not wait
	WUNTRACED  WaitFlags = 2 // also tells of children that were stopped
	WCONTINUED WaitFlags = 8 // also of those that were continued
)

var waitFlags = flagTable{
	name:   "wait flags",
	prefix: "W",
	flags: []flag{
		{name: "NOHANG", value: uint64(WNOHANG)},
		{name: "UNTRACED", value: uint64(WUNTRACED)},
		{name: "CONTINUED", value: uint64(WCONTINUED)},
	},
}

// ParseWaitFlags reads flags by name, such as "nohang". The error is a
// [*NameError].
func ParseWaitFlags(text string) (WaitFlags, error) {
	v, err := waitFlags.parse(text)
	return WaitFlags(v), err
}

// String is the flags by name.
func (f WaitFlags) String() string { return waitFlags.format(uint64(f)) }

// A WaitStatus says what became of a child.
type WaitStatus struct {
	kind   waitKind
	code   int    // of one that exited
	signal Signal // of one that was killed or stopped
	core   bool
}

type waitKind uint8

const (
	waitNothing waitKind = iota
	waitExited
	waitSignaled
	waitStopped
	waitContinued
)

// Exited reports whether the child exited by itself.
func (w WaitStatus) Exited() bool { return w.kind == waitExited }

// ExitCode is what it exited with, from 0 to 255; -1 where it did not.
func (w WaitStatus) ExitCode() int {
	if w.kind != waitExited {
		return -1
	}
	return w.code
}

// Success reports whether it exited with 0.
func (w WaitStatus) Success() bool { return w.kind == waitExited && w.code == 0 }

// Signaled reports whether a signal ended it.
func (w WaitStatus) Signaled() bool { return w.kind == waitSignaled }

// Stopped reports whether a signal stopped it.
func (w WaitStatus) Stopped() bool { return w.kind == waitStopped }

// Continued reports whether it was continued.
func (w WaitStatus) Continued() bool { return w.kind == waitContinued }

// Signal is the signal that ended or stopped it, 0 where none did.
func (w WaitStatus) Signal() Signal { return w.signal }

// CoreDumped reports whether it left a core file.
func (w WaitStatus) CoreDumped() bool { return w.core }

// String is such as "exit status 1" or "killed by SIGSEGV (core dumped)".
func (w WaitStatus) String() string {
	switch w.kind {
	case waitExited:
		return fmt.Sprintf("exit status %d", w.code)
	case waitSignaled:
		return "killed by " + w.signal.String() + strings.Repeat(" (core dumped)", boolInt(w.core))
	case waitStopped:
		return "stopped by " + w.signal.String()
	case waitContinued:
		return "continued"
	}
	return "nothing happened"
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// A statusCode is how an ABI packs a wait status. All have the exit code or
// the stopping signal in the second byte and the ending signal in the first.
type statusCode struct{ continued uint32 }

// statusCodeOf tells how the ABI says "continued", which is where they
// differ; from sys/wait.h of each.
func statusCodeOf(a *abi.ABI) statusCode {
	switch a.OS {
	case "freebsd":
		return statusCode{0x13}
	case "darwin":
		return statusCode{0x137f}
	}
	return statusCode{0xffff}
}

func (t *table) waitStatus(v uint32) WaitStatus {
	high, low := int(v>>8&0xff), v&0x7f
	switch {
	case v == t.procs.status.continued:
		return WaitStatus{kind: waitContinued}
	case v&0xff == 0x7f:
		return WaitStatus{kind: waitStopped, signal: t.portableSignal(high)}
	case low == 0:
		return WaitStatus{kind: waitExited, code: high}
	}
	return WaitStatus{kind: waitSignaled, signal: t.portableSignal(int(low)), core: v&0x80 != 0}
}

// A Waited is what [Process.Wait4] tells of a child.
type Waited struct {
	PID    int // 0 where WNOHANG was given and nothing has happened
	Status WaitStatus
	Usage  Rusage // of a child that ended, and those that it waited for
}

// Wait4 waits until something happens to a child: that with number pid, any in
// the process group of p (0), in a group (its number negative), or any (-1).
// A child that ended is gone when its parent has waited for it. On the host,
// children of the first process include those that this program started in
// other ways: -1 takes away what those wait for. See wait4(2).
func (p *Process) Wait4(pid int, flags WaitFlags) (Waited, error) {
	native, err := p.k.tab.procs.wait.native(uint64(flags))
	if err != nil {
		return Waited{}, p.wrap("wait4", "", err)
	}
	s := newScratch()
	defer s.free()
	status, usage := s.zeroed(4), s.zeroed(p.k.tab.procs.rusage.size)
	n, err := p.call(opWait4, intArg(pid), backends.Mem(status, backends.Out), intArg(int(native)), backends.Mem(usage, backends.Out))
	if err != nil {
		return Waited{}, p.wrap("wait4", fmt.Sprint(pid), err)
	}
	w := Waited{PID: int(int32(n)), Usage: p.k.tab.rusage(usage)}
	if w.PID != 0 {
		w.Status = p.k.tab.waitStatus(p.k.tab.abi.Order.Uint32(status))
	}
	return w, nil
}

// Wait waits for the end of p, in the name of its parent, and says how it
// ended. It works once, as wait4(2) does. The context of p, if it has one,
// ends the waiting.
func (p *Process) Wait() (Waited, error) {
	if p.parent == nil {
		return Waited{}, p.wrap("wait4", "", fmt.Errorf("nobody is the parent of the first process: %w", ECHILD))
	}
	parent := Process{processState: p.parent, ctx: p.ctx}
	for {
		w, err := parent.Wait4(p.ID(), 0)
		if err != nil && p.ctx == nil && errors.Is(err, EINTR) {
			continue
		}
		return w, err
	}
}
