package backends

import (
	"context"
	"errors"
	"net"
	"sync"
)

// A Connection leads to a kernel that answers NetBSD's system call proxy, as
// that of package backends/remote/server does.
type Connection struct {
	// Name is the specification that the kernel is opened with.
	Name string
	// Dial makes a connection: one for each process.
	Dial func(ctx context.Context) (net.Conn, error)
	// Owner has the machine or process that the kernel is in. nil: it is
	// somebody else's, and stays when the kernel is closed here.
	Owner Owner
}

// An Owner has what a kernel lives in.
type Owner interface {
	// Died says why the connection was lost, which ended with err.
	Died(err error) error
	// Close ends what the kernel lives in.
	Close() error
}

var connector struct {
	sync.Mutex
	connect func(context.Context, Connection) (Kernel, error)
}

// RegisterConnector says how kernels are reached by connections. It is called
// from init, by package remote.
func RegisterConnector(connect func(context.Context, Connection) (Kernel, error)) {
	connector.Lock()
	defer connector.Unlock()
	connector.connect = connect
}

// Connect opens a kernel by connections, for backends whose kernels are
// somewhere else. It takes over the owner, which an error closes.
func Connect(ctx context.Context, c Connection) (Kernel, error) {
	connector.Lock()
	connect := connector.connect
	connector.Unlock()
	if connect != nil {
		return connect(ctx, c)
	}
	err := errors.New("a kernel elsewhere needs the backend remote: import backends/remote")
	if c.Owner != nil {
		err = errors.Join(err, c.Owner.Close())
	}
	return nil, err
}
