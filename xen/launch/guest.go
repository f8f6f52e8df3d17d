package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/anykernel/anykernel/internal/tail"
)

// A Guest is one that was started. Its methods may be called concurrently.
type Guest struct {
	cmd    *exec.Cmd
	accel  string
	status *os.File // where its exit status can be read
	stderr tail.Buffer

	done    chan struct{}
	code    int
	waitErr error
}

// Exit statuses of the shim itself, beside those of the program and 128 plus
// the number of the signal that ended it (xen/shim/src/shim.h).
const (
	StatusStuck   = 124 // nothing could wake the program any more; the console says what it waits for
	StatusRefused = 125 // it could not start the program; the console says why
	StatusPanic   = 126 // the shim failed
)

// stderrSize is how much of what QEMU complains about is kept.
const stderrSize = 4096

// Run starts a guest and waits for its end. The status is what the program
// exited with; the error is for what kept it from running or from saying so.
// When ctx ends, so does the guest.
func Run(ctx context.Context, c Config) (status int, err error) {
	g, err := Start(ctx, c)
	if err != nil {
		return 0, err
	}
	return g.Wait()
}

// Start starts a guest. It runs until its program exits, or ctx ends.
func Start(ctx context.Context, c Config) (*Guest, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	qemu, err := c.findQEMU()
	if err != nil {
		return nil, err
	}
	accel, err := c.chooseAccel(ctx, qemu)
	if err != nil {
		return nil, err
	}
	return start(ctx, c, qemu, accel)
}

func start(ctx context.Context, c Config, qemu, accel string) (*Guest, error) {
	args, err := c.args(accel)
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	g := &Guest{cmd: exec.CommandContext(ctx, qemu, args...), accel: accel, status: r, stderr: tail.Buffer{Size: stderrSize}, done: make(chan struct{})}
	g.cmd.Stdin, g.cmd.Stdout, g.cmd.Stderr = c.Stdin, c.Console, &g.stderr
	g.cmd.ExtraFiles = []*os.File{w} // the first is descriptor 3
	c.logger().Info("starting guest", "accelerator", accel, "command", quoted(g.cmd.Args))
	if err := g.cmd.Start(); err != nil {
		r.Close()
		return nil, err
	}
	go g.reap(ctx)
	return g, nil
}

// Command is the command line that runs the guest, program first. It can be
// given to a shell after [strings.Join] with quotes where there are blanks;
// descriptor 3 has to be open for it.
func (g *Guest) Command() []string { return g.cmd.Args }

// Accel is the accelerator that the guest runs with.
func (g *Guest) Accel() string { return g.accel }

// Done is closed when the guest has ended.
func (g *Guest) Done() <-chan struct{} { return g.done }

// Wait waits for the guest's end; see [Run].
func (g *Guest) Wait() (status int, err error) {
	<-g.done
	return g.code, g.waitErr
}

// Kill ends the guest at once, as pulling the plug would, and waits for it.
func (g *Guest) Kill() error {
	err := g.cmd.Process.Kill()
	<-g.done
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

func (g *Guest) reap(ctx context.Context) {
	defer close(g.done)
	defer g.status.Close()
	exit := g.cmd.Wait()
	var b [1]byte
	if _, err := io.ReadFull(g.status, b[:]); err == nil {
		g.code = int(b[0])
		return
	}
	said := strings.TrimSpace(g.stderr.String())
	switch {
	case ctx.Err() != nil:
		g.waitErr = ctx.Err()
	case said != "":
		g.waitErr = fmt.Errorf("QEMU: %s", said)
	default:
		g.waitErr = fmt.Errorf("the guest ended without a status (QEMU: %v)", exit)
	}
}

// quoted is a command line as a shell takes it.
func quoted(args []string) string {
	var words []string
	for _, a := range args {
		if a == "" || strings.ContainsAny(a, " \t\n\"'\\$`&;<>|*?(){}[]!#~") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}
