package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/netbsd"
	"github.com/anykernel/anykernel/sys/netbsd/kdump"
)

// recordingABIs are the machines whose recordings can be read.
var recordingABIs = map[string]*abi.ABI{"amd64": netbsd.AMD64, "arm64": netbsd.ARM64, "386": netbsd.I386, "arm": netbsd.ARM}

func newKdumpCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kdump [FILE]",
		Short: "Print what NetBSD's ktrace recorded",
		Long: `Print a recording of NetBSD's ktrace(2), in the manner of kdump(1): of this
machine's rump kernels, or of any NetBSD. It needs no kit.`,
		Example: `  anykernel kdump ktrace.out`,
		Args:    someImages(0, 1),
	}
	machine := cmd.Flags().String("machine", "amd64", "the `machine` that recorded: amd64, arm64, 386 or arm")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		a, ok := recordingABIs[*machine]
		if !ok {
			return usagef("unknown machine %q; there are amd64, arm64, 386 and arm", *machine)
		}
		in := e.stdin
		if len(args) == 1 {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			in = f
		}
		r := kdump.NewReader(bufio.NewReader(in), a)
		w := bufio.NewWriter(e.stdout)
		for r.Next() {
			if _, err := io.WriteString(w, kdump.Format(r.Record())); err != nil {
				return err
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if err := r.Err(); err != nil {
			return fmt.Errorf("recording: %w", err)
		}
		return nil
	}
	return cmd
}
