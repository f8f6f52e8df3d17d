package kerneltest

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// A Case is one row of the conformance table.
type Case struct {
	Name  string
	Needs backends.Capability // "" for what every kernel must do
	Run   func(t T, k *sys.Kernel)
}

// T is what a case needs of a test. A *testing.T is one.
type T interface {
	Helper()
	Context() context.Context
	Cleanup(func())
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

var _ T = (*testing.T)(nil)

// Cases is the conformance suite, in the order of the table.
func Cases() []Case {
	var all []Case
	for _, group := range [][]Case{
		coreCases, pollCases, fileCases, processCases, confinementCases, socketCases, readyCases, kqueueCases, eventCases, systemCases,
	} {
		all = append(all, group...)
	}
	return all
}

// Conform runs the suite against the kernel that spec describes, each case on
// a kernel of its own. The cases named in slow are left out in -short mode.
func Conform(t *testing.T, spec string, slow ...string) {
	for _, c := range Cases() {
		t.Run(c.label(), func(t *testing.T) {
			if testing.Short() && slices.Contains(slow, c.Name) {
				t.Skip("it is slow with this kernel")
			}
			k := New(t, spec)
			if c.Needs != "" {
				Need(t, k, c.Needs)
			}
			c.Run(t, k)
		})
	}
}

func (c *Case) label() string { return strings.ReplaceAll(c.Name, " ", "_") }

// An Outcome is what became of a case.
type Outcome string

const (
	Passed  Outcome = "pass"
	Failed  Outcome = "FAIL"
	Skipped Outcome = "skip" // the kernel does not claim the capability
)

// A Result is a cell of the conformance table.
type Result struct {
	Case    string
	Outcome Outcome
	Detail  string // why it failed or was skipped
	Time    time.Duration
}

// caseTime bounds one case when it is run outside of go test.
const caseTime = time.Minute

// Try runs a case outside of go test, on a kernel of its own.
func (c *Case) Try(ctx context.Context, spec string) Result {
	r := Result{Case: c.Name, Outcome: Passed}
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, caseTime)
	defer cancel()
	k, err := sys.Open(ctx, spec)
	if err != nil {
		return Result{Case: c.Name, Outcome: Failed, Detail: err.Error()}
	}
	if reason := c.missing(k); reason != "" {
		r.Outcome, r.Detail = Skipped, reason
	} else {
		t := &recorder{ctx: ctx}
		t.run(c, k)
		if t.failed {
			r.Outcome, r.Detail = Failed, strings.Join(t.messages, "; ")
		}
	}
	if err := k.Close(); err != nil && r.Outcome != Failed {
		r.Outcome, r.Detail = Failed, err.Error()
	}
	r.Time = time.Since(start)
	return r
}

func (c *Case) missing(k *sys.Kernel) string {
	if c.Needs == "" {
		return ""
	}
	return k.Capabilities().Missing(c.Needs)
}

// A recorder is a T that keeps what a case says. Only the goroutine of the
// case may call its methods.
type recorder struct {
	ctx      context.Context
	failed   bool
	messages []string
	cleanups []func()
}

// run runs the case in a goroutine of its own, so that Fatalf can end it.
func (t *recorder) run(c *Case, k *sys.Kernel) {
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	t.ctx = ctx
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer t.cleanup()
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		c.Run(t, k)
	}()
	<-done
}

func (t *recorder) cleanup() {
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
}

func (t *recorder) Helper()                      {}
func (t *recorder) Context() context.Context     { return t.ctx }
func (t *recorder) Cleanup(f func())             { t.cleanups = append(t.cleanups, f) }
func (t *recorder) Logf(format string, a ...any) {}

func (t *recorder) Errorf(format string, a ...any) {
	t.failed = true
	t.messages = append(t.messages, fmt.Sprintf(format, a...))
}

func (t *recorder) Fatalf(format string, a ...any) {
	t.Errorf(format, a...)
	runtime.Goexit()
}
