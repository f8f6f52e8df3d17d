package sys

import (
	"errors"
	"fmt"

	"github.com/anykernel/anykernel/backends"
)

var (
	opExecve = newOp("execve")
	opExit   = newOp("exit_group", "exit")
)

// Exec makes p run another program, with the arguments argv, of which the
// first is the program's own name, and the environment env, of the form
// NAME=value; see execve(2). Where it succeeds, p takes no more calls: its
// Files are useless, and its end can be waited for by [Process.Wait]. Exec of
// the first process of the host replaces this program.
func (p *Process) Exec(path string, argv, env []string) error {
	s := newScratch()
	defer s.free()
	name, err := s.str(path)
	if err != nil {
		return p.wrap("exec", path, err)
	}
	var refs []backends.Ref
	args, err := p.k.tab.stringArray(&refs, 1, argv)
	if err != nil {
		return p.wrap("exec", path, err)
	}
	vars, err := p.k.tab.stringArray(&refs, 2, env)
	if err != nil {
		return p.wrap("exec", path, err)
	}
	_, err = p.callRefs(opExecve, refs, name, args, vars)
	return p.wrap("exec", path, unlessExited(err))
}

// stringArray is an array of pointers to strings, with a null pointer behind
// the last, as argument number arg.
func (t *table) stringArray(refs *[]backends.Ref, arg int, list []string) (backends.Arg, error) {
	array := make([]byte, (len(list)+1)*t.abi.PointerSize)
	for i, text := range list {
		if err := checkString(text); err != nil {
			return backends.Arg{}, fmt.Errorf("%q: %w", text, err)
		}
		str := backends.Mem(append([]byte(text), 0), backends.In)
		*refs = append(*refs, backends.Ref{Holder: arg, Off: i * t.abi.PointerSize, Mem: str})
	}
	return backends.Mem(array, backends.In), nil
}

// Exit ends p with an exit status from 0 to 255. It returns nil when p has
// ended. Exit of the first process of the host ends this program.
func (p *Process) Exit(status int) error {
	_, err := p.call(opExit, intArg(status))
	return p.wrap("exit", "", unlessExited(err))
}

// unlessExited is err, or nil where it says that the process has ended: that
// is what was asked for.
func unlessExited(err error) error {
	if errors.Is(err, backends.ErrExited) {
		return nil
	}
	return err
}
