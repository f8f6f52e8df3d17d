package applets

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/anykernel/anykernel/sys"
)

// A job is one run of an applet. Its calls end with its context.
type job struct {
	applet *Applet
	ctx    context.Context
	p      *sys.Process
	stdin  io.Reader
	stdout *bufio.Writer
	stderr io.Writer
	dir    string
	env    []string
	status int
}

func newJob(ctx context.Context, a *Applet, e *Env) *job {
	j := &job{applet: a, ctx: ctx, stdin: e.Stdin, stderr: e.stderr(), dir: e.Dir, env: e.Environ}
	j.stdout = bufio.NewWriter(e.stdout())
	if e.Process != nil {
		j.p = e.Process.With(ctx)
	}
	if j.stdin == nil {
		j.stdin = strings.NewReader("")
	}
	return j
}

func (e *Env) stdout() io.Writer { return orDiscard(e.Stdout) }
func (e *Env) stderr() io.Writer { return orDiscard(e.Stderr) }

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// end writes what is left of the output, tells of the error that ended the
// job, and is the exit status.
func (j *job) end(err error) int {
	if e := j.stdout.Flush(); e != nil && err == nil {
		err = e
	}
	var exit exitError
	var usage usageError
	switch {
	case err == nil:
		return j.status
	case errors.As(err, &exit):
		return int(exit)
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(j.stdout, j.applet.Usage())
		j.stdout.Flush()
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(j.stderr, "%s: %v\nusage: %s\n", j.applet.Name, err, j.applet.call())
		return StatusUsage
	case isCanceled(j.ctx, err):
		return StatusInterrupted
	case errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe):
		return StatusPipe
	}
	j.warn("", err)
	return j.status
}

// warn tells of an error that does not end the job, and what it was about.
// The exit status will be 1.
func (j *job) warn(subject string, err error) {
	j.status = 1
	if subject != "" {
		subject += ": "
	}
	j.stdout.Flush()
	fmt.Fprintf(j.stderr, "%s: %s%s\n", j.applet.Name, subject, message(err))
}

// message is what an error says, without the kernel and the call: applets
// speak the same on every kernel.
func message(err error) string {
	var e *sys.Error
	if errors.As(err, &e) {
		return e.Message()
	}
	return err.Error()
}

// each runs f on every operand, and goes on where one fails.
func (j *job) each(operands []string, f func(name string) error) error {
	for _, name := range operands {
		if err := f(name); err != nil {
			if isCanceled(j.ctx, err) {
				return err
			}
			j.warn(name, err)
		}
	}
	return nil
}

func (j *job) printf(format string, args ...any) { fmt.Fprintf(j.stdout, format, args...) }

// path is where the operand name is, seen by the kernel.
func (j *job) path(name string) string {
	if j.dir == "" || strings.HasPrefix(name, "/") || name == "" {
		return name
	}
	return strings.TrimSuffix(j.dir, "/") + "/" + name
}

// open opens an operand for reading; "-" is the standard input.
func (j *job) open(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(j.stdin), nil
	}
	f, err := j.p.Open(j.path(name), sys.O_RDONLY|sys.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return f.With(j.ctx), nil
}

// input runs f on every operand that is a file, or on the standard input
// where there is none.
func (j *job) input(operands []string, f func(name string, r io.Reader) error) error {
	if len(operands) == 0 {
		operands = []string{"-"}
	}
	return j.each(operands, func(name string) error {
		r, err := j.open(name)
		if err != nil {
			return err
		}
		defer r.Close()
		return f(name, r)
	})
}

// operands is a usage error where there are fewer than min operands, or more
// than max; a negative max is none.
func operands(args []string, min, max int) error {
	switch {
	case len(args) < min:
		return usagef("missing operand")
	case max >= 0 && len(args) > max:
		return usagef("extra operand %q", args[max])
	}
	return nil
}
