package cli

import (
	"fmt"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"
)

// commands is all subcommands, in the order of the help.
var commands = []func(*env) *cobra.Command{
	newKernelsCommand,
	newKitCommand,
	newTourCommand,
	newExecCommand,
	newFSCommand,
	newKdumpCommand,
	newShCommand,
	newServeCommand,
	newNetCommand,
	newPacketdrillCommand,
	newPowercutCommand,
	newSimCommand,
	newTimelineCommand,
	newTraceCommand,
	newConformCommand,
	newBenchCommand,
	newVersionCommand,
}

func newRoot(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:   "anykernel",
		Short: "One syscall API over interchangeable kernels",
		Long: `Anykernel runs kernels: the host's, gVisor's Linux in this process, NetBSD's,
and others. A kernel is named by a specification such as "sentry" or
"sentry:hostname=box"; 'anykernel kernels' lists the ones there are.`,
		Example: `  anykernel kernels
  anykernel exec -k sentry -- uname -a`,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(e.stdin)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	e.addLogFlag(root)
	for _, make := range commands {
		root.AddCommand(make(e))
	}
	return root
}

// addLogFlag gives all commands --log-level, which makes e.log.
func (e *env) addLogFlag(root *cobra.Command) {
	level := root.PersistentFlags().String("log-level", "error", "what to log on standard error: trace, debug, info, warn, error or off")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		l := hclog.LevelFromString(*level)
		if l == hclog.NoLevel {
			return usagef("no log level %q: there are trace, debug, info, warn, error and off", *level)
		}
		e.log = hclog.New(&hclog.LoggerOptions{Name: "anykernel", Level: l, Output: e.stderr})
		return nil
	}
}

// noArgs refuses arguments, naming the first. Where there are subcommands an
// argument is the name of one that does not exist.
func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case !cmd.HasSubCommands():
		return usagef("%s takes no arguments, but got %q", cmd.CommandPath(), args[0])
	}
	cmd.SuggestionsMinimumDistance = 2
	hint := ""
	for _, s := range cmd.SuggestionsFor(args[0]) {
		hint = fmt.Sprintf("; did you mean %q?", s)
	}
	return usagef("%s has no command %q%s", cmd.CommandPath(), args[0], hint)
}
