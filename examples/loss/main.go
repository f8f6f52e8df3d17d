// The example sends over a link that loses frames, with NetBSD's stack and with
// gVisor's, and shows what each had to send again.
//
//	go run ./examples/loss sentry rump
//
// Names of kernels are arguments; each sends to each.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	_ "github.com/anykernel/anykernel/backends/all"
	"github.com/anykernel/anykernel/hypercall/vnet"
	"github.com/anykernel/anykernel/netlab"
)

func main() {
	kernels := os.Args[1:]
	if len(kernels) == 0 {
		kernels = []string{"sentry"}
	}
	for _, from := range kernels {
		for _, to := range kernels {
			if err := transfer(context.Background(), os.Stdout, from, to, 1<<20); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
}

// transfer sends n bytes from one kernel to another, and prints how often the
// same bytes went by.
func transfer(ctx context.Context, out io.Writer, from, to string, n int) error {
	topology := fmt.Sprintf("client--server loss=3%% delay=1ms\nclient: %s\nserver: %s", from, to)
	lab, err := netlab.Open(ctx, topology, netlab.Config{Network: vnet.Config{Seed: 7}})
	if err != nil {
		return err
	}
	defer lab.Close()
	link, client, err := lab.Way("client", "server")
	if err != nil {
		return err
	}
	l, err := lab.Kernel("server").Init().Listen(ctx, "tcp", "10.0.0.2:80")
	if err != nil {
		return err
	}
	defer l.Close()
	sent := bytes.Repeat([]byte("over and over again "), n/20)
	go func() {
		c, err := lab.Kernel("client").Init().Dial(ctx, "tcp", "server:80")
		if err == nil {
			_, _ = c.Write(sent)
			c.Close()
		}
	}()
	c, err := l.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	received, err := io.ReadAll(c)
	if err != nil {
		return err
	}
	if !bytes.Equal(received, sent) {
		return fmt.Errorf("%s to %s: %d bytes came out as others", from, to, len(sent))
	}
	s, err := link.Stats(client)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s to %s: %d bytes are whole; of %d frames %d were lost\n", from, to, len(received), s.Sent, s.Lost)
	return nil
}
