package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/hypercall/record"
	"github.com/anykernel/anykernel/hypercall/timeline"
)

func newTimelineCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "timeline RECORDING -o PAGE",
		Short: "Draw a recorded run as a page for a browser",
		Long: `Draw what --record of 'anykernel sim' or 'anykernel exec' wrote as one page of
HTML, which needs nothing else: kernels as lanes, with their system calls, what they
asked of their host, frames from one to another, and faults, on virtual time.
It can be zoomed and filtered.`,
		Example: `  anykernel sim --case 1 --record run.rec examples/sim/ledger.star
  anykernel timeline run.rec -o run.html`,
		Args: cobra.ExactArgs(1),
	}
	out := cmd.Flags().StringP("output", "o", "", "the `file` to write")
	_ = cmd.MarkFlagRequired("output")
	cmd.RunE = func(_ *cobra.Command, args []string) error { return drawTimeline(args[0], *out) }
	return cmd
}

func drawTimeline(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	r, err := record.NewReader(in)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	if err := timeline.Write(w, r); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", from, err), out.Close(), os.Remove(to))
	}
	return errors.Join(w.Flush(), out.Close())
}
