package kerneltest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/disk"
	"github.com/anykernel/anykernel/hypercall/turns"
	"github.com/anykernel/anykernel/sys"
)

// A Crash is a workload on a disk whose power fails. The workload runs once,
// on a disk that logs what is written. For each cut, a new kernel then gets
// the disk as the power failure left it.
type Crash struct {
	// Kernel is the specification of the kernels. Their host has the disk
	// under the name [CrashDisk]: "rump:vfs?mount=ffs:disk:/mnt:log" mounts it.
	Kernel string
	// Disk is what the workload finds. It is not changed.
	Disk *disk.Disk
	// Faults are what is wrong with the disk while the workload runs.
	Faults []disk.Fault
	// Boot, if not nil, opens a kernel, and does what else is needed before
	// it can be used. Else sys.OpenConfig does. Several goroutines call it at
	// a time.
	Boot func(ctx context.Context, spec string, cfg backends.Config) (*sys.Kernel, error)
	// Workload works on the disk. It calls mark when it knows that something
	// lasts from here on, because fsync(2) returned, say. The kernel is
	// closed afterwards, in the log as well.
	//
	// The workload runs in a world of package turns, made of the seed, if its
	// kernel can be a part of it: the same seed gives the same log, and time
	// that it sleeps away takes none. It uses the kernel from the goroutine
	// that it is called on alone.
	Workload func(k *sys.Kernel, mark func(text string)) error
	// Concurrent says that the workload uses the kernel from goroutines of
	// its own. It runs in real time then, in no world, and writes something
	// else each time.
	Concurrent bool
	// Repair, if not nil, is done to the disk before a kernel gets it, as
	// fsck(8) is.
	Repair func(d *disk.Disk) error
	// Check looks at what is left, and may write. It gets the marks that the
	// workload had made.
	Check func(k *sys.Kernel, marks []string) error

	// Loss is what the disk loses of writes that no barrier covers.
	Loss disk.Loss
	// Cuts is how many times the power fails, at points chosen by the seed;
	// 0 is once at each point.
	Cuts int
	// Again is how many times, after each of these failures, the power fails
	// once more while a kernel is booted and closed on what is left: a file
	// system must survive that, too.
	Again int
	// Seed chooses points and losses.
	Seed uint64
	// Only, if not empty, is the cuts to make instead.
	Only []disk.Cut
	// Progress, if not nil, is told after each cut how many were made, and
	// failed.
	Progress func(made, failed int)
}

// A CrashReport says what power failures did.
type CrashReport struct {
	Log      *disk.Log
	Cuts     int
	Failures []CrashFailure // by point
}

// A CrashFailure is a cut that the file system did not survive.
type CrashFailure struct {
	Cut  disk.Cut
	Disk *disk.Disk // as the power failure left it; nil for all but some of the failures
	Err  error
}

// maxDisks bounds how many failures keep their disk, which takes memory.
const maxDisks = 16

// Name is a name for the disk's image, made of the cut.
func (f *CrashFailure) Name() string {
	return strings.ReplaceAll(f.Cut.String(), ":", "-") + ".img"
}

// Run runs the workload and makes the cuts, as many at a time as there are
// processors. The error is one of the workload, which saw no failure.
func (c *Crash) Run(ctx context.Context) (*CrashReport, error) {
	log, err := c.record(ctx)
	if err != nil {
		return nil, err
	}
	r := &CrashReport{Log: log}
	cuts := c.Only
	if len(cuts) == 0 {
		cuts = slices.Collect(log.Cuts(c.Cuts, c.Seed, c.Loss))
	}
	var mu sync.Mutex
	var workers sync.WaitGroup
	next := make(chan disk.Cut)
	for range min(len(cuts), runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for cut := range next {
				d, err := c.try(ctx, log, cut)
				mu.Lock()
				r.Cuts++
				if len(r.Failures) >= maxDisks {
					d = nil
				}
				if err != nil {
					r.Failures = append(r.Failures, CrashFailure{cut, d, err})
				}
				if c.Progress != nil {
					c.Progress(r.Cuts, len(r.Failures))
				}
				mu.Unlock()
			}
		})
	}
	for _, cut := range cuts {
		if ctx.Err() != nil {
			break
		}
		next <- cut
	}
	close(next)
	workers.Wait()
	slices.SortFunc(r.Failures, func(a, b CrashFailure) int { return a.Cut.Point - b.Cut.Point })
	return r, ctx.Err()
}

// CrashDisk is the name of the disk on the host of a [Crash]'s kernels.
const CrashDisk = "disk"

// record runs the workload.
func (c *Crash) record(ctx context.Context) (*disk.Log, error) {
	log := disk.NewLog(c.Disk, 0)
	work := func(host hypercall.Host) error {
		return c.use(ctx, disk.With(log, c.Faults...), host, func(k *sys.Kernel) error { return c.Workload(k, log.Mark) })
	}
	var err error
	if c.Concurrent {
		err = work(hypercall.Host{})
	} else {
		world := turns.Run(c.Seed, turns.Options{}, func(s *turns.Scheduler) { err = work(s.Host("crash")) })
		err = errors.Join(err, world.Err)
	}
	if err := errors.Join(err, log.Err()); err != nil {
		return nil, fmt.Errorf("the workload, before any power failure: %w", err)
	}
	return log, nil
}

// try makes a cut and looks. On failure the disk is as a power failure left
// it.
func (c *Crash) try(ctx context.Context, log *disk.Log, cut disk.Cut) (*disk.Disk, error) {
	left, err := log.At(cut)
	if err != nil {
		return nil, err
	}
	marks := log.Marks(cut.Point)
	if err := c.look(ctx, left, marks); err != nil || c.Again <= 0 {
		return left, err
	}
	recovery, err := c.recover(ctx, left)
	if err != nil {
		return left, fmt.Errorf("only booted and closed: %w", err)
	}
	for again := range recovery.Cuts(c.Again, cut.Seed, cut.Loss) {
		left, err := recovery.At(again)
		if err == nil {
			err = c.look(ctx, left, marks)
		}
		if err != nil {
			return left, fmt.Errorf("the power fails again at event %d of %d of the recovery: %w", again.Point, recovery.Len(), err)
		}
	}
	return left, nil
}

// look checks what a power failure left, on a copy.
func (c *Crash) look(ctx context.Context, left *disk.Disk, marks []string) error {
	d, err := c.repaired(left)
	if err != nil {
		return err
	}
	return c.use(ctx, d, hypercall.Host{}, func(k *sys.Kernel) error { return c.Check(k, marks) })
}

// recover is the log of a kernel that is booted on what a power failure left,
// and closed.
func (c *Crash) recover(ctx context.Context, left *disk.Disk) (*disk.Log, error) {
	d, err := c.repaired(left)
	if err != nil {
		return nil, err
	}
	log := disk.NewLog(d, 0)
	err = c.use(ctx, log, hypercall.Host{}, func(*sys.Kernel) error { return nil })
	return log, errors.Join(err, log.Err())
}

func (c *Crash) repaired(left *disk.Disk) (*disk.Disk, error) {
	d := left.Snapshot()
	if c.Repair != nil {
		if err := c.Repair(d); err != nil {
			return nil, fmt.Errorf("repair: %w", err)
		}
	}
	return d, nil
}

// use does something with a kernel.
func (c *Crash) use(ctx context.Context, d hypercall.File, host hypercall.Host, do func(k *sys.Kernel) error) error {
	host.Block = hypercall.Files(map[string]hypercall.File{CrashDisk: d})
	boot := c.Boot
	if boot == nil {
		boot = sys.OpenConfig
	}
	k, err := boot(ctx, c.Kernel, backends.Config{Host: host})
	if err != nil {
		return &BootError{err}
	}
	err = do(k)
	if closed := k.Close(); err == nil {
		err = closed
	}
	return err
}

// A BootError says why there was no kernel after a power failure: the file
// system was not mounted, perhaps.
type BootError struct{ Err error }

func (e *BootError) Error() string { return e.Err.Error() }

// Unwrap is the reason.
func (e *BootError) Unwrap() error { return e.Err }
