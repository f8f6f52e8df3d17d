package shell

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/anykernel/anykernel/applets"
	"github.com/anykernel/anykernel/sys"
)

// maxScript bounds a script, in bytes.
const maxScript = 16 << 20

// A Shell holds variables, functions and a working directory between the
// programs that it runs. It is not safe for concurrent use.
type Shell struct {
	env    applets.Env
	runner *interp.Runner
	input  func(context.Context, io.Reader) io.Reader
	added  map[string]Command
	past   []string // what was typed; see Interact
}

// New is a shell that runs in env, which is copied. Each applet runs in a
// child of env.Process where the kernel can make one, else in env.Process
// itself. The directory defaults to "/".
func New(env *applets.Env) (*Shell, error) {
	s := &Shell{env: *env}
	if s.env.Dir == "" {
		s.env.Dir = "/"
	}
	var err error
	s.runner, err = interp.New(
		interp.StdIO(s.env.Stdin, s.env.Stdout, s.env.Stderr),
		interp.Env(expand.ListEnviron(s.env.Environ...)),
		interp.CallHandler(s.call),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return s.exec }),
		interp.OpenHandler(s.open),
		interp.StatHandler(s.stat),
		interp.AccessHandler(s.access),
		interp.ReadDirHandler2(s.readDir),
		// interp.Dir would look for the directory on the host.
		func(r *interp.Runner) error { r.Dir = s.env.Dir; return nil },
	)
	if err != nil {
		return nil, fmt.Errorf("shell: %w", err)
	}
	return s, nil
}

// A Command is a program that a shell was given. It runs in env, where Process
// is that of the shell, and returns its exit status.
type Command func(ctx context.Context, env *applets.Env, args []string) int

// Add gives the shell, and those that it starts, a program of that name, which
// goes before an applet's.
func (s *Shell) Add(name string, c Command) {
	if s.added == nil {
		s.added = map[string]Command{}
	}
	s.added[name] = c
}

// Exec runs a program by its name, args[0], as a line of the shell would, and
// returns its exit status. Input, output, directory and environment are those
// of env; the process is the shell's.
func (s *Shell) Exec(ctx context.Context, env *applets.Env, args ...string) int {
	return s.start(ctx, env, args)
}

// Run runs a program and returns its exit status. The name is what messages
// call it, and args are its positional parameters. The error is a
// [syntax.ParseError], or says why the kernel has ended.
func (s *Shell) Run(ctx context.Context, name string, program io.Reader, args ...string) (int, error) {
	text, err := readScript(program)
	if err != nil {
		return 1, fmt.Errorf("%s: %w", name, err)
	}
	file, err := s.parse(text, name)
	if err != nil {
		return applets.StatusUsage, err
	}
	if err := interp.Params(append([]string{"--"}, args...)...)(s.runner); err != nil {
		return 1, err
	}
	return s.run(ctx, file)
}

func readScript(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxScript+1))
	if err != nil {
		return "", err
	}
	if len(text) > maxScript {
		return "", fmt.Errorf("a script of more than %d bytes", maxScript)
	}
	return string(text), nil
}

func (s *Shell) run(ctx context.Context, node syntax.Node) (int, error) {
	err := s.runner.Run(ctx, node)
	if dead := s.kernel().Err(); dead != nil {
		return 1, dead
	}
	var status interp.ExitStatus
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &status):
		return int(status), nil
	case ctx.Err() != nil:
		return applets.StatusInterrupted, nil
	}
	return 1, err
}

func (s *Shell) kernel() *sys.Kernel { return s.env.Process.Kernel() }

// parse is a program as a tree, without what cannot be had here. $$ is the
// number that the kernel has for the shell's process; the interpreter would
// give the host's.
func (s *Shell) parse(text, name string) (*syntax.File, error) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), name)
	if err != nil {
		return nil, err
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ProcSubst:
			err = cmp.Or(err, error(syntax.ParseError{Filename: name, Pos: n.Pos(),
				Text: "no process substitution: its pipe would be one of the host's; use a file"}))
		case *syntax.Word:
			s.namePID(n.Parts)
		case *syntax.DblQuoted:
			s.namePID(n.Parts)
		}
		return err == nil
	})
	return file, err
}

// namePID puts the number of the shell's process in the place of $$.
func (s *Shell) namePID(parts []syntax.WordPart) {
	for i, part := range parts {
		p, ok := part.(*syntax.ParamExp)
		if ok && p.Param != nil && p.Param.Value == "$" {
			parts[i] = &syntax.Lit{ValuePos: p.Pos(), ValueEnd: p.End(), Value: strconv.Itoa(s.env.Process.ID())}
		}
	}
}

// exec runs what is no function and no builtin.
func (s *Shell) exec(ctx context.Context, args []string) error {
	hc := interp.HandlerCtx(ctx)
	env := &applets.Env{
		Stdin: hc.Stdin, Stdout: hc.Stdout, Stderr: hc.Stderr,
		Dir: hc.Dir, Environ: exported(hc.Env),
	}
	if s.input != nil {
		env.Stdin = s.input(ctx, hc.Stdin)
	}
	return exitStatus(s.start(ctx, env, args))
}

func exitStatus(n int) error {
	if n == 0 {
		return nil
	}
	return interp.ExitStatus(n)
}

// start finds the applet, the command of the shell, or the script that args
// names, and runs it.
func (s *Shell) start(ctx context.Context, env *applets.Env, args []string) int {
	name := strings.TrimPrefix(args[0], "/bin/")
	if command, ok := s.added[name]; ok {
		env.Process = s.env.Process
		return command(ctx, env, args[1:])
	}
	if command, ok := commands[name]; ok {
		return command(s, ctx, env, args[1:])
	}
	if a, ok := applets.Lookup(name); ok {
		return s.applet(ctx, env, a, args[1:])
	}
	if strings.Contains(name, "/") {
		return s.script(ctx, env, args)
	}
	fmt.Fprintf(env.Stderr, "%s: not found\n", name)
	return applets.StatusNotFound
}

// applet runs an applet in a process of its own, if the kernel can make one.
func (s *Shell) applet(ctx context.Context, env *applets.Env, a *applets.Applet, args []string) int {
	p, end, err := applets.NewProcess(ctx, s.env.Process, a.Name)
	if err != nil {
		fmt.Fprintf(env.Stderr, "%s: %v\n", a.Name, err)
		return 1
	}
	env.Process = p
	status := a.Run(ctx, env, args...)
	if err := end(); err != nil && s.kernel().Err() == nil {
		fmt.Fprintf(env.Stderr, "%s: %v\n", a.Name, err)
		status = 1
	}
	return status
}

// script runs a file of the kernel as a program of the shell.
func (s *Shell) script(ctx context.Context, env *applets.Env, args []string) int {
	f, err := s.env.Process.Open(absolute(env.Dir, args[0]), sys.O_RDONLY|sys.O_CLOEXEC, 0)
	if err != nil {
		fmt.Fprintf(env.Stderr, "%s: not found\n", args[0])
		return applets.StatusNotFound
	}
	defer f.Close()
	return s.subshell(ctx, env, args[0], f, args[1:])
}

// subshell runs a program in a shell that shares nothing but the process with
// this one.
func (s *Shell) subshell(ctx context.Context, env *applets.Env, name string, program io.Reader, args []string) int {
	e := *env
	e.Process = s.env.Process
	sub, err := New(&e)
	if err != nil {
		fmt.Fprintln(env.Stderr, err)
		return 1
	}
	sub.input, sub.added = s.input, s.added
	status, err := sub.Run(ctx, name, program, args...)
	if err != nil {
		fmt.Fprintln(env.Stderr, err)
	}
	return status
}

// exported is the variables that a program gets.
func exported(env expand.Environ) []string {
	var list []string
	for name, v := range env.Each {
		if v.Exported && v.Kind == expand.String {
			list = append(list, name+"="+v.String())
		}
	}
	return list
}
