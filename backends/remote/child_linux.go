package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/remote/server"
)

// childClients bounds the processes that a parent may have in a child.
const childClients = 64 << 10

// runChild is a child: it boots a kernel and offers it to the parent, until
// that hangs up or is gone.
func runChild(b *backends.Backend, spec backends.Spec) {
	_ = os.Unsetenv(childVariable)
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE)
	unix.CloseOnExec(controlFD)
	control, err := unixConn(os.NewFile(controlFD, "control"))
	if err != nil {
		os.Exit(1) // somebody set the variable who is not our parent
	}
	if err := beKernel(b, spec, control); err != nil {
		text := err.Error()
		_, _ = io.WriteString(control, text[:min(len(text), maxReport)])
	}
	os.Exit(0)
}

func beKernel(b *backends.Backend, spec backends.Spec, control *net.UnixConn) error {
	if err := b.Ready(); err != nil {
		return err
	}
	k, err := b.Open(context.Background(), spec, backends.Config{Console: os.Stdout, Guests: true})
	if err != nil {
		return err
	}
	s, err := server.New(k, server.Options{Name: spec.String(), MaxClients: childClients})
	if err != nil {
		return errors.Join(err, k.Close())
	}
	if err := s.Serve(controlListener{control}); err != nil && !errors.Is(err, io.EOF) {
		return errors.Join(err, k.Close())
	}
	// Nobody waits longer than that.
	time.AfterFunc(closeTime, func() { os.Exit(1) })
	_ = s.Close()
	return k.Close()
}

// A controlListener takes connections that a parent passes.
type controlListener struct{ *net.UnixConn }

// Accept waits for the next connection. Its error is io.EOF when the parent is
// gone.
func (l controlListener) Accept() (net.Conn, error) {
	var data [1]byte
	oob := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := l.ReadMsgUnix(data[:], oob)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, io.EOF
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(messages) != 1 {
		return nil, errors.New("a message without a connection")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, errors.New("a message without a connection")
	}
	unix.CloseOnExec(fds[0])
	return unixConn(os.NewFile(uintptr(fds[0]), "client"))
}

// Close leaves the socket open: what went wrong is still to be said on it.
func (l controlListener) Close() error { return nil }

func (l controlListener) Addr() net.Addr { return l.LocalAddr() }
