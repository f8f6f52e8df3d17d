package kerneltest

import (
	"errors"
	"fmt"
	"io"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// descriptorCases are about descriptors as such.
var descriptorCases = []Case{
	{Name: "descriptors close when unreachable", Needs: backends.Files, Run: testUnreachable},
	{Name: "descriptors close once", Needs: backends.Files, Run: testCloseOnce},
	{Name: "descriptors are duplicated", Needs: backends.Files, Run: testDup},
	{Name: "pipes carry data", Run: testPipe},
	{Name: "flags of descriptors", Needs: backends.Files, Run: testDescriptorFlags},
}

// holds reports whether the number is open and is the file that st tells of.
func holds(p *sys.Process, num int, st *sys.Stat) bool {
	now, err := p.FD(num).Stat()
	return err == nil && now.SameFile(st)
}

func testUnreachable(t T, k *sys.Kernel) {
	const many = 200
	p := k.Init()
	path := tempDir(t, p) + "/file"
	f := create(t, p, path, nil)
	st, err := f.Stat()
	must(t, err)
	var nums []int
	func() {
		for range many {
			g, err := p.Open(path, sys.O_RDONLY, 0)
			must(t, err)
			nums = append(nums, g.FD())
		}
	}()
	kept := func() int {
		g, err := p.Open(path, sys.O_RDONLY, 0)
		must(t, err)
		g.Keep()
		return g.FD()
	}()
	open := 0
	ok := collect(func() bool {
		open = 0
		for _, n := range nums {
			if holds(p, n, &st) {
				open++
			}
		}
		// The number that is kept may be one of those that were collected
		// while they were being opened.
		return open == 0 || open == 1 && holds(p, kept, &st)
	})
	if !ok {
		t.Errorf("%d of %d files that nothing refers to are still open", open, many)
	}
	if !holds(p, kept, &st) {
		t.Errorf("a file that Keep was called on was closed")
	}
	must(t, p.FD(kept).Close())
}

func testCloseOnce(t T, k *sys.Kernel) {
	p := k.Init()
	path := tempDir(t, p) + "/file"
	f := create(t, p, path, nil)
	other := create(t, p, path+"2", nil)
	st, err := other.Stat()
	must(t, err)
	g, err := f.Dup()
	must(t, err)
	num := g.FD()
	must(t, g.Close())
	reuse, err := other.DupTo(num, sys.O_CLOEXEC)
	must(t, err)
	defer reuse.Close()
	must(t, g.Close(), g.With(t.Context()).Close())
	g = nil
	if collect(func() bool { return !holds(p, num, &st) }) {
		t.Errorf("a second close closed a number that had been given to another file")
	}
}

func testDup(t T, k *sys.Kernel) {
	p := k.Init()
	f := create(t, p, tempDir(t, p)+"/file", pattern(100))
	g, err := f.Dup()
	must(t, err)
	if _, err := f.Seek(40, io.SeekStart); err != nil {
		t.Fatalf("%v", err)
	}
	if off, err := g.Tell(); off != 40 || err != nil {
		t.Errorf("a duplicate's offset is %d, %v, want 40", off, err)
	}
	if on, err := g.CloseOnExec(); !on || err != nil {
		t.Errorf("a duplicate does not close on exec: %v, %v", on, err)
	}
	must(t, g.Close())
	high, err := f.DupFrom(100)
	if err != nil || high.FD() < 100 {
		t.Errorf("DupFrom(100): %d, %v", high.FD(), err)
	}
	must(t, high.Close())
	if _, err := f.Tell(); err != nil {
		t.Errorf("closing a duplicate closed the file: %v", err)
	}
}

func testPipe(t T, k *sys.Kernel) {
	p := k.Init()
	r, w, err := p.Pipe(sys.O_CLOEXEC)
	must(t, err)
	defer r.Close()
	data := pattern(1 << 20)
	sent := make(chan error, 1)
	go func() {
		_, err := w.Write(data)
		sent <- errors.Join(err, w.Close())
	}()
	got, err := io.ReadAll(r)
	if err != nil || string(got) != string(data) {
		t.Errorf("1 MiB through a pipe: %d bytes, %v", len(got), err)
	}
	if err := <-sent; err != nil {
		t.Errorf("writing to a pipe: %v", err)
	}
	if st, err := r.Stat(); err != nil || st.TypeName() != "fifo" {
		t.Errorf("a pipe is a %s, %v", st.TypeName(), err)
	}
	if _, err := r.Seek(0, io.SeekStart); !errors.Is(err, sys.ESPIPE) {
		t.Errorf("seek of a pipe: %v, want ESPIPE", err)
	}
}

func testDescriptorFlags(t T, k *sys.Kernel) {
	p := k.Init()
	path := tempDir(t, p) + "/file"
	create(t, p, path, []byte("x"))
	f, err := p.Open(path, sys.O_RDWR|sys.O_APPEND, 0)
	must(t, err)
	defer f.Close()
	flags, err := f.Flags()
	if got := flags & (sys.O_ACCMODE | sys.O_APPEND | sys.O_NONBLOCK); err != nil || got != sys.O_RDWR|sys.O_APPEND {
		t.Errorf("flags are %v, %v", flags, err)
	}
	must(t, f.SetFlags(sys.O_NONBLOCK))
	flags, err = f.Flags()
	if got := flags & (sys.O_ACCMODE | sys.O_APPEND | sys.O_NONBLOCK); err != nil || got != sys.O_RDWR|sys.O_NONBLOCK {
		t.Errorf("flags after SetFlags are %v, %v", flags, err)
	}
	for _, on := range []bool{true, false, true} {
		must(t, f.SetCloseOnExec(on))
		if got, err := f.CloseOnExec(); got != on || err != nil {
			t.Errorf("close on exec is %v, %v, want %v", got, err, on)
		}
	}
	if s := fmt.Sprint(sys.O_RDWR | sys.O_APPEND); s != "O_RDWR|O_APPEND" {
		t.Errorf("flags print as %q", s)
	}
}
