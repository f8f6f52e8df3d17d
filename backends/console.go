package backends

import (
	"errors"
	"io"
	"sync"

	"github.com/anykernel/anykernel/hypercall"
)

// A console writes what a kernel prints, one write at a time, and hands it on.
type console struct {
	mu   sync.Mutex
	w    io.Writer
	next hypercall.Console // may be nil
}

// Print implements hypercall.Console.
func (c *console) Print(text []byte) error {
	c.mu.Lock()
	_, err := c.w.Write(text)
	c.mu.Unlock()
	if c.next != nil {
		err = errors.Join(err, c.next.Print(text))
	}
	return err
}
