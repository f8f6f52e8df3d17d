package disk

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/anykernel/anykernel/hypercall"
)

// An Op is what an event of a log is.
type Op uint8

const (
	OpWrite   Op = iota // sectors were written
	OpBarrier           // what had been written was made to last
	OpMark              // the program noted something
)

// An Event is one entry of a log.
type Event struct {
	Op   Op
	Off  int64  // of a write, in bytes
	Data []byte // of a write; not to be changed
	Text string // of a mark
}

// String is the event in a few words.
func (e Event) String() string {
	switch e.Op {
	case OpWrite:
		return fmt.Sprintf("write %d bytes at %d", len(e.Data), e.Off)
	case OpBarrier:
		return "barrier"
	}
	return "mark " + e.Text
}

// DefaultLogLimit is how much memory a log takes if nobody says otherwise, in
// bytes.
const DefaultLogLimit = 256 << 20

// ErrLogFull is the error of a log that could not keep everything.
var ErrLogFull = errors.New("the log is full")

// A Log is a disk that notes what is done to it. A write has happened when it
// is in the log, and a barrier covers all writes before it there. Its methods
// are safe for concurrent use.
type Log struct {
	limit int64

	mu     sync.Mutex
	disk   *Disk // as it is now
	events []Event
	bytes  int64
	full   bool
	// The disk as it was before event i*checkpoint, so that a cut starts from
	// near by.
	checkpoints []*Disk
}

// checkpoint is how many events lie between two copies of the disk.
const checkpoint = 256

var _ interface {
	hypercall.File
	hypercall.Sized
} = (*Log)(nil)

// NewLog is a log of a disk, which starts as d is now. What happens to d
// later, and what is written to the log, do not touch one another. Limit is
// how many bytes of memory the log may take, about; 0 is [DefaultLogLimit].
// The disk goes on when the log is full, and [Log.Err] tells.
func NewLog(d *Disk, limit int64) *Log {
	if limit <= 0 {
		limit = DefaultLogLimit
	}
	return &Log{limit: limit, disk: d.Snapshot()}
}

// ReadAt reads what was written last.
func (l *Log) ReadAt(p []byte, off int64) (int, error) { return l.disk.ReadAt(p, off) }

// Size is the disk's capacity in bytes.
func (l *Log) Size() int64 { return l.disk.Size() }

// WriteAt writes whole sectors, and notes it. A write that fails has not
// happened.
func (l *Log) WriteAt(p []byte, off int64) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keepCheckpoint()
	n, err := l.disk.WriteAt(p, off)
	if err != nil {
		return n, err
	}
	l.add(Event{Op: OpWrite, Off: off, Data: slices.Clone(p)})
	return n, nil
}

// Sync is a barrier.
func (l *Log) Sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keepCheckpoint()
	l.add(Event{Op: OpBarrier})
	return nil
}

// Mark notes in the log what the program knows to be on the disk from here
// on, for [Log.Marks].
func (l *Log) Mark(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keepCheckpoint()
	l.add(Event{Op: OpMark, Text: text})
}

// Close does nothing. The log can still be read.
func (l *Log) Close() error { return nil }

// eventCost is what an event takes besides its data, about.
const eventCost = 96

func (l *Log) add(e Event) {
	l.bytes += int64(len(e.Data)+len(e.Text)) + eventCost
	if l.full = l.full || l.bytes > l.limit; l.full {
		return
	}
	l.events = append(l.events, e)
}

// keepCheckpoint is called before each event.
func (l *Log) keepCheckpoint() {
	if !l.full && len(l.events) == len(l.checkpoints)*checkpoint {
		l.bytes += l.disk.Memory() // which the copy holds from now on
		l.checkpoints = append(l.checkpoints, l.disk.Snapshot())
	}
}

// Len is the number of events.
func (l *Log) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.events)
}

// Event is event i, which is less than Len.
func (l *Log) Event(i int) Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.events[i]
}

// Marks is the texts of the marks among the first n events.
func (l *Log) Marks(n int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []string
	for _, e := range l.events[:min(max(n, 0), len(l.events))] {
		if e.Op == OpMark {
			list = append(list, e.Text)
		}
	}
	return list
}

// Err is [ErrLogFull] where events are missing at the end.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full {
		return fmt.Errorf("%w: %d bytes, of at most %d", ErrLogFull, l.bytes, l.limit)
	}
	return nil
}
