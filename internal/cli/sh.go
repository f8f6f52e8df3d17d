package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/applets"
	"github.com/anykernel/anykernel/shell"
	"github.com/anykernel/anykernel/sys"
)

func newShCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sh -k KERNEL [-c PROGRAM | FILE] [ARG...]",
		Short: "Run a shell on a kernel",
		Long: `Run a shell on a kernel: the POSIX and Bash language with the applets as
programs. Redirections, cd, tests and globs see the kernel's files, not the
host's. The kernel lives as long as the shell. FILE is a file of the host.

On a terminal, lines can be edited, the arrow keys recall earlier lines, the
tab key completes names of programs and files, Ctrl-C interrupts what runs,
and Ctrl-D ends the shell.`,
		Example: `  anykernel sh -k sentry
  anykernel sh -k sentry -c 'uname; ls -l / | sort >/tmp/list; wc -l </tmp/list'`,
	}
	spec := e.kernelFlag(cmd)
	setup := setupFlags(cmd)
	program := cmd.Flags().StringP("command", "c", "", "the `program` to run")
	dir := dirFlag(cmd)
	cmd.Flags().SetInterspersed(false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		script, err := e.script(cmd.Flags().Changed("command"), *program, args)
		if err != nil {
			return err
		}
		ctx, stop := cmd.Context(), context.CancelFunc(func() {})
		if script != nil {
			ctx, stop = untilInterrupt(ctx)
		}
		defer stop()
		return e.withKernel(ctx, *spec, setup, func(k *sys.Kernel) error {
			return e.shell(ctx, k, *dir, script)
		})
	}
	return cmd
}

// A script is a program for the shell.
type script struct {
	name    string
	program io.Reader
	args    []string
}

// script is what the arguments tell to run; nil where a person will type.
func (e *env) script(given bool, program string, args []string) (*script, error) {
	switch {
	case given:
		return &script{"-c", strings.NewReader(program), args}, nil
	case len(args) > 0:
		text, err := os.ReadFile(args[0])
		if err != nil {
			return nil, err
		}
		return &script{args[0], strings.NewReader(string(text)), args[1:]}, nil
	case !isTerminal(e.stdin):
		return &script{"stdin", e.stdin, nil}, nil
	}
	return nil, nil
}

// shell runs a shell on a kernel, after prepare.
func (e *env) shell(ctx context.Context, k *sys.Kernel, dir string, script *script, prepare ...func(*shell.Shell) error) (err error) {
	p, end, err := applets.NewProcess(ctx, k.Init(), "sh")
	if err != nil {
		return err
	}
	defer func() {
		if k.Err() == nil {
			err = errors.Join(err, end())
		}
	}()
	if dir == "" && !isolated(k) {
		if dir, err = os.Getwd(); err != nil {
			return err
		}
	}
	sh, err := shell.New(&applets.Env{
		Process: p, Stdin: e.stdin, Stdout: e.stdout, Stderr: e.stderr, Dir: dir, Environ: environ(k),
	})
	if err != nil {
		return err
	}
	for _, f := range prepare {
		if err := f(sh); err != nil {
			return err
		}
	}
	var status int
	if script != nil {
		status, err = sh.Run(ctx, script.name, script.program, script.args...)
	} else {
		status, err = e.interact(ctx, sh)
	}
	if err != nil && status == applets.StatusUsage {
		fmt.Fprintln(e.stderr, err)
		return statusError(status)
	}
	if err == nil && status != 0 {
		err = statusError(status)
	}
	return err
}

// interact runs the shell on the terminal.
func (e *env) interact(ctx context.Context, sh *shell.Shell) (int, error) {
	in, inOK := e.stdin.(*os.File)
	out, outOK := e.stdout.(*os.File)
	if !inOK || !outOK {
		return 1, errors.New("not on a terminal")
	}
	t := newTerminal(newInput(in), in, out, sh.Complete)
	return sh.Interact(ctx, t)
}
