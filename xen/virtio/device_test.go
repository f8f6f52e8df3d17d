package virtio

import (
	"encoding/binary"
	"io"
	"sync"

	"github.com/anykernel/anykernel/xen/internal/shm"
	"github.com/anykernel/anykernel/xen/internal/shm/shmtest"
)

// A device is the other side of a driver: a Transport whose queues are served
// by a function, in the goroutine that notifies.
type device struct {
	*shmtest.Arena
	id, queueSize int
	features      uint64
	config        []byte
	// serve answers what the driver put into a queue.
	serve func(d *device, queue int)

	mu        sync.Mutex
	accepted  uint64
	status    uint8
	queues    [2]deviceQueue
	interrupt chan struct{}
	closed    chan struct{}
}

type deviceQueue struct {
	size                     int
	descriptors, avail, used shm.Region
	nextAvail, nextUsed      uint16
}

func newDevice(id int, features uint64, config []byte, serve func(*device, int)) *device {
	return &device{
		Arena: shmtest.New(2 << 20), id: id, queueSize: 64, features: features | featureVersion1, config: config, serve: serve,
		interrupt: make(chan struct{}, 1), closed: make(chan struct{}),
	}
}

func (d *device) DeviceID() uint32 { return uint32(d.id) }
func (d *device) Features() uint64 { return d.features }
func (d *device) Accept(f uint64)  { d.accepted = f }
func (d *device) Acknowledge()     {}

func (d *device) Status() uint8 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.status
}

func (d *device) SetStatus(s uint8) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status = s
}

func (d *device) MaxQueueSize(int) int { return d.queueSize }

func (d *device) SetQueue(queue, size int, descriptors, driver, dev uint64) {
	d.queues[queue] = deviceQueue{
		size:        size,
		descriptors: d.At(descriptors, size*descriptorSize),
		avail:       d.At(driver, ringHeader+2*size),
		used:        d.At(dev, ringHeader+usedEntry*size),
	}
}

func (d *device) Notify(queue int) {
	if d.Status()&statusDriverOK != 0 {
		d.serve(d, queue)
	}
}

func (d *device) Config(off int, b []byte) {
	clear(b)
	if off < len(d.config) {
		copy(b, d.config[off:])
	}
}

func (d *device) WaitInterrupt() error {
	select {
	case <-d.interrupt:
		return nil
	case <-d.closed:
		return io.EOF
	}
}

func (d *device) Close() error {
	close(d.closed)
	return nil
}

func (d *device) raise() {
	select {
	case d.interrupt <- struct{}{}:
	default:
	}
}

// next takes the next chain of a queue: its head and its segments.
func (q *deviceQueue) next(a *shmtest.Arena) (head uint16, segments []segment, ok bool) {
	if q.avail.Load16(2) == q.nextAvail {
		return 0, nil, false
	}
	head = q.avail.Load16(ringHeader + 2*(int(q.nextAvail)%q.size))
	q.nextAvail++
	for i := head; ; {
		d := q.descriptors.Bytes[int(i)*descriptorSize:]
		flags := binary.LittleEndian.Uint16(d[12:])
		r := a.At(binary.LittleEndian.Uint64(d), int(binary.LittleEndian.Uint32(d[8:])))
		segments = append(segments, segment{r, flags&descriptorWrite != 0})
		if flags&descriptorNext == 0 {
			return head, segments, true
		}
		i = binary.LittleEndian.Uint16(d[14:])
	}
}

// done gives a chain back.
func (q *deviceQueue) done(head uint32, written int) {
	at := ringHeader + usedEntry*(int(q.nextUsed)%q.size)
	q.used.Store32(at, head)
	q.used.Store32(at+4, uint32(written))
	q.nextUsed++
	q.used.Store32(0, uint32(q.nextUsed)<<16)
}
