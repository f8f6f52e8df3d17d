package sys

import (
	"io/fs"
	"runtime"
	"sync/atomic"

	"github.com/anykernel/anykernel/backends"
)

var opClose = newOp("close")

// A descriptor is one open number in one table, shared by all views of a
// File. It is closed exactly once, and never while a call uses the number, so
// that no call ever reaches a file that was given the number later.
type descriptor struct {
	p       *processState
	num     int
	name    string // for errors: the path it was opened by, or what it is
	state   atomic.Uint32
	poll    atomic.Pointer[pollDesc] // once something waited for it
	cleanup runtime.Cleanup
	dir     dirReader // of a directory that is being read
}

// state is the number of calls in flight, and closing once Close was called.
// Whoever takes the last call out of a closing descriptor closes the number.
const closing = 1 << 31

// closer is what closes the number of a descriptor that nobody can reach any
// more. It must not refer to the descriptor.
type closer struct {
	p   *processState
	num int
}

func (c closer) close() error {
	p := Process{processState: c.p}
	c.p.fds.forget(&p, c.num)
	_, err := p.call(opClose, backends.Int(uintptr(c.num)))
	return err
}

// newFile is a File that owns the number num of p's table. In a world of package
// sim one that nobody can reach stays open until the kernel ends: when the
// collector finds it is no part of the world.
func (p *Process) newFile(num int, name string) *File {
	d := &descriptor{p: p.processState, num: num, name: name}
	if p.k.sched == nil {
		d.cleanup = runtime.AddCleanup(d, func(c closer) { _ = c.close() }, closer{d.p, num})
	}
	return &File{descriptor: d}
}

// acquire keeps the number open until release.
func (d *descriptor) acquire() error {
	for {
		s := d.state.Load()
		if s&closing != 0 {
			return fs.ErrClosed
		}
		if d.state.CompareAndSwap(s, s+1) {
			return nil
		}
	}
}

// release takes back acquire.
func (d *descriptor) release() {
	if d.state.Add(^uint32(0)) == closing {
		_ = d.end()
	}
}

// close makes every later acquire fail, wakes those who wait by the poller,
// and closes the number now or, where calls are in flight, when the last of
// them ends. Only the first close returns an error of the kernel.
func (d *descriptor) close() error {
	for {
		s := d.state.Load()
		if s&closing != 0 {
			return nil
		}
		if d.state.CompareAndSwap(s, s|closing) {
			if s == 0 {
				return d.end()
			}
			if pd := d.poll.Load(); pd != nil {
				pd.fail(errFileClosed)
			}
			return nil
		}
	}
}

// end closes the number. It runs once.
func (d *descriptor) end() error {
	d.cleanup.Stop()
	return closer{d.p, d.num}.close()
}
