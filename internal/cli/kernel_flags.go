package cli

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// defaultKernel needs nothing installed.
const defaultKernel = "sentry"

// kernelFlag gives cmd the flag -k for one kernel.
func (e *env) kernelFlag(cmd *cobra.Command) *string {
	spec := cmd.Flags().StringP("kernel", "k", defaultKernel, "the `kernel` to open; 'anykernel kernels' lists them")
	completeKernels(cmd)
	e.hookFlags(cmd)
	return spec
}

// kernelsFlag gives cmd the flag -k for any number of kernels.
func (e *env) kernelsFlag(cmd *cobra.Command) *kernelList {
	l := &kernelList{}
	cmd.Flags().VarP(l, "kernel", "k", "the `kernels` to use, separated by spaces or commas, or one flag each (default: all that are ready)")
	completeKernels(cmd)
	e.hookFlags(cmd)
	return l
}

func completeKernels(cmd *cobra.Command) {
	_ = cmd.RegisterFlagCompletionFunc("kernel", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var names []string
		for _, b := range backends.List() {
			names = append(names, b.Name+"\t"+b.Summary)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
}

// open opens a kernel with the command's log and console.
func (e *env) open(ctx context.Context, spec string) (*sys.Kernel, error) {
	return e.openConfig(ctx, spec, backends.Config{})
}

func (e *env) openConfig(ctx context.Context, spec string, cfg backends.Config) (*sys.Kernel, error) {
	if err := checkSpec(spec); err != nil {
		return nil, err
	}
	cfg.Log, cfg.Console = e.log, e.console(spec)
	return sys.OpenConfig(ctx, spec, cfg)
}

// checkSpec is a usage error where spec names no backend.
func checkSpec(spec string) error {
	s, err := backends.ParseSpec(spec)
	if err != nil {
		return err
	}
	if _, err := backends.Lookup(s.Name); err != nil {
		return usageError{err}
	}
	return nil
}

// console is where a kernel's console goes: to the log, at level debug.
func (e *env) console(spec string) io.Writer {
	if !e.log.IsDebug() {
		return nil
	}
	return e.log.Named(spec).StandardWriter(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug})
}

// A kernelList is the value of a flag that names kernels.
type kernelList struct{ specs []string }

// Set adds the kernels that text names.
func (l *kernelList) Set(text string) error {
	for _, spec := range splitSpecs(text) {
		if err := checkSpec(spec); err != nil {
			return err
		}
		l.specs = append(l.specs, spec)
	}
	return nil
}

func (l *kernelList) String() string { return strings.Join(l.specs, ",") }

// Type is what the flag's value is called.
func (l *kernelList) Type() string { return "kernels" }

// choose is the kernels that were named or, where none was, those that are
// ready here and can be opened by their name alone.
func (l *kernelList) choose() ([]string, error) {
	if len(l.specs) > 0 {
		return l.specs, nil
	}
	var specs []string
	for _, b := range backends.List() {
		if b.Ready() == nil && !b.NeedsArgs {
			specs = append(specs, b.Name)
		}
	}
	if len(specs) == 0 {
		return nil, errors.New("no kernel is ready here; 'anykernel kernels' says what is missing")
	}
	return specs, nil
}

// splitSpecs splits a list of specifications at its commas. A specification
// may hold commas too, behind a colon: there a comma ends it only where the
// name of a backend follows.
func splitSpecs(text string) []string {
	var specs []string
	for item := range strings.SplitSeq(text, ",") {
		last := len(specs) - 1
		if last >= 0 && strings.ContainsAny(specs[last], ":?") && !namesBackend(item) {
			specs[last] += "," + item
		} else {
			specs = append(specs, item)
		}
	}
	return specs
}

func namesBackend(item string) bool {
	name, _, _ := strings.Cut(item, "?")
	name, _, _ = strings.Cut(name, ":")
	_, err := backends.Lookup(name)
	return err == nil
}
