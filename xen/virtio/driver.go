package virtio

import (
	"io/fs"
	"sync"
)

// ErrClosed is the error of calls on a driver that was closed. It is
// fs.ErrClosed.
var ErrClosed = fs.ErrClosed

// A driver is what drivers have in common: a goroutine that waits for
// interrupts, calls that wait for it, and the error that ends them all.
type driver struct {
	name string
	t    Transport

	mu   sync.Mutex // guards the queues and everything below
	cond sync.Cond  // something came back from the device, or err was set
	err  error      // why the device is not used any more

	done  chan struct{} // closed when the goroutine has ended
	close sync.Once
}

func (d *driver) init(name string, t Transport) {
	d.name, d.t = name, t
	d.cond.L = &d.mu
	d.done = make(chan struct{})
}

// serve waits for interrupts and calls collect for each, with the lock held.
// What collect returns ends the driver.
func (d *driver) serve(collect func() error) {
	defer close(d.done)
	for {
		err := d.t.WaitInterrupt()
		d.mu.Lock()
		if err == nil {
			d.t.Acknowledge()
			if err = collect(); err != nil {
				err = &BrokenError{d.name, err.Error()}
			}
		}
		if err != nil {
			d.fail(err)
		}
		stop := d.err != nil
		d.cond.Broadcast()
		d.mu.Unlock()
		if stop {
			return
		}
	}
}

// fail ends the driver, with the lock held. The device is reset, so that it
// does not write to memory any more.
func (d *driver) fail(err error) {
	if d.err == nil {
		d.err = err
		d.t.SetStatus(0)
		d.cond.Broadcast()
	}
}

// Close stops the device. Calls that wait fail with [ErrClosed]. Only the
// first Close does anything; a later one returns nil.
func (d *driver) Close() (err error) {
	d.close.Do(func() {
		d.mu.Lock()
		d.fail(ErrClosed)
		d.mu.Unlock()
		err = d.t.Close()
		<-d.done
	})
	return err
}
