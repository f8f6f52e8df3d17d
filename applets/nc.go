package applets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/spf13/pflag"

	"github.com/anykernel/anykernel/sys"
)

var nc = &Applet{
	Name:     "nc",
	Summary:  "send the input over a TCP connection, and write what comes back",
	Synopsis: "HOST PORT | -l [HOST] PORT",
	flags: func(f *pflag.FlagSet) action {
		listen := f.BoolP("listen", "l", false, "wait for one connection")
		return func(j *job, args []string) error {
			min := 2
			if *listen {
				min = 1
			}
			if err := operands(args, min, 2); err != nil {
				return err
			}
			if len(args) == 1 {
				args = []string{"", args[0]}
			}
			address := net.JoinHostPort(args[0], args[1])
			c, err := j.connection(address, *listen)
			if err != nil {
				return fmt.Errorf("%s: %s", address, message(err))
			}
			return j.converse(c)
		}
	},
}

func (j *job) connection(address string, listen bool) (net.Conn, error) {
	if !listen {
		return j.p.Dial(j.ctx, "tcp", address)
	}
	l, err := j.p.Listen(j.ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	defer context.AfterFunc(j.ctx, func() { l.Close() })()
	c, err := l.Accept()
	if j.ctx.Err() != nil {
		err = j.ctx.Err()
	}
	return c, err
}

// converse sends the input, then the end of it, and writes what comes back,
// until both have ended.
func (j *job) converse(c net.Conn) error {
	defer c.Close()
	defer context.AfterFunc(j.ctx, func() { c.Close() })()
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(c, j.bound(j.stdin))
		if half, ok := c.(interface{ CloseWrite() error }); ok && err == nil {
			err = half.CloseWrite()
		}
		sent <- err
	}()
	_, err := io.Copy(j.stdout, c)
	select {
	case e := <-sent:
		if !errors.Is(e, sys.ENOTCONN) { // the other end has gone before
			err = errors.Join(err, e)
		}
	case <-j.ctx.Done():
	}
	if j.ctx.Err() != nil {
		return j.ctx.Err()
	}
	return err
}
