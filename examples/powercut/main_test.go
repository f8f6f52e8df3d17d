package main

import (
	"io"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/hypercall/disk"
)

func need(t *testing.T, f *filesystem) {
	t.Helper()
	b, err := backends.Lookup("rump")
	if err == nil {
		err = b.Ready()
	}
	if err != nil {
		t.Skip(err)
	}
	if _, err := exec.LookPath("/usr/sbin/" + f.mkfs[0]); err != nil {
		t.Skipf("%v (remedy: apt-get install makefs e2fsprogs dosfstools)", err)
	}
}

func get(t *testing.T, name string) *filesystem {
	t.Helper()
	list, err := choose([]string{name})
	if err != nil {
		t.Fatal(err)
	}
	need(t, &list[0])
	return &list[0]
}

// TestSurvivors: an FFS with a log survives a thousand power failures, however
// the disk loses what it had not flushed.
func TestSurvivors(t *testing.T) {
	o := options{cuts: 1000, seed: 1}
	if testing.Short() {
		o.cuts = 50
	}
	for o.loss = disk.Tail; o.loss <= disk.Torn; o.loss++ {
		t.Run(o.loss.String(), func(t *testing.T) { survive(t, "ffs+log", o) })
	}
	o.loss = disk.Torn
	t.Run("large sectors", func(t *testing.T) { survive(t, "ffs+log/4096", o) })
}

func survive(t *testing.T, name string, o options) {
	c, err := get(t, name).crash(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	kerneltest.CrashConsistency(t, *c)
}

// TestSame: a seed writes the same every time, so that a failure can be seen
// again.
func TestSame(t *testing.T) {
	for _, name := range []string{"ffs+log", "ext2"} {
		c, err := get(t, name).crash(t.Context(), options{cuts: 1, seed: 7})
		if err != nil {
			t.Fatal(err)
		}
		var logs [2]*disk.Log
		for i := range logs {
			r, err := c.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			logs[i] = r.Log
		}
		if logs[0].Len() != logs[1].Len() || logs[0].Len() < 100 {
			t.Fatalf("%s: %d events, then %d", name, logs[0].Len(), logs[1].Len())
		}
		for i := range logs[0].Len() {
			if a, b := logs[0].Event(i), logs[1].Event(i); !reflect.DeepEqual(a, b) {
				t.Fatalf("%s: event %d is a %v, then a %v", name, i, a, b)
			}
		}
	}
}

// TestVictims: what should not survive does not, which shows that the disk
// really loses something.
func TestVictims(t *testing.T) {
	for _, v := range []struct {
		name string
		loss disk.Loss
		most int // that survive, of 50
	}{
		{"ffs", disk.Tail, 15},               // nothing repairs it
		{"ffs+log/fsync", disk.Tail, 40},     // fsync(2) of a file is not enough
		{"ffs+log/liar", disk.Reordered, 25}, // a log is no use on a disk that lies
	} {
		r, err := get(t, v.name).cut(t.Context(), options{cuts: 50, seed: 1, loss: v.loss}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.survived() > v.most || r.example == "" {
			t.Errorf("%s: %+v", v.name, r)
		}
	}
	o := options{cuts: 50, seed: 1, loss: disk.Tail}
	if r, err := get(t, "ffs+log/liar").cut(t.Context(), o, nil); err != nil || r.survived() != r.cuts {
		t.Errorf("a disk that lies about order that it keeps: %+v, %v", r, err)
	}
}

// TestAgain: the power fails again while a kernel recovers. NetBSD starts its
// log anew with two writes, between which an older log is valid again; e2fsck
// has no such moment.
func TestAgain(t *testing.T) {
	o := options{cuts: 20, again: 100, seed: 1, loss: disk.Tail} // at every event of a recovery
	if testing.Short() {
		t.Skip("takes a minute")
	}
	r, err := get(t, "ffs+log").cut(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.lost == 0 || r.lost != r.cuts-r.survived() || !strings.Contains(r.example, "of the recovery") {
		t.Errorf("ffs+log: %+v", r)
	}
	o.again = 10
	if r, err = get(t, "ext2+e2fsck").cut(t.Context(), o, nil); err != nil || r.survived() != r.cuts {
		t.Errorf("ext2+e2fsck: %+v, %v", r, err)
	}
}

func TestTable(t *testing.T) {
	get(t, "ext2")
	var b strings.Builder
	if err := run(t.Context(), &b, io.Discard, options{cuts: 5, seed: 1, names: []string{"ffs+log", "ext2+e2fsck"}}); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^ffs\+log +5 +5 +0 +0 +0 *$\n^ext2\+e2fsck +5 `).MatchString(b.String()) {
		t.Errorf("the table is\n%s", b.String())
	}
	if err := run(t.Context(), &b, io.Discard, options{names: []string{"zfs"}}); err == nil || !strings.Contains(err.Error(), "ffs+log") {
		t.Errorf("a file system that is not known: %v", err)
	}
}
