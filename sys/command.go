package sys

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/anykernel/anykernel/backends"
)

var opCloseRange = newOp("close_range")

// A Command is a program to be run in a process of its own.
type Command struct {
	// Path is the program's file, in the file system of the kernel, and
	// relative to Dir.
	Path string
	// Args are its arguments, of which the first is its own name. nil: Path
	// alone.
	Args []string
	// Env is its environment, of the form NAME=value. nil: none.
	Env []string
	// Dir is the directory that it starts in. "": that of its parent.
	Dir string
	// Files become its descriptors 0, 1, 2 and so on; a nil one is closed.
	// They are files of the parent. It has no others.
	Files []*File
	// Setup, if it is not nil, is called with the process before it becomes
	// the program, to change what the program inherits: credentials, limits,
	// namespaces, signal masks. Descriptors are in place by then.
	Setup func(*Process) error
}

// Start runs c as a child of p and returns it when it is the program. Wait
// for its end by [Process.Wait]. The context bounds the start only.
func (p *Process) Start(ctx context.Context, c *Command) (*Process, error) {
	child, err := p.Fork(ctx, backends.CopiedDescriptors)
	if err != nil {
		return nil, err
	}
	if err := child.With(ctx).become(c); err != nil {
		err = errors.Join(err, child.Close())
		_, _ = child.Wait()
		return nil, err
	}
	return child, nil
}

// Run is [Process.Start] and the waiting for the end. Where the context ends
// first, it kills the program.
func (p *Process) Run(ctx context.Context, c *Command) (Waited, error) {
	child, err := p.Start(ctx, c)
	if err != nil {
		return Waited{}, err
	}
	stop := context.AfterFunc(ctx, func() { _ = child.Close() })
	defer stop()
	w, err := child.Wait()
	if err == nil && ctx.Err() != nil && w.Status.Signal() == SIGKILL {
		err = p.With(ctx).wrap("run", c.Path, ctx.Err())
	}
	return w, err
}

func (p *Process) become(c *Command) error {
	if err := p.arrange(c.Files); err != nil {
		return err
	}
	if c.Dir != "" {
		if err := p.Chdir(c.Dir); err != nil {
			return err
		}
	}
	if c.Setup != nil {
		if err := c.Setup(p); err != nil {
			return err
		}
	}
	args := c.Args
	if args == nil {
		args = []string{c.Path}
	}
	return p.Exec(c.Path, args, c.Env)
}

// arrange makes copies of the parent's files the descriptors 0, 1, 2 and so
// on, and closes all others.
func (p *Process) arrange(files []*File) error {
	t := &p.k.tab.files
	n := len(files)
	from := make([]uintptr, n)
	for i, f := range files {
		if f == nil {
			continue
		}
		// First out of the way of those that come to lie at its number.
		r, err := p.call(opFcntl, intArg(f.num), intArg(t.fcntl[fDup]), intArg(n))
		if err != nil {
			return p.wrap("dup", f.name, err)
		}
		from[i] = r
	}
	for i, f := range files {
		if f == nil {
			_, _ = p.call(opClose, intArg(i))
			continue
		}
		if _, err := p.call(opDup3, backends.Int(from[i]), intArg(i), backends.Arg{}); err != nil {
			return p.wrap("dup", f.name, err)
		}
	}
	return p.closeFrom(n)
}

// closeFrom closes all descriptors from a number on.
func (p *Process) closeFrom(n int) error {
	_, err := p.call(opCloseRange, intArg(n), backends.Int(math.MaxUint32), backends.Arg{})
	if err == nil || !errors.Is(p.wrap("close", "", err), ErrNotSupported) {
		return p.wrap("close", "", err)
	}
	l, err := p.Getrlimit(RLIMIT_NOFILE)
	if err != nil {
		return err
	}
	const maxFiles = 1 << 16 // no table of a kernel without close_range is larger
	for fd := n; uint64(fd) < min(l.Cur, maxFiles); fd++ {
		_, _ = p.call(opClose, intArg(fd))
	}
	return nil
}

// String is the path and the arguments.
func (c *Command) String() string { return fmt.Sprintf("%s %q", c.Path, c.Args) }
