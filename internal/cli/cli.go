package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/anykernel/anykernel/backends"
)

// An env is what the commands share: where they read and write, and the log.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	log            hclog.Logger
}

// Main runs the command with the arguments of this process and returns its
// exit status.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	return Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// Run runs the command and returns its exit status.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	e := &env{stdin: stdin, stdout: stdout, stderr: stderr, log: hclog.NewNullLogger()}
	root := newRoot(e)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	return e.report(cmd, err)
}

// A statusError ends the command with a status and without a message.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// errFailed ends the command with status 1 where what it printed says why.
const errFailed = statusError(1)

// A usageError says that the command was called in a wrong way.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// report prints err and returns the exit status that it stands for.
func (e *env) report(cmd *cobra.Command, err error) int {
	var status statusError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(e.stderr, "anykernel: interrupted")
		return 130
	}
	fmt.Fprintf(e.stderr, "anykernel: %v\n", err)
	if isUsage(err) {
		fmt.Fprintf(e.stderr, "See '%s --help'.\n", cmd.CommandPath())
		return 2
	}
	return 1
}

func isUsage(err error) bool {
	var usage usageError
	var spec *backends.SpecError
	return errors.As(err, &usage) || errors.As(err, &spec)
}

// untilInterrupt is ctx, ended by Ctrl-C as well. A second Ctrl-C ends this
// process, whatever it is waiting for.
func untilInterrupt(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// isTerminal reports whether f, a reader or writer, is a terminal.
func isTerminal(f any) bool {
	file, ok := f.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
