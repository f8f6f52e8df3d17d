package cli

import (
	"context"
	"io"
	"sync"
)

// An input lets several readers share one that cannot be interrupted, such as
// a terminal, in turn: a reader whose context ends leaves, and what the read
// that it waited for brings goes to the next.
type input struct {
	r io.Reader

	turn    sync.Mutex // held by the reader whose turn it is
	rest    []byte     // read, but not yet given to anyone
	err     error      // what the last read ended with, behind rest
	pending chan read  // the read that goes on; nil for none
}

type read struct {
	b   []byte
	err error
}

func newInput(r io.Reader) *input { return &input{r: r} }

// with is in, at its end when ctx is.
func (in *input) with(ctx context.Context) io.Reader { return inputView{in, ctx} }

type inputView struct {
	in  *input
	ctx context.Context
}

func (v inputView) Read(b []byte) (int, error) {
	v.in.turn.Lock()
	defer v.in.turn.Unlock()
	return v.in.read(v.ctx, b)
}

func (in *input) read(ctx context.Context, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if len(in.rest) == 0 && in.err == nil {
		if err := in.fill(ctx); err != nil {
			return 0, err
		}
	}
	if len(in.rest) == 0 {
		err := in.err
		in.err = nil // a terminal goes on behind its end
		return 0, err
	}
	n := copy(b, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// inputBuffer is how much is read at a time, in bytes.
const inputBuffer = 64 << 10

// fill waits for the read that goes on, and starts one where none does.
func (in *input) fill(ctx context.Context) error {
	if in.pending == nil {
		done := make(chan read, 1)
		in.pending = done
		go func() {
			b := make([]byte, inputBuffer)
			n, err := in.r.Read(b)
			done <- read{b[:n], err}
		}()
	}
	select {
	case got := <-in.pending:
		in.pending, in.rest, in.err = nil, got.b, got.err
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
