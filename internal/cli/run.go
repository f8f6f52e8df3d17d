//go:build !netbsd && !openbsd

// The archives that images are made of need u-root's cpio, which those two lack.

package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/images"
	"github.com/anykernel/anykernel/xen/launch"
)

// runFlags is the flags of 'run'.
type runFlags struct {
	on          string
	accel       string
	cpu         string
	cpus        int
	memory      int
	nets, disks []string
	environment []string
	verbose     bool
}

func init() { commands = append(commands, newRunCommand) }

func newRunCommand(e *env) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run IMAGE [flags] [-- ARG...]",
		Short: "Run an image in a guest under QEMU or Xen",
		Long: `Start a guest under QEMU, or of Xen by xl in dom0, with its console here, and end with the exit status of
its program. The status is 124 where nothing could wake the program any more,
which then says what it waits for ('image build --cmdline anykernel.watchdog=60'
ends one that was idle for 60 seconds as well), 125 where the shim could not start the program, 126
where it failed, and 128 and the signal's number where one ended the program.`,
		Example: `  anykernel run xenweb.img --net user,tcp:8080:80
  anykernel run xenweb.img --on xen --net bridge:xenbr0
  anykernel run app.img --disk data.raw --mem 256 -- serve --verbose`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || cmd.ArgsLenAtDash() == 0 {
				return usagef("wanted: an image; 'anykernel image build' makes one")
			}
			return nil
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.on, "on", "qemu", "where: `qemu`, or xen in its dom0")
	fl.StringVar(&f.accel, "accel", "", "the `accelerator`: kvm or tcg (default: kvm where it works, else tcg, which is software emulation)")
	fl.StringVar(&f.cpu, "cpu", "", "the processor's `model`, as QEMU's -cpu takes it (default: all that the accelerator has)")
	fl.IntVar(&f.cpus, "cpus", 1, "the `number` of virtual processors")
	fl.IntVar(&f.memory, "mem", launch.DefaultMemory, "the guest's memory in `MiB`")
	fl.StringArrayVar(&f.nets, "net", nil, "a network `interface`: user[,tcp:PORT:GUESTPORT]..., tap:NAME or stream:PATH; on xen bridge:NAME or vif:SPEC; may be given again")
	fl.StringArrayVar(&f.disks, "disk", nil, "a disk: `FILE` or FILE,ro; may be given again")
	fl.StringArrayVarP(&f.environment, "env", "e", nil, "`NAME=VALUE` for the program's environment; may be given again")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "print the command line of QEMU or xl, and the accelerator or the configuration")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return e.runImage(cmd.Context(), &f, args[0], args[1:])
	}
	return cmd
}

// runImage runs a guest to its end. Ctrl-C is for the guest's console where
// that is a terminal, and ends the guest otherwise.
func (e *env) runImage(ctx context.Context, f *runFlags, name string, args []string) error {
	c, err := f.config(name)
	if err != nil {
		return err
	}
	remove, err := f.setImage(&c, name, args)
	defer remove()
	if err != nil {
		return err
	}
	c.Stdin, c.Console, c.Log = e.stdin, e.stdout, e.log
	if f.verbose {
		c.Log = hclog.New(&hclog.LoggerOptions{Name: "run", Level: hclog.Info, Output: e.stderr, DisableTime: true})
	}
	if !isTerminal(e.stdin) {
		var stop context.CancelFunc
		ctx, stop = untilInterrupt(ctx)
		defer stop()
	}
	start := launch.Run
	if f.on == "xen" {
		start = launch.RunXen
	}
	status, err := start(ctx, c)
	if err != nil {
		return err
	}
	if status != 0 {
		return statusError(status)
	}
	return nil
}

// config is what does not depend on what is in the image.
func (f *runFlags) config(name string) (launch.Config, error) {
	if f.on != "qemu" && f.on != "xen" {
		return launch.Config{}, usagef("--on %q: want qemu or xen", f.on)
	}
	if f.on == "xen" && (f.accel != "" || f.cpu != "") {
		return launch.Config{}, usagef("--accel and --cpu are for --on qemu")
	}
	c := launch.Config{Image: name, MemoryMiB: f.memory, Accel: f.accel, CPU: f.cpu, CPUs: f.cpus}
	for _, s := range f.nets {
		n, err := launch.ParseNetwork(s)
		if err != nil {
			return c, usageError{err}
		}
		c.Networks = append(c.Networks, n)
	}
	for _, s := range f.disks {
		d, err := launch.ParseDisk(s)
		if err != nil {
			return c, usageError{err}
		}
		c.Disks = append(c.Disks, d)
	}
	return c, nil
}

// setImage says what boots, and with which command line. Call remove when the
// guest has ended: what boots may have been unpacked for it.
func (f *runFlags) setImage(c *launch.Config, name string, args []string) (remove func(), err error) {
	remove = func() {}
	im, err := images.Open(name)
	if err != nil {
		return remove, err
	}
	line, err := im.WithArguments(args)
	if err != nil {
		return remove, usageError{err}
	}
	if line, err = im.WithEnvironment(f.environment, line); err != nil {
		return remove, usageError{fmt.Errorf("--env: %w", err)}
	}
	c.CommandLine = strings.TrimSpace(im.Passed() + " " + line)
	switch {
	case im.OCI != nil:
		dir, err := os.MkdirTemp("", "anykernel-run")
		if err != nil {
			return remove, err
		}
		remove = func() { os.RemoveAll(dir) }
		c.Image, c.Initramfs, err = im.OCI.WriteBoot(dir)
		return remove, err
	case im.Linux != nil:
		c.Image, c.Initramfs = im.Linux.Kernel, im.Linux.Initramfs
	}
	return remove, nil
}
