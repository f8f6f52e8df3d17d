package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/packetdrill"
)

// scriptTime bounds one script, in real time.
const scriptTime = time.Minute

func newPacketdrillCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "packetdrill FILE.pkt... [-k KERNEL]",
		Short: "Run packetdrill's scripts against a kernel's network stack",
		Long: `Run scripts in packetdrill's language: system calls, packets that are injected,
packets that are expected, and when. Each script has a kernel of its own. The
stack of sentry runs in virtual time, rump's in real time.

Commands for a shell in a script are read for the settings of sysctl(8) that
they make; nothing of the host is run. Code is Starlark. The exit status is 1
where a script fails; what the runner or the kernel lacks is told apart.`,
		Example: `  anykernel packetdrill close.pkt
  anykernel packetdrill -k rump --tolerance 50ms tests/*.pkt`,
	}
	kernel := e.kernelFlag(cmd)
	tolerance := cmd.Flags().Duration("tolerance", 0, "how early or late packets may be (default: 4ms in virtual time, 25ms in real time)")
	defines := cmd.Flags().StringToStringP("define", "D", nil, "a `word=text` of scripts")
	verbose := cmd.Flags().BoolP("verbose", "v", false, "print each event with its time")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("which script?")
		}
		if err := checkSpec(*kernel); err != nil {
			return err
		}
		ctx, stop := untilInterrupt(cmd.Context())
		defer stop()
		cfg := packetdrill.Config{Kernel: *kernel, Tolerance: *tolerance, Defines: *defines}
		if *verbose {
			cfg.Log = e.stderr
		}
		return e.packetdrill(ctx, args, cfg)
	}
	return cmd
}

// packetdrill runs scripts and prints what became of each.
func (e *env) packetdrill(ctx context.Context, files []string, cfg packetdrill.Config) error {
	passed, lacking := 0, 0
	for _, file := range files {
		err := runPacketdrill(ctx, file, cfg)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch {
		case err == nil:
			passed++
			fmt.Fprintf(e.stdout, "%s: pass\n", file)
		case errors.Is(err, packetdrill.ErrUnsupported):
			lacking++
			fmt.Fprintln(e.stdout, err)
		default:
			fmt.Fprintln(e.stdout, err)
		}
	}
	if len(files) > 1 {
		fmt.Fprintf(e.stdout, "%d scripts: %d pass, %d need what is not there, %d fail\n",
			len(files), passed, lacking, len(files)-passed-lacking)
	}
	if passed < len(files) {
		return errFailed
	}
	return nil
}

func runPacketdrill(ctx context.Context, file string, cfg packetdrill.Config) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, scriptTime)
	defer stop()
	cfg.Dir = filepath.Dir(file)
	return packetdrill.Run(ctx, file, strings.ToValidUTF8(string(text), "?"), cfg)
}
