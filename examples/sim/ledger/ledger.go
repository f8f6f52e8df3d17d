// Package ledger is a small server and its client, which keep a balance over
// TCP, and an example of how a seed finds what is wrong with them.
//
// A client adds an amount, and asks again over a new connection where no answer
// comes in time. So that an amount is not added twice, each request has a name,
// and the server knows those that it has carried out. A server that Forgets
// knows only those of the same connection: it works in every test in which
// nothing gets lost.
package ledger

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// A Server keeps the balance.
type Server struct {
	// Go starts a goroutine. In a world it is that of the world, and elsewhere
	// the go statement.
	Go func(name string, f func())
	// Forgets has the bug.
	Forgets bool

	mu      sync.Mutex
	balance int
	done    map[string]bool // requests
}

// Serve answers on a listener until that fails.
func (s *Server) Serve(l net.Listener) error {
	s.done = map[string]bool{}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		s.Go("connection", func() { s.serve(c) })
	}
}

func (s *Server) serve(c net.Conn) {
	defer c.Close()
	done := s.done
	if s.Forgets {
		done = map[string]bool{}
	}
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		var name string
		var amount int
		if _, err := fmt.Sscanf(lines.Text(), "add %s %d", &name, &amount); err != nil {
			fmt.Fprintln(c, "error:", err)
			return
		}
		fmt.Fprintln(c, s.add(done, name, amount))
	}
}

func (s *Server) add(done map[string]bool, name string, amount int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !done[name] {
		done[name] = true
		s.balance += amount
	}
	return s.balance
}

// Balance is the sum of all that was added.
func (s *Server) Balance() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.balance
}

// A Client adds to the balance.
type Client struct {
	// Dial connects to the server.
	Dial func(ctx context.Context) (net.Conn, error)
	// Now is the clock of deadlines.
	Now func() time.Time
	// Timeout is how long the client waits for an answer before it asks again.
	Timeout time.Duration
}

// attempts is how often a request is made.
const attempts = 50

// Add adds an amount, once.
func (c *Client) Add(ctx context.Context, name string, amount int) (err error) {
	for range attempts {
		if err = c.try(ctx, name, amount); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s: no answer to %d requests: %w", name, attempts, err)
}

func (c *Client) try(ctx context.Context, name string, amount int) error {
	conn, err := c.Dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(c.Now().Add(c.Timeout)); err != nil {
		return err
	}
	fmt.Fprintf(conn, "add %s %d\n", name, amount)
	var balance int
	_, err = fmt.Fscanln(conn, &balance)
	return err
}
