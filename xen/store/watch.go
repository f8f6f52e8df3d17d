package store

import (
	"context"
	"strconv"
)

// A Watch tells of changes at and below a path.
type Watch struct {
	c           *Client
	path, token string
	changed     chan struct{}
}

// Watch starts to watch a path, which need not be there.
func (c *Client) Watch(ctx context.Context, path string) (*Watch, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	w := &Watch{c: c, path: path, changed: make(chan struct{}, 1)}
	c.mu.Lock()
	c.next++
	w.token = strconv.FormatUint(uint64(c.next), 10)
	c.watches[w.token] = w
	c.mu.Unlock()
	if err := w.register(ctx, c.call); err != nil {
		w.forget()
		return nil, err
	}
	return w, nil
}

func (w *Watch) register(ctx context.Context, call func(context.Context, message, uint32, string, []byte) ([]byte, error)) error {
	_, err := call(ctx, msgWatch, 0, w.path, []byte(w.path+"\x00"+w.token+"\x00"))
	return err
}

// Changed receives when something changed since the last receive, at the
// start of the watch, and when the connection ends. Many changes may come as
// one.
func (w *Watch) Changed() <-chan struct{} { return w.changed }

// Close ends the watch.
func (w *Watch) Close() error {
	w.forget()
	_, err := w.c.call(context.Background(), msgUnwatch, 0, w.path, []byte(w.path+"\x00"+w.token+"\x00"))
	return err
}

func (w *Watch) forget() {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	delete(w.c.watches, w.token)
}

func (w *Watch) signal() {
	select {
	case w.changed <- struct{}{}:
	default: // it is told already
	}
}

// Await waits until done says so, looking whenever something changes at path.
func (c *Client) Await(ctx context.Context, path string, done func() (bool, error)) error {
	w, err := c.Watch(ctx, path)
	if err != nil {
		return err
	}
	defer w.Close()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-w.Changed():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
