// Package control does what the toolstack of Xen asks of a domain, in xenstore
// below "control" (docs/misc/xenstore-paths): `xl shutdown`, `xl reboot`,
// `xl save` and live migration.
//
// What may be in this room: the requests. What may not: how they are carried
// out.
package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/anykernel/anykernel/xen/store"
)

const (
	request = "control/shutdown"
	target  = "memory/target"
)

// A Handler carries out requests, by their names: "poweroff", "reboot",
// "halt" and "suspend".
type Handler map[string]func(context.Context) error

// Serve takes requests until the context is done or xenstore is gone. A
// request is acknowledged first, as the toolstack expects it. What a handler
// returns, and requests for which there is none, are given to complain, which
// may be nil.
func Serve(ctx context.Context, s *store.Client, h Handler, complain func(error)) error {
	if complain == nil {
		complain = func(error) {}
	}
	w, err := s.Watch(ctx, request)
	if err != nil {
		return err
	}
	defer w.Close()
	announce(ctx, s, h)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.Changed():
		}
		name, err := take(ctx, s)
		if err != nil {
			return err
		}
		if name == "" {
			continue
		}
		if f := h[name]; f == nil {
			complain(fmt.Errorf("the toolstack asks for %.64q, which this guest does not do", name))
		} else if err := f(ctx); err != nil {
			complain(fmt.Errorf("the toolstack asked for %q: %w", name, err))
		}
	}
}

// announce tells what can be asked for. Old toolstacks do not let a guest say
// so, and ask all the same.
func announce(ctx context.Context, s *store.Client, h Handler) {
	for name := range h {
		s.Now().Write(ctx, "control/feature-"+name, "1")
	}
}

// take is the request, acknowledged; "": none.
func take(ctx context.Context, s *store.Client) (name string, err error) {
	err = s.Transaction(ctx, func(tx store.Tx) error {
		var err error
		name, err = tx.Read(ctx, request)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if err != nil || name == "" {
			return err
		}
		return tx.Write(ctx, request, "")
	})
	return name, err
}

// WatchMemory tells of each request to change the domain's memory ("xl
// mem-set"), in KiB. A guest that keeps all of its memory complains of it.
func WatchMemory(ctx context.Context, s *store.Client, asked func(kib uint64)) error {
	w, err := s.Watch(ctx, target)
	if err != nil {
		return err
	}
	defer w.Close()
	for last := uint64(0); ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.Changed():
		}
		kib, err := s.Now().ReadUint(ctx, target, 64)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return err
		}
		if last != 0 && kib != last {
			asked(kib)
		}
		last = kib
	}
}
