package applets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/anykernel/anykernel/sys"
)

// An Env is what an applet runs in.
type Env struct {
	// Process makes the applet's calls.
	Process *sys.Process
	// Stdin is what the applet reads. nil: nothing.
	Stdin io.Reader
	// Stdout and Stderr are what it writes to. nil: nowhere.
	Stdout, Stderr io.Writer
	// Dir is the directory that relative paths start from. "": the one that
	// the kernel has for Process.
	Dir string
	// Environ is the environment, "key=value" each.
	Environ []string
}

// An Applet is one program.
type Applet struct {
	Name    string
	Summary string // one line
	// Synopsis is what may stand behind the name, such as "[-l] [FILE...]".
	Synopsis string
	// Concurrent says that the applet has goroutines of its own that use the
	// kernel. A world of package sim cannot run it.
	Concurrent bool

	// flags declares the options and returns what runs with their values.
	flags func(*pflag.FlagSet) action
	// classic rewrites arguments in an old form; nil where there is none.
	classic func(args []string) []string
	// raw applets see their arguments as they are, options too, but for a
	// single --help.
	raw bool
}

// An action is an applet whose options are known. Its error ends it with a
// message and status 1.
type action func(j *job, args []string) error

// simple is for applets without options.
func simple(a action) func(*pflag.FlagSet) action {
	return func(*pflag.FlagSet) action { return a }
}

// table is all applets by name; see the list.
var table = map[string]*Applet{}

func init() {
	for _, a := range list {
		table[a.Name] = a
	}
}

// Lookup finds an applet by name.
func Lookup(name string) (*Applet, bool) {
	a, ok := table[name]
	return a, ok
}

// List is all applets by name.
func List() []*Applet {
	l := slices.Clone(list)
	slices.SortFunc(l, func(a, b *Applet) int { return strings.Compare(a.Name, b.Name) })
	return l
}

// Exit statuses that have a meaning of their own.
const (
	StatusUsage       = 2   // the applet was called in a wrong way
	StatusNotFound    = 127 // there is no such applet
	StatusInterrupted = 130 // the context ended
	StatusPipe        = 141 // nobody reads what it writes
)

// Run runs the applet that is called name until it ends or ctx does, and
// returns its exit status.
func Run(ctx context.Context, e *Env, name string, args ...string) int {
	a, ok := Lookup(name)
	if !ok {
		fmt.Fprintf(e.stderr(), "%s: no such applet\n", name)
		return StatusNotFound
	}
	return a.Run(ctx, e, args...)
}

// Run runs the applet until it ends or ctx does, and returns its exit status.
func (a *Applet) Run(ctx context.Context, e *Env, args ...string) int {
	j := newJob(ctx, a, e)
	return j.end(a.start(j, args))
}

func (a *Applet) start(j *job, args []string) error {
	f := a.flagSet()
	run := a.flags(f)
	if a.raw {
		if len(args) == 1 && args[0] == "--help" {
			return pflag.ErrHelp
		}
	} else {
		if a.classic != nil {
			args = a.classic(args)
		}
		if err := f.Parse(args); err != nil {
			return usageError{err}
		}
		args = f.Args()
	}
	return run(j, args)
}

func (a *Applet) flagSet() *pflag.FlagSet {
	f := pflag.NewFlagSet(a.Name, pflag.ContinueOnError)
	f.SortFlags = false
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	return f
}

// Usage is what the applet does and how it is called, in several lines.
func (a *Applet) Usage() string {
	f := a.flagSet()
	a.flags(f)
	return fmt.Sprintf("usage: %s\n%s\n%s", a.call(), a.Summary, f.FlagUsages())
}

func (a *Applet) call() string { return strings.TrimSpace(a.Name + " " + a.Synopsis) }

// A usageError says that an applet was called in a wrong way.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// An exitError ends an applet with a status and no message.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// isCanceled reports whether err came of ctx ending.
func isCanceled(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, sys.EINTR))
}
