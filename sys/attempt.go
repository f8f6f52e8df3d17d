package sys

import (
	"context"
	"os"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

// An attempt is a call on a descriptor that does not block, made again and
// again until it finds something to do:
//
//	for a := f.attempt(reading); a.next(&err); {
//		n, err = p.call(opRead, …)
//	}
//
// Between the calls it waits by the kernel's poller, which costs no thread.
// The caller has acquired the descriptor.
type attempt struct {
	d    *descriptor
	ctx  context.Context
	dir  direction
	any  bool   // a call was made
	seen uint64 // the events before the last call
}

func (f *File) attempt(dir direction) attempt {
	return attempt{d: f.descriptor, ctx: f.ctx, dir: dir}
}

// next reports whether to make the call, where err is how the last one ended.
// It sets err where there is another reason for not making it: a deadline
// that has passed, the end of the context, or a file that was closed.
func (a *attempt) next(err *error) bool {
	if a.any {
		if e, ok := (*err).(abi.Errno); !ok || e != a.d.p.k.tab.poll.eagain {
			return false
		}
		if *err = a.wait(*err); *err != nil {
			return false
		}
	}
	a.any = true
	if pd := a.d.poll.Load(); pd != nil {
		a.seen, *err = pd.count(a.dir)
	}
	return *err == nil
}

// wait waits until the descriptor may be ready, for calls that say in their
// own way that they are not, such as connect. blocked is what they said; it is
// returned where the descriptor cannot be waited for.
func (a *attempt) wait(blocked error) error {
	pd := a.d.poll.Load()
	if pd == nil {
		var err error
		if pd, err = a.d.pollable(); err != nil {
			return err
		}
		if pd == nil {
			return blocked
		}
	}
	return pd.wait(a.ctx, a.dir, a.seen)
}

// pollable registers the descriptor with the poller. It is nil, without an
// error, where the descriptor blocks by itself: what says EAGAIN then is a
// timeout, or nothing that can be waited for.
func (d *descriptor) pollable() (*pollDesc, error) {
	p := &Process{processState: d.p}
	tab := d.p.k.tab
	flags, err := p.call(opFcntl, backends.Int(uintptr(d.num)), backends.Int(uintptr(tab.files.fcntl[fGetFL])), backends.Arg{})
	if err != nil {
		return nil, err
	}
	if uint64(flags)&tab.poll.nonblock == 0 {
		return nil, nil
	}
	po, err := p.poller()
	if err != nil {
		return nil, err
	}
	pd, err := po.register(p, d.num)
	if err != nil {
		return nil, err
	}
	d.poll.Store(pd)
	// Whoever closes the descriptor sets closing first, and looks for pd
	// afterwards.
	if d.state.Load()&closing != 0 {
		pd.fail(errFileClosed)
	}
	return pd, nil
}

// SetDeadline sets the time after which reads and writes that wait fail with
// an error that is os.ErrDeadlineExceeded, as those of package net do, and
// wakes those that wait already. The zero time is no deadline. It needs a
// descriptor with O_NONBLOCK; for others the error is os.ErrNoDeadline.
func (f *File) SetDeadline(t time.Time) error { return f.setDeadline(t, reading, writing) }

// SetReadDeadline is [File.SetDeadline] for reads.
func (f *File) SetReadDeadline(t time.Time) error { return f.setDeadline(t, reading) }

// SetWriteDeadline is [File.SetDeadline] for writes.
func (f *File) SetWriteDeadline(t time.Time) error { return f.setDeadline(t, writing) }

func (f *File) setDeadline(t time.Time, dirs ...direction) error {
	if err := f.acquire(); err != nil {
		return f.fail("set deadline", err)
	}
	defer f.release()
	pd := f.poll.Load()
	if pd == nil {
		var err error
		if pd, err = f.pollable(); err == nil && pd == nil {
			err = os.ErrNoDeadline
		}
		if err != nil {
			return f.fail("set deadline", err)
		}
	}
	return f.fail("set deadline", pd.setDeadline(t, dirs...))
}
