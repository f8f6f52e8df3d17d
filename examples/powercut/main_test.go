//go:build cgo && linux && (amd64 || arm64)

package main

import (
	"io"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/hypercall/disk"
	"github.com/anykernel/anykernel/rump/kit"
)

func need(t *testing.T, f *filesystem) {
	t.Helper()
	if err := kit.Present(kit.DefaultDir()); err != nil {
		t.Skipf("%v (remedy: %s)", err, kit.Remedy)
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
	for o.loss = range disk.Torn + 1 {
		t.Run(o.loss.String(), func(t *testing.T) {
			c, err := get(t, "ffs+log").crash(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			kerneltest.CrashConsistency(t, *c)
		})
	}
}

// TestVictims: without a log and without repair an FFS does not survive, which
// shows that the disk really loses something.
func TestVictims(t *testing.T) {
	r, err := get(t, "ffs").cut(t.Context(), options{cuts: 20, seed: 1, loss: disk.Tail}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.panicked < 10 || r.example == "" {
		t.Errorf("%+v", r)
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
