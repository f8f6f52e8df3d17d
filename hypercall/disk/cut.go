package disk

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Loss is what a disk may lose when its power fails, of what no barrier had
// covered.
type Loss uint8

const (
	// Tail loses the last writes: what was written reached the disk in order.
	Tail Loss = iota
	// Reordered loses any writes, each as a whole.
	Reordered
	// Torn loses any writes, and any sectors of them.
	Torn
)

var lossNames = [...]string{"tail", "reordered", "torn"}

// String is the loss's name.
func (l Loss) String() string {
	if int(l) < len(lossNames) {
		return lossNames[l]
	}
	return fmt.Sprintf("Loss(%d)", uint8(l))
}

// ParseLoss reads the name of a loss.
func ParseLoss(name string) (Loss, error) {
	if i := slices.Index(lossNames[:], name); i >= 0 {
		return Loss(i), nil
	}
	return 0, fmt.Errorf("loss %q: it is one of %s", name, strings.Join(lossNames[:], ", "))
}

// A Cut is a power failure. The same cut of the same log gives the same disk.
type Cut struct {
	// Point is how many events of the log had happened.
	Point int
	// Loss is what the disk may have lost.
	Loss Loss
	// Seed chooses what it has.
	Seed uint64
}

// String is the cut in the form that [ParseCut] reads.
func (c Cut) String() string { return fmt.Sprintf("%d:%s:%d", c.Point, c.Loss, c.Seed) }

// ParseCut reads a cut: POINT:LOSS:SEED, such as "120:torn:7".
func ParseCut(text string) (c Cut, err error) {
	part := strings.Split(text, ":")
	if len(part) != 3 {
		return Cut{}, fmt.Errorf("cut %q: it is POINT:LOSS:SEED, such as 120:torn:7", text)
	}
	point, err := strconv.ParseUint(part[0], 10, 31)
	if err != nil {
		return Cut{}, fmt.Errorf("cut %q: the point is a number of events", text)
	}
	c.Point = int(point)
	if c.Seed, err = strconv.ParseUint(part[2], 10, 64); err != nil {
		return Cut{}, fmt.Errorf("cut %q: the seed is a number from 0 to 2^64-1", text)
	}
	c.Loss, err = ParseLoss(part[1])
	return c, err
}

// Cuts chooses n cuts of the log as it is now, by a seed, in the order of
// their points; 0 is one for each point. Where there are fewer points than n,
// each has several cuts with seeds of their own.
func (l *Log) Cuts(n int, seed uint64, loss Loss) iter.Seq[Cut] {
	points := l.Len() + 1
	if n <= 0 {
		n = points
	}
	chosen := make([]int, points) // how many cuts each point has
	for i := range chosen {
		chosen[i] = n / points
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, i := range rng.Perm(points)[:n%points] {
		chosen[i]++
	}
	return func(yield func(Cut) bool) {
		for point, times := range chosen {
			for i := range times {
				if !yield(Cut{Point: point, Loss: loss, Seed: seed + uint64(i)}) {
					return
				}
			}
		}
	}
}

// At is the disk as the cut left it.
func (l *Log) At(c Cut) (*Disk, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.Point < 0 || c.Point > len(l.events) {
		return nil, fmt.Errorf("cut %s: the log has %d events", c, len(l.events))
	}
	lasting := c.Point // events before it are there
	if c.Loss != Tail {
		for lasting > 0 && l.events[lasting-1].Op != OpBarrier {
			lasting--
		}
	}
	d, err := l.before(lasting)
	if err != nil {
		return nil, err
	}
	return d, c.lose(d, l.events[lasting:c.Point])
}

// before is the disk with the first n events done.
func (l *Log) before(n int) (*Disk, error) {
	d, first := l.disk, 0
	if len(l.checkpoints) > 0 {
		i := min(n/checkpoint, len(l.checkpoints)-1)
		d, first = l.checkpoints[i], i*checkpoint
	}
	d = d.Snapshot()
	for _, e := range l.events[first:n] {
		if e.Op == OpWrite {
			if _, err := d.WriteAt(e.Data, e.Off); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

// lose does to d what reached it of writes that were under way. How much is
// lost is chosen first, so that all and nothing come up as well.
func (c Cut) lose(d *Disk, pending []Event) error {
	rng := rand.New(rand.NewPCG(c.Seed, uint64(c.Point)+1))
	keep := rng.Float64()
	if r := rng.IntN(8); r < 2 {
		keep = float64(r)
	}
	for _, e := range pending {
		if e.Op != OpWrite {
			continue
		}
		if err := c.write(d, e, keep, rng); err != nil {
			return err
		}
	}
	return nil
}

// write does one write, in so far as it is kept.
func (c Cut) write(d *Disk, e Event, keep float64, rng *rand.Rand) error {
	step := len(e.Data)
	if c.Loss == Torn && rng.IntN(2) == 0 {
		step = d.sector
	}
	for off := 0; off < len(e.Data); off += step {
		if rng.Float64() >= keep {
			continue
		}
		if _, err := d.WriteAt(e.Data[off:off+step], e.Off+int64(off)); err != nil {
			return err
		}
	}
	return nil
}
