package shell

import (
	"context"
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/interp"

	"github.com/anykernel/anykernel/applets"
	"github.com/anykernel/anykernel/sys"
)

// A command is a program of the shell itself.
type command func(s *Shell, ctx context.Context, env *applets.Env, args []string) int

// commands is the programs that need the shell. Some stand for a builtin of
// the interpreter that it has not, or that would look at the host; see call.
var commands map[string]command

func init() {
	commands = map[string]command{
		"sh":      shCommand,
		"help":    helpCommand,
		"history": historyCommand,
		"which":   whichCommand,
	}
}

// ours is the builtins that the interpreter lacks and that are programs here.
var ours = map[string]bool{"help": true, "history": true, "kill": true}

// call sees every command before it runs, and turns those that the
// interpreter would answer by itself, from the host, into ours.
func (s *Shell) call(ctx context.Context, args []string) ([]string, error) {
	switch {
	case ours[args[0]]:
		return append([]string{"/bin/" + args[0]}, args[1:]...), nil
	case (args[0] == "." || args[0] == "source") && len(args) > 1 && !strings.Contains(args[1], "/"):
		// The interpreter looks for a plain name in the host's PATH.
		return append([]string{args[0], "./" + args[1]}, args[2:]...), nil
	case args[0] == "command" && len(args) == 3 && args[1] == "-v" && isProgram(args[2]):
		return []string{"which", args[2]}, nil
	case args[0] == "type" && len(args) == 2 && isProgram(args[1]):
		return []string{"which", args[1]}, nil
	}
	return args, nil
}

// isProgram reports whether name is a program and not a builtin.
func isProgram(name string) bool {
	_, applet := applets.Lookup(name)
	return (applet || commands[name] != nil) && (!interp.IsBuiltin(name) || ours[name])
}

func whichCommand(s *Shell, ctx context.Context, env *applets.Env, args []string) int {
	status := 0
	for _, name := range args {
		if isProgram(name) {
			fmt.Fprintf(env.Stdout, "/bin/%s\n", name)
		} else {
			status = 1
		}
	}
	return status
}

func shCommand(s *Shell, ctx context.Context, env *applets.Env, args []string) int {
	switch {
	case len(args) == 0:
		return s.subshell(ctx, env, "stdin", env.Stdin, nil)
	case args[0] == "-c" && len(args) > 1:
		return s.subshell(ctx, env, "-c", strings.NewReader(args[1]), args[2:])
	case strings.HasPrefix(args[0], "-"):
		fmt.Fprintln(env.Stderr, "usage: sh [-c PROGRAM | FILE] [ARG...]")
		return applets.StatusUsage
	}
	f, err := s.env.Process.With(ctx).Open(absolute(env.Dir, args[0]), sys.O_RDONLY|sys.O_CLOEXEC, 0)
	if err != nil {
		fmt.Fprintf(env.Stderr, "sh: %v\n", pathError("open", args[0], err))
		return applets.StatusNotFound
	}
	defer f.Close()
	return s.subshell(ctx, env, args[0], f, args[1:])
}

func helpCommand(s *Shell, ctx context.Context, env *applets.Env, args []string) int {
	for _, a := range applets.List() {
		fmt.Fprintf(env.Stdout, "%-10s %s\n", a.Name, a.Summary)
	}
	return 0
}

func historyCommand(s *Shell, ctx context.Context, env *applets.Env, args []string) int {
	for i, line := range s.past {
		fmt.Fprintf(env.Stdout, "%5d  %s\n", i+1, line)
	}
	return 0
}
