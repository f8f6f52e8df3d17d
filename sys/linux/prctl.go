package linux

import (
	"bytes"
	"fmt"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// Prctl makes an operation of prctl(2) that the ABI has under that name, such
// as "PR_SET_DUMPABLE". On the host, those that change what Linux keeps for
// each thread need a process made by Fork.
func Prctl(p *sys.Process, operation string, args ...backends.Arg) (int, error) {
	op, ok := p.Kernel().ABI().Const(operation)
	if !ok {
		return 0, p.Fail("prctl", operation, fmt.Errorf("no such operation: %w", sys.ErrNotSupported))
	}
	r, err := p.Call("prctl", append([]backends.Arg{integer(op)}, args...)...)
	return int(int32(r)), err
}

// SetNoNewPrivs makes execve(2) of p grant nothing that p does not have.
func SetNoNewPrivs(p *sys.Process) error {
	_, err := Prctl(p, "PR_SET_NO_NEW_PRIVS", integer(1))
	return err
}

// NoNewPrivs reports whether [SetNoNewPrivs] was called.
func NoNewPrivs(p *sys.Process) (bool, error) {
	r, err := Prctl(p, "PR_GET_NO_NEW_PRIVS")
	return r == 1, err
}

// taskName is the size of a name of a thread with its NUL: TASK_COMM_LEN.
const taskName = 16

// Name is the name of the thread that leads p, as ps(1) shows it.
func Name(p *sys.Process) (string, error) {
	b := make([]byte, taskName)
	if _, err := Prctl(p, "PR_GET_NAME", backends.Mem(b, backends.Out)); err != nil {
		return "", err
	}
	text, _, _ := bytes.Cut(b, []byte{0})
	return string(text), nil
}

// SetName sets the name; what is longer than 15 bytes is cut off.
func SetName(p *sys.Process, to string) error {
	str, err := sys.CString(to)
	if err != nil {
		return p.Fail("prctl", to, err)
	}
	_, err = Prctl(p, "PR_SET_NAME", str)
	return err
}
