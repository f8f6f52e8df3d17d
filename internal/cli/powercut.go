package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/hypercall/disk"
	"github.com/anykernel/anykernel/sys"
)

func newPowercutCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "powercut --image FILE --work PROGRAM --check PROGRAM",
		Short: "Let the power fail under a file system, and look what is left",
		Long: `Run a program of the shell on a kernel that has the file system of an image
mounted, and log what it writes to the disk. Then boot a new kernel on the disk
as a power failure would have left it, many times, and run another program that
looks.

Each line that the first program prints is a promise, which holds from then on.
The second one has the promises that were made as its input, a line each, and
fails with an exit status that is not 0. Both are programs as 'anykernel sh -c'
takes them. The image is not changed.

Of what was written since the last flush, the disk may have lost the end (tail),
any writes (reordered), or any sectors of any writes (torn).`,
		Example: `  anykernel powercut --image ffs.img --mount ffs:/mnt:log \
    --work 'for i in 1 2 3; do echo $i >/mnt/$i; sync /mnt/$i /mnt; echo $i; done' \
    --check 'while read i; do test "$(cat /mnt/$i)" = $i || exit 1; done'`,
		Args: noArgs,
	}
	p := &powercut{env: e}
	f := cmd.Flags()
	f.StringVarP(&p.crash.Kernel, "kernel", "k", "rump:vfs", "the `kernel` to boot, one with the option mount")
	f.StringVar(&p.image, "image", "", "a `file` with the file system")
	f.StringVar(&p.mount, "mount", "/mnt", "where it is mounted, as `[TYPE:]DIR[:OPTIONS]`")
	f.StringVar(&p.work, "work", "", "the `program` that writes")
	f.StringVar(&p.check, "check", "", "the `program` that looks")
	f.StringVar(&p.fsck, "fsck", "", "a `command` of the host that repairs the image, whose name is added, before each boot")
	f.IntVarP(&p.crash.Cuts, "number", "n", 1000, "how many times the power fails; 0 is once at each write and flush")
	f.IntVar(&p.crash.Again, "again", 0, "how many times it fails a second time, in each recovery")
	f.Uint64Var(&p.crash.Seed, "seed", 1, "chooses when it fails, and what is lost")
	f.StringVar(&p.loss, "loss", disk.Torn.String(), "what may be lost: tail, reordered or torn")
	f.StringVar(&p.keep, "keep", "", fmt.Sprintf("a `folder` for the disks that were not survived, %d at most", keptImages))
	for _, name := range []string{"image", "work", "check"} {
		_ = cmd.MarkFlagRequired(name)
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, stop := untilInterrupt(cmd.Context())
		defer stop()
		return p.run(ctx)
	}
	return cmd
}

// A powercut is one run of the command.
type powercut struct {
	*env
	crash                                       kerneltest.Crash
	image, mount, work, check, fsck, loss, keep string
}

func (p *powercut) run(ctx context.Context) (err error) {
	c := &p.crash
	if c.Loss, err = disk.ParseLoss(p.loss); err != nil {
		return usageError{err}
	}
	if c.Kernel, err = p.spec(); err != nil {
		return err
	}
	if c.Disk, err = disk.Load(p.image, disk.Options{}); err != nil {
		return err
	}
	c.Concurrent = true // the shell's pipes are made of goroutines
	c.Workload = func(k *sys.Kernel, mark func(string)) error { return p.write(ctx, k, mark) }
	c.Check = func(k *sys.Kernel, marks []string) error { return p.look(ctx, k, marks) }
	if p.fsck != "" {
		c.Repair = func(d *disk.Disk) error { return p.repair(ctx, d) }
	}
	show := p.progress()
	show.Begin("power failures")
	c.Progress = func(made, _ int) { show.At(int64(made), int64(max(c.Cuts, made))) }
	r, err := c.Run(ctx)
	show.end()
	if err != nil {
		return err
	}
	return p.print(r)
}

// spec is the kernel with the disk mounted.
func (p *powercut) spec() (string, error) {
	s, err := backends.ParseSpec(p.crash.Kernel)
	if err != nil {
		return "", err
	}
	kind, dir, ok := strings.Cut(p.mount, "/")
	if !ok {
		return "", usagef("--mount %q: it is [TYPE:]DIR[:OPTIONS], such as ffs:/mnt:log", p.mount)
	}
	value := fmt.Sprintf("%s%s:/%s", kind, kerneltest.CrashDisk, dir)
	s.Options = append(s.Options, backends.Option{Key: "mount", Value: value})
	return s.String(), checkSpec(s.String())
}

// write runs the program that writes. What it prints are promises.
func (p *powercut) write(ctx context.Context, k *sys.Kernel, promise func(string)) error {
	e := *p.env
	e.stdin, e.stdout = strings.NewReader(""), &lineWriter{line: promise}
	err := e.shell(ctx, k, "", &script{name: "--work", program: strings.NewReader(p.work)})
	var status statusError
	if errors.As(err, &status) {
		err = errors.New(status.Error()) // it is not the command's own status
	}
	return err
}

// look runs the program that looks.
func (p *powercut) look(ctx context.Context, k *sys.Kernel, promises []string) error {
	var said bytes.Buffer
	e := *p.env
	e.stdin, e.stdout, e.stderr = strings.NewReader(strings.Join(append(promises, ""), "\n")), &said, &said
	err := e.shell(ctx, k, "", &script{name: "--check", program: strings.NewReader(p.check)})
	if last := bytes.TrimSpace(said.Bytes()); err != nil && len(last) > 0 {
		err = fmt.Errorf("%w: %s", err, last[bytes.LastIndexByte(last, '\n')+1:])
	}
	return err
}

// A lineWriter calls line for each whole line.
type lineWriter struct {
	line func(string)
	rest []byte
}

func (w *lineWriter) Write(b []byte) (int, error) {
	w.rest = append(w.rest, b...)
	for {
		line, rest, whole := bytes.Cut(w.rest, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		w.line(string(line))
		w.rest = rest
	}
}

// fsckRepaired is the status of a program of the fsck family that found
// something and repaired it.
const fsckRepaired = 1

// repair runs a program of the host on an image.
func (p *powercut) repair(ctx context.Context, d *disk.Disk) error {
	dir, err := os.MkdirTemp("", "powercut")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	image := filepath.Join(dir, "image")
	if err := d.Save(image); err != nil {
		return err
	}
	words := append(strings.Fields(p.fsck), image)
	out, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == fsckRepaired) {
		return fmt.Errorf("%s: %w: %s", words[0], err, bytes.TrimSpace(out))
	}
	return d.Restore(image)
}

// keptImages is how many images are kept.
const keptImages = 10

// print tells how it went, each way to fail once.
func (p *powercut) print(r *kerneltest.CrashReport) error {
	fmt.Fprintf(p.stdout, "%d power failures in %d writes, flushes and promises: %d survived\n",
		r.Cuts, r.Log.Len(), r.Cuts-len(r.Failures))
	if len(r.Failures) == 0 {
		return nil
	}
	t := newTable(">TIMES", "FIRST AT", "WHAT HAPPENED")
	times := map[string]int{}
	for _, f := range r.Failures {
		times[f.Err.Error()]++
	}
	for _, f := range r.Failures {
		what := f.Err.Error()
		if times[what] > 0 {
			t.add(fmt.Sprint(times[what]), f.Cut.String(), what)
			times[what] = 0
		}
	}
	return errors.Join(t.print(p.stdout), p.keepImages(r), errFailed)
}

func (p *powercut) keepImages(r *kerneltest.CrashReport) error {
	if p.keep == "" {
		return nil
	}
	if err := os.MkdirAll(p.keep, 0o777); err != nil {
		return err
	}
	kept := 0
	for _, f := range r.Failures {
		if f.Disk == nil || kept == keptImages {
			continue
		}
		if err := f.Disk.Save(filepath.Join(p.keep, f.Name())); err != nil {
			return err
		}
		kept++
	}
	return nil
}
