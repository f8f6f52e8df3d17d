package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/internal/tail"
)

func init() {
	backends.RegisterSeparate(backends.Separator{
		Open: openSeparate,
		Spec: func() string { return os.Getenv(childVariable) },
		Run:  runChild,
	})
}

// childVariable is the specification of the kernel that a child is to be. The
// child's third descriptor is the control socket: over it come connections, and
// when it ends, so does the child. What the child says on it is why it failed.
const (
	childVariable = "ANYKERNEL_SEPARATE"
	controlFD     = 3
)

// A child is the process of a kernel, seen by its parent.
type child struct {
	name    string
	cmd     *exec.Cmd
	control *net.UnixConn
	console tail.Buffer
	stderr  tail.Buffer
	report  []byte        // what it said
	exited  chan struct{} // closed with these:
	status  error
}

// openSeparate boots a kernel in a child.
func openSeparate(ctx context.Context, spec backends.Spec, cfg backends.Config) (backends.Kernel, error) {
	name := spec.String()
	c, err := startChild(name, cfg)
	if err != nil {
		return nil, err
	}
	return connect(ctx, name, c.dial, c)
}

func startChild(name string, cfg backends.Config) (*child, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	control, err := unixConn(ours)
	if err != nil {
		return nil, err
	}
	c := &child{name: name, control: control, console: tail.Buffer{Size: tailSize}, stderr: tail.Buffer{Size: tailSize}, exited: make(chan struct{})}
	// The file of this process, even where another one has its name by now.
	c.cmd = exec.Command("/proc/self/exe")
	c.cmd.Args = []string{"anykernel-kernel", name}
	c.cmd.Env = append(os.Environ(), childVariable+"="+name)
	c.cmd.ExtraFiles = []*os.File{theirs}
	c.cmd.Stdout, c.cmd.Stderr = &c.console, &c.stderr
	if console := cfg.WholeHost().Console; console != nil {
		c.cmd.Stdout = io.MultiWriter(&c.console, printer{console})
	}
	// Signals from a terminal are for this process.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.cmd.WaitDelay = time.Second
	if err := c.cmd.Start(); err != nil {
		control.Close()
		return nil, err
	}
	cfg.Logger().Debug("child", "kernel", name, "pid", c.cmd.Process.Pid)
	go c.wait()
	return c, nil
}

// tailSize is how much of what a child prints is kept.
const tailSize = 16 << 10

// maxReport bounds what a child says.
const maxReport = 4 << 10

// wait reads what the child says, until it ends.
func (c *child) wait() {
	c.report, _ = io.ReadAll(io.LimitReader(c.control, maxReport))
	c.status = c.cmd.Wait()
	c.control.Close()
	close(c.exited)
}

// dial gives the child one end of a connection.
func (c *child) dial(context.Context) (net.Conn, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	_, _, err = c.control.WriteMsgUnix([]byte{0}, unix.UnixRights(int(theirs.Fd())), nil)
	if err != nil {
		ours.Close()
		return nil, fmt.Errorf("the kernel's process is gone: %w", err)
	}
	return unixConn(ours)
}

// Times that a child gets.
const (
	deathTime = 2 * time.Second  // to end, when its connection did
	closeTime = 40 * time.Second // to close its kernel
)

// Died says why the connection was lost.
func (c *child) Died(err error) error {
	select {
	case <-c.exited:
	case <-time.After(deathTime):
		return &backends.PanicError{Kernel: c.name, Reason: fmt.Sprintf("the connection to its process was lost: %v", err), Console: c.console.Bytes()}
	}
	if len(c.report) > 0 {
		return errors.New(string(c.report))
	}
	reason := "its process ended"
	if c.status != nil {
		reason += ": " + c.status.Error()
	}
	stderr := c.stderr.Bytes()
	if first, _, _ := strings.Cut(string(stderr), "\n"); first != "" {
		reason += ": " + first
	}
	return &backends.PanicError{Kernel: c.name, Reason: reason, Console: c.console.Bytes(), Stack: stderr}
}

// Close ends the child, and returns what was lost on the way.
func (c *child) Close() error {
	_ = c.control.CloseWrite()
	overdue := time.AfterFunc(closeTime, func() { _ = c.cmd.Process.Kill() })
	<-c.exited
	if !overdue.Stop() {
		return fmt.Errorf("the kernel's process was not ready after %v, and was killed", closeTime)
	}
	if len(c.report) > 0 && c.status == nil {
		return errors.New(string(c.report))
	}
	return nil
}

// socketPair is two connected sockets.
func socketPair() (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "socket"), os.NewFile(uintptr(fds[1]), "socket"), nil
}

// unixConn is a socket as a connection, which takes the place of the file.
func unixConn(f *os.File) (*net.UnixConn, error) {
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, errors.New("no Unix socket")
	}
	return u, nil
}

// A printer writes to a console.
type printer struct{ hypercall.Console }

func (w printer) Write(p []byte) (int, error) { return len(p), w.Print(p) }
