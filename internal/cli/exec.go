package cli

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/applets"
	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sim"
	"github.com/anykernel/anykernel/sys"
)

func newExecCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exec -k KERNEL [--] [APPLET [ARG...]]",
		Short: "Run an applet on a kernel; without one, list them",
		Long: `Boot a kernel, run one applet on it, and end with the applet's exit status.
Without an applet, list them; 'anykernel exec -- APPLET --help' says more.`,
		Example:           `  anykernel exec -k sentry -- uname -a`,
		ValidArgsFunction: completeApplets,
	}
	spec := e.kernelFlag(cmd)
	setup := setupFlags(cmd)
	dir := dirFlag(cmd)
	rec := recordFlags(cmd)
	cmd.Flags().SetInterspersed(false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return e.printApplets()
		}
		a, ok := applets.Lookup(args[0])
		if !ok {
			return usagef("no applet %q; 'anykernel exec' lists them", args[0])
		}
		ctx, stop := untilInterrupt(cmd.Context())
		defer stop()
		if rec.wanted() {
			if a.Concurrent {
				return usagef("%s has goroutines of its own, which have no order that could be recorded", a.Name)
			}
			return e.execRecorded(ctx, *spec, setup, *dir, args, rec)
		}
		return e.withKernel(ctx, *spec, setup, func(k *sys.Kernel) error {
			return e.execApplet(ctx, k, *dir, args)
		})
	}
	return cmd
}

// execRecorded runs an applet in a world of its own, in which all is in an order.
func (e *env) execRecorded(ctx context.Context, spec string, s *setup, dir string, args []string, rec *recording) error {
	r, err := rec.run(sim.Case{}, sim.Options{}, func(c sim.Case, o sim.Options) sim.Result {
		return sim.Run(c.Seed, c.Options(o), func(w *sim.World) {
			w.Fail(e.withConfig(ctx, spec, w.Config(spec), s, func(k *sys.Kernel) error { return e.execApplet(ctx, k, dir, args) }))
		})
	})
	return errors.Join(r.Err, err)
}

func (e *env) printApplets() error {
	t := newTable("APPLET", "WHAT IT DOES")
	for _, a := range applets.List() {
		t.add(a.Name, a.Summary)
	}
	return t.print(e.stdout)
}

func completeApplets(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, a := range applets.List() {
		names = append(names, a.Name+"\t"+a.Summary)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// withKernel opens a kernel, prepares it, runs f and closes it.
func (e *env) withKernel(ctx context.Context, spec string, s *setup, f func(*sys.Kernel) error) error {
	return e.withConfig(ctx, spec, backends.Config{}, s, f)
}

func (e *env) withConfig(ctx context.Context, spec string, cfg backends.Config, s *setup, f func(*sys.Kernel) error) (err error) {
	spec, err = s.spec(spec)
	if err != nil {
		return err
	}
	k, err := e.openConfig(ctx, spec, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	if err := s.apply(ctx, k); err != nil {
		return err
	}
	return f(k)
}

func (e *env) execApplet(ctx context.Context, k *sys.Kernel, dir string, args []string) (err error) {
	p, end, err := applets.NewProcess(ctx, k.Init(), args[0])
	if err != nil {
		return err
	}
	defer func() {
		if k.Err() == nil {
			err = errors.Join(err, end())
		}
	}()
	status := applets.Run(ctx, &applets.Env{
		Process: p,
		Stdin:   newInput(e.stdin).with(ctx),
		Stdout:  e.stdout,
		Stderr:  e.stderr,
		Dir:     dir,
		Environ: environ(k),
	}, args[0], args[1:]...)
	if err := k.Err(); err != nil {
		return err
	}
	if status != 0 {
		return statusError(status)
	}
	return nil
}

// environ is the environment of what runs on k: the host's own on the host,
// and a plain one elsewhere.
func environ(k *sys.Kernel) []string {
	if !isolated(k) {
		return os.Environ()
	}
	return []string{"HOME=/root", "PATH=/bin", "TERM=" + os.Getenv("TERM"), "USER=root"}
}
