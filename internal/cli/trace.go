package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/applets"
	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/trace"
	"github.com/anykernel/anykernel/sys"
)

func newTraceCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trace -k KERNEL [--] APPLET [ARG...]",
		Short: "Run an applet, and print system calls and hypercalls",
		Long: `Run an applet on a kernel, and print what happens as strace does: system calls
with their arguments, and, with a dot before them, what the kernel asks of its
host. A line begins with the kernel's time and its process. System calls that
other processes of a served kernel make are not seen.`,
		Example: `  anykernel trace -k sentry -- ls /etc
  anykernel trace -k rump --mount disk.img:/mnt -e bio,openat -- cat /mnt/file
  anykernel trace -k sentry -c -- find /`,
		ValidArgsFunction: completeApplets,
	}
	spec := e.kernelFlag(cmd)
	setup := setupFlags(cmd)
	dir := dirFlag(cmd)
	var o trace.Options
	f := cmd.Flags()
	f.StringSliceVarP(&o.Only, "only", "e", nil, "what to print: `names` of system calls and hypercalls, \"syscall\" and \"hypercall\" for all of them")
	f.IntVarP(&o.Text, "text", "s", 32, "how many `bytes` of a buffer to print")
	f.BoolVarP(&o.Count, "count", "c", false, "print a table of what was done how often instead")
	out := f.StringP("output", "o", "", "a `file` to write to, instead of standard error")
	f.SetInterspersed(false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("which applet? 'anykernel exec' lists them")
		}
		if _, ok := applets.Lookup(args[0]); !ok {
			return usagef("no applet %q; 'anykernel exec' lists them", args[0])
		}
		ctx, stop := untilInterrupt(cmd.Context())
		defer stop()
		to, end, err := e.traceOutput(*out)
		if err != nil {
			return err
		}
		return errors.Join(e.trace(ctx, *spec, setup, *dir, args, to, o), end())
	}
	return cmd
}

// traceOutput is where a trace goes, and what ends it.
func (e *env) traceOutput(path string) (io.Writer, func() error, error) {
	if path == "" {
		return e.stderr, func() error { return nil }, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, nil, err
	}
	w := bufio.NewWriter(f)
	return w, func() error { return errors.Join(w.Flush(), f.Close()) }, nil
}

func (e *env) trace(ctx context.Context, spec string, s *setup, dir string, args []string, w io.Writer, o trace.Options) error {
	t := trace.New(w, o)
	err := e.withKernel(hypercall.WithHooks(ctx, t.Hook()), spec, s, func(k *sys.Kernel) error {
		t.SetABI(k.ABI())
		return e.execApplet(ctx, k, dir, args)
	})
	if o.Count {
		err = errors.Join(err, printCounts(w, t.Summary()))
	}
	return errors.Join(err, t.Err())
}

func printCounts(w io.Writer, list []trace.Count) error {
	t := newTable(">CALLS", ">ERRORS", ">TIME", "NAME")
	for _, c := range list {
		t.add(fmt.Sprint(c.Calls), fmt.Sprint(c.Errors), c.Time.Round(time.Microsecond/10).String(), c.Name)
	}
	return t.print(w)
}
