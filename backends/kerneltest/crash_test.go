package kerneltest_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/anykernel/anykernel/backends"
	_ "github.com/anykernel/anykernel/backends/host"
	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/disk"
	"github.com/anykernel/anykernel/sys"
)

// A rawDisk is what a kernel was booted with: the workloads of these tests
// write to it themselves, as a database without a file system does.
type rawDisk struct {
	of      sync.Map
	recover func(d hypercall.File) error // done at boot; nil: nothing
}

func (r *rawDisk) boot(ctx context.Context, spec string, cfg backends.Config) (*sys.Kernel, error) {
	d, err := cfg.Host.Block.Open(kerneltest.CrashDisk, hypercall.Read|hypercall.Write)
	if err != nil {
		return nil, err
	}
	if r.recover != nil {
		if err := r.recover(d); err != nil {
			return nil, err
		}
	}
	k, err := sys.OpenConfig(ctx, spec, cfg)
	if err == nil {
		r.of.Store(k, d)
	}
	return k, err
}

func (r *rawDisk) get(k *sys.Kernel) hypercall.File {
	d, _ := r.of.Load(k)
	return d.(hypercall.File)
}

const rounds = 40

// record is a number in two sectors, with a checksum.
func record(n int) []byte {
	b := make([]byte, 1024)
	binary.LittleEndian.PutUint64(b[508:], uint64(n)<<32|uint64(n))
	binary.LittleEndian.PutUint32(b[1020:], crc32.ChecksumIEEE(b[:1020]))
	return b
}

// counter is a crash of a program that counts on the disk, in so many slots,
// by turns.
func counter(t *testing.T, slots int) kerneltest.Crash { return recovering(t, slots, nil) }

// recovering is counter with something that is done to the disk at boot.
func recovering(t *testing.T, slots int, recover func(d hypercall.File) error) kerneltest.Crash {
	d, err := disk.New(64<<10, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := rawDisk{recover: recover}
	return kerneltest.Crash{
		Kernel: "host", Concurrent: true, Disk: d, Boot: r.boot, Loss: disk.Torn, Cuts: 300, Seed: 1,
		Workload: func(k *sys.Kernel, mark func(string)) error {
			for n := range rounds {
				if _, err := r.get(k).WriteAt(record(n), int64(n%slots)*1024); err != nil {
					return err
				}
				if err := r.get(k).Sync(); err != nil {
					return err
				}
				mark(fmt.Sprint(n))
			}
			return nil
		},
		Check: func(k *sys.Kernel, marks []string) error {
			last := -1
			for i := range slots {
				b := make([]byte, 1024)
				if _, err := r.get(k).ReadAt(b, int64(i)*1024); err != nil {
					return err
				}
				if n := int(binary.LittleEndian.Uint32(b[508:])); bytes.Equal(b, record(n)) {
					last = max(last, n)
				}
			}
			if last < len(marks)-1 {
				return fmt.Errorf("it has %d, and promised %d", last, len(marks)-1)
			}
			return nil
		},
	}
}

func TestCrashConsistency(t *testing.T) {
	kerneltest.CrashConsistency(t, counter(t, 2))
}

// TestCrashIsFound counts in one slot, which a power failure may tear.
func TestCrashIsFound(t *testing.T) {
	c := counter(t, 1)
	rec := &recorder{TB: t}
	kerneltest.CrashConsistency(rec, c)
	many := c
	many.Cuts = 3000
	r, err := many.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	disks := 0
	for _, f := range r.Failures {
		if f.Disk != nil {
			disks++
		}
	}
	if disks == 0 || disks > 16 || len(r.Failures) < 50 {
		t.Errorf("%d failures keep %d disks", len(r.Failures), disks)
	}
	line := regexp.MustCompile(kerneltest.CrashVar + `=(\S+) go test -artifacts -run '\^TestCrashIsFound\$' (\S+)`).FindStringSubmatch(rec.log.String())
	image := regexp.MustCompile(`image: (\S+)`).FindStringSubmatch(rec.log.String())
	if line == nil || image == nil || !strings.HasSuffix(line[2], "/backends/kerneltest") || !strings.Contains(rec.log.String(), "others") {
		t.Fatalf("a torn record was not found, or not told of:\n%s", rec.log.String())
	}
	if st, err := os.Stat(image[1]); err != nil || st.Size() != 64<<10 {
		t.Errorf("the image: %v", err)
	}
	t.Setenv(kerneltest.CrashVar, line[1])
	again := &recorder{TB: t}
	kerneltest.CrashConsistency(again, c)
	if s := again.log.String(); strings.Count(s, "again:") != 1 || !strings.Contains(s, line[1]) {
		t.Errorf("the line does not fail again:\n%s", s)
	}
}

// recorder is a test that only remembers what was said.
type recorder struct {
	testing.TB
	log strings.Builder
}

func (r *recorder) Helper()                   {}
func (r *recorder) Error(a ...any)            { fmt.Fprintln(&r.log, a...) }
func (r *recorder) Errorf(f string, a ...any) { fmt.Fprintf(&r.log, f+"\n", a...) }
func (r *recorder) Logf(string, ...any)       {}

// TestCrashAgain cleans up at boot, in a way that a power failure may not
// interrupt: nothing stands on the disk for a moment.
func TestCrashAgain(t *testing.T) {
	c := recovering(t, 2, func(d hypercall.File) error {
		both := make([]byte, 2048)
		if _, err := d.ReadAt(both, 0); err != nil {
			return err
		}
		_, err := d.WriteAt(make([]byte, 2048), 0)
		if err := errors.Join(err, d.Sync()); err != nil {
			return err
		}
		_, err = d.WriteAt(both, 0)
		return errors.Join(err, d.Sync())
	})
	if r, err := c.Run(t.Context()); err != nil || len(r.Failures) > 0 {
		t.Fatalf("without a second failure: %+v, %v", r, err)
	}
	c.Cuts, c.Again = 30, 5
	r, err := c.Run(t.Context())
	if err != nil || len(r.Failures) < 20 || !strings.Contains(r.Failures[0].Err.Error(), "again at event 2 of 4") {
		t.Errorf("with one: %+v, %v", r, err)
	}
}

func TestCrashErrors(t *testing.T) {
	broken := errors.New("broken")
	c := counter(t, 2)
	c.Workload = func(*sys.Kernel, func(string)) error { return broken }
	if _, err := c.Run(t.Context()); !errors.Is(err, broken) {
		t.Errorf("a workload that fails: %v", err)
	}
	c = counter(t, 2)
	c.Cuts, c.Repair = 5, func(*disk.Disk) error { return broken }
	made := 0
	c.Progress = func(n, failed int) { made = n }
	r, err := c.Run(t.Context())
	if err != nil || len(r.Failures) != 5 || !errors.Is(r.Failures[0].Err, broken) || made != 5 {
		t.Errorf("a repair that fails: %+v, %v, %d told", r, err, made)
	}
	c = counter(t, 2)
	c.Only = []disk.Cut{{Point: 1 << 20}}
	if r, err := c.Run(t.Context()); err != nil || len(r.Failures) != 1 || r.Failures[0].Disk != nil {
		t.Errorf("a cut behind the end: %+v, %v", r, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c = counter(t, 2)
	c.Progress = func(n, failed int) { cancel() }
	if r, err := c.Run(ctx); !errors.Is(err, context.Canceled) || r.Cuts == 300 {
		t.Errorf("a run that was given up: %+v, %v", r, err)
	}
}
