package disk_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/anykernel/anykernel/hypercall/disk"
)

// history writes a letter to each of 8 sectors: A before a barrier, then B and
// C to the same sector, and a write of four sectors.
func history(t *testing.T) *disk.Log {
	l := disk.NewLog(newDisk(t, 4096, disk.Options{}), 0)
	write(t, l, 0, sector('A'))
	l.Sync()
	l.Mark("A")
	write(t, l, 512, sector('B'))
	write(t, l, 512, sector('C'))
	write(t, l, 2048, bytes.Repeat([]byte("DEFG"), 512))
	return l
}

// letters is the first byte of each sector, and a failure for mixed sectors.
func letters(t *testing.T, d *disk.Disk) string {
	t.Helper()
	var s []byte
	for b := range slices.Chunk(content(t, d), 512) {
		s = append(s, max(b[0], '.'))
	}
	return string(s)
}

func TestCuts(t *testing.T) {
	l := history(t)
	if l.Len() != 6 || l.Event(1).Op != disk.OpBarrier || fmt.Sprint(l.Event(3)) != "write 512 bytes at 512" {
		t.Fatalf("the log has %d events, the second is %v, the fourth %v", l.Len(), l.Event(1), l.Event(3))
	}
	if got := fmt.Sprint(l.Marks(2), l.Marks(3)); got != "[] [A]" {
		t.Errorf("marks: %s", got)
	}
	seen := map[disk.Loss]map[string]bool{}
	for _, loss := range []disk.Loss{disk.Tail, disk.Reordered, disk.Torn} {
		seen[loss] = map[string]bool{}
		for cut := range l.Cuts(7*1000, 1, loss) {
			d, err := l.At(cut)
			if err != nil {
				t.Fatal(err)
			}
			s := letters(t, d)
			seen[loss][fmt.Sprint(cut.Point, " ", s)] = true
			if cut.Point >= 2 && s[0] != 'A' {
				t.Fatalf("cut %v lost what a barrier had covered: %s", cut, s)
			}
			if again, err := l.At(cut); err != nil || letters(t, again) != s {
				t.Fatalf("cut %v gives %s, then %s, %v", cut, s, letters(t, again), err)
			}
		}
	}
	for loss, want := range map[disk.Loss]int{disk.Tail: 7, disk.Reordered: 1 + 2 + 1 + 1 + 2 + 3 + 6, disk.Torn: 1 + 2 + 1 + 1 + 2 + 3 + 3*16} {
		if got := len(seen[loss]); got != want {
			t.Errorf("loss %v has %d outcomes, want all %d: %v", loss, got, want, seen[loss])
		}
	}
}

// TestCheckpoints compares disks at any point of a long log with disks that
// were written in the same order.
func TestCheckpoints(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	start := newDisk(t, 1<<20, disk.Options{})
	write(t, start, 0, sector('!'))
	l, same := disk.NewLog(start, 0), start.Snapshot()
	write(t, start, 0, sector('?'))
	at := map[int][]byte{}
	for i := range 1500 {
		if rng.IntN(100) == 0 || i == 1499 {
			at[l.Len()] = content(t, same)
		}
		if rng.IntN(5) == 0 {
			l.Sync()
			continue
		}
		off, b := rng.Int64N(2000)*512, sector(byte(rng.Uint32()))
		write(t, l, off, b)
		write(t, same, off, b)
	}
	for point, want := range at {
		d, err := l.At(disk.Cut{Point: point})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(content(t, d), want) {
			t.Errorf("the disk at point %d is not what was written before", point)
		}
	}
	if _, err := l.At(disk.Cut{Point: l.Len() + 1}); err == nil {
		t.Error("a cut behind the end of the log")
	}
}

func TestSample(t *testing.T) {
	l := history(t)
	for _, n := range []int{0, 1, 3, 7, 10, 1000} {
		cuts := slices.Collect(l.Cuts(n, 9, disk.Torn))
		want := n
		if n == 0 {
			want = l.Len() + 1
		}
		unique := map[disk.Cut]bool{}
		for _, c := range cuts {
			unique[c] = true
		}
		if len(cuts) != want || len(unique) != want {
			t.Errorf("%d cuts were asked for: %d came, %d of them different", n, len(cuts), len(unique))
		}
		if !slices.Equal(cuts, slices.Collect(l.Cuts(n, 9, disk.Torn))) {
			t.Errorf("%d cuts: the same seed chose others", n)
		}
	}
}

func TestCutText(t *testing.T) {
	c := disk.Cut{Point: 120, Loss: disk.Torn, Seed: 1<<64 - 1}
	if back, err := disk.ParseCut(c.String()); back != c || err != nil {
		t.Errorf("%s is read as %v, %v", c, back, err)
	}
	for _, text := range []string{"", "1", "1:torn", "1:torn:2:3", "x:torn:1", "-1:torn:1", "1:ripped:1", "1:torn:-1", " 1:torn:1", "99999999999:torn:1"} {
		if c, err := disk.ParseCut(text); err == nil {
			t.Errorf("%q is read as %v", text, c)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add("120:torn:7")
	f.Add("0:tail:18446744073709551615")
	f.Add("1::2")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := disk.ParseCut(text)
		if err != nil {
			return
		}
		if back, err := disk.ParseCut(c.String()); back != c || err != nil {
			t.Errorf("%q is %v, which is read as %v, %v", text, c, back, err)
		}
	})
}

func TestLogLimit(t *testing.T) {
	l := disk.NewLog(newDisk(t, 1<<20, disk.Options{}), 100<<10)
	for i := range 1000 {
		write(t, l, int64(i)*512, sector(1))
	}
	if err := l.Err(); !errors.Is(err, disk.ErrLogFull) {
		t.Errorf("a log of 100 KiB kept 500: %v", err)
	}
	if n := l.Len(); n == 0 || n > 200 {
		t.Errorf("a log of 100 KiB has %d writes of 512 bytes", n)
	}
	if c := content(t, l); c[999*512] != 1 {
		t.Error("the disk stopped with the log")
	}
}

// BenchmarkAt makes disks of cuts of a log of 10,000 writes, with a barrier
// behind every fourth.
func BenchmarkAt(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 6))
	l := disk.NewLog(newDisk(b, 64<<20, disk.Options{}), 0)
	for i := range 10_000 {
		write(b, l, rng.Int64N(16000)*4096, make([]byte, 4096))
		if i%4 == 3 {
			l.Sync()
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.At(disk.Cut{Point: rng.IntN(l.Len()), Loss: disk.Torn, Seed: rng.Uint64()}); err != nil {
			b.Fatal(err)
		}
	}
}
