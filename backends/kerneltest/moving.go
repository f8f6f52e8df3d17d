package kerneltest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/linux"
)

func testMemfd(t T, k *sys.Kernel) {
	f, err := linux.Memfd(k.Init(), "test", linux.MFD_CLOEXEC|linux.MFD_ALLOW_SEALING)
	must(t, err)
	defer f.Close()
	if _, err := f.WriteString("content"); err != nil {
		t.Fatalf("%v", err)
	}
	if s, err := linux.GetSeals(f); s != 0 || err != nil {
		t.Errorf("a new file has seals %v, %v", s, err)
	}
	must(t, linux.AddSeals(f, linux.F_SEAL_GROW|linux.F_SEAL_SHRINK))
	if err := f.Truncate(100); !errors.Is(err, sys.EPERM) {
		t.Errorf("growing a file sealed against it: %v, want EPERM", err)
	}
	if _, err := f.WriteAt([]byte("C"), 0); err != nil {
		t.Errorf("writing to a file not sealed against it: %v", err)
	}
	must(t, linux.AddSeals(f, linux.F_SEAL_WRITE|linux.F_SEAL_SEAL))
	if _, err := f.WriteAt([]byte("c"), 0); !errors.Is(err, sys.EPERM) {
		t.Errorf("writing to a file sealed against it: %v, want EPERM", err)
	}
	all := linux.F_SEAL_GROW | linux.F_SEAL_SHRINK | linux.F_SEAL_WRITE | linux.F_SEAL_SEAL
	if s, err := linux.GetSeals(f); s != all || err != nil {
		t.Errorf("the seals are %v, %v, want %v", s, err, all)
	}
	if err := linux.AddSeals(f, linux.F_SEAL_EXEC); !errors.Is(err, sys.EPERM) && !errors.Is(err, sys.EINVAL) {
		t.Errorf("adding seals to a file sealed against it: %v, want EPERM", err)
	}
	b := make([]byte, 20)
	if n, err := f.ReadAt(b, 0); string(b[:n]) != "Content" || err != io.EOF {
		t.Errorf("the file has %q, %v", b[:n], err)
	}
}

func testMemfdShared(t T, k *sys.Kernel) {
	if reason := k.Capabilities().Missing(backends.Processes); reason != "" {
		t.Logf("no processes: %s", reason)
		return
	}
	p := k.Init()
	f, err := linux.Memfd(p, "shared", 0)
	must(t, err)
	defer f.Close()
	child, err := p.Fork(t.Context(), backends.CopiedDescriptors)
	must(t, err)
	defer child.Close()
	theirs := child.FD(f.FD())
	if _, err := f.WriteAt([]byte("from the parent"), 0); err != nil {
		t.Fatalf("%v", err)
	}
	b := make([]byte, 15)
	if _, err := theirs.ReadAt(b, 0); string(b) != "from the parent" || err != nil {
		t.Errorf("the child reads %q, %v", b, err)
	}
	if _, err := theirs.WriteAt([]byte("to"), 0); err != nil {
		t.Fatalf("%v", err)
	}
	if _, err := f.ReadAt(b, 0); string(b) != "toom the parent" || err != nil {
		t.Errorf("the parent reads %q, %v", b, err)
	}
}

func testSplice(t T, k *sys.Kernel) {
	const size = 1 << 20
	p := k.Init()
	dir := tempDir(t, p)
	data := pattern(size)
	src := create(t, p, dir+"/src", data)
	want := sha256.Sum256(data)
	check := func(what string, f *sys.File) {
		t.Helper()
		got := make([]byte, size+1)
		n, err := f.ReadAt(got, 0)
		if n != size || err != io.EOF || sha256.Sum256(got[:n]) != want {
			t.Errorf("%s: %d bytes, %v, that differ or are not all", what, n, err)
		}
	}
	spliced := create(t, p, dir+"/spliced", nil)
	must(t, spliceThrough(p, spliced, src, size))
	check("splice", spliced)
	sent := create(t, p, dir+"/sent", nil)
	var off int64
	for off < size {
		n, err := linux.Sendfile(sent, src, &off, size)
		must(t, err)
		if n == 0 {
			t.Fatalf("sendfile ends at %d", off)
		}
	}
	check("sendfile", sent)
	testTee(t, p)
	testVmsplice(t, p)
}

// spliceThrough moves size bytes from src to dst through a pipe.
func spliceThrough(p *sys.Process, dst, src *sys.File, size int) error {
	r, w, err := p.Pipe(sys.O_CLOEXEC)
	if err != nil {
		return err
	}
	defer r.Close()
	defer w.Close()
	var from, to int64
	for int(to) < size {
		n, err := linux.Splice(w, nil, src, &from, 16<<10, linux.SPLICE_F_MOVE)
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		for n > 0 {
			m, err := linux.Splice(dst, &to, r, nil, n, linux.SPLICE_F_MOVE)
			if err != nil {
				return err
			}
			n -= m
		}
	}
	return nil
}

func testTee(t T, p *sys.Process) {
	r1, w1, err := p.Pipe(sys.O_CLOEXEC)
	must(t, err)
	r2, w2, err := p.Pipe(sys.O_CLOEXEC)
	must(t, err)
	defer func() { must(t, r1.Close(), w1.Close(), r2.Close(), w2.Close()) }()
	if _, err := w1.WriteString("twice"); err != nil {
		t.Fatalf("%v", err)
	}
	if n, err := linux.Tee(w2, r1, 100, 0); n != 5 || err != nil {
		t.Fatalf("tee: %d, %v", n, err)
	}
	for i, r := range []*sys.File{r1, r2} {
		b := make([]byte, 10)
		if n, err := r.Read(b); string(b[:n]) != "twice" || err != nil {
			t.Errorf("pipe %d has %q, %v", i, b[:n], err)
		}
	}
}

func testVmsplice(t T, p *sys.Process) {
	r, w, err := p.Pipe(sys.O_CLOEXEC)
	must(t, err)
	defer func() { must(t, r.Close(), w.Close()) }()
	parts := [][]byte{[]byte("one "), []byte("two")}
	n, err := linux.Vmsplice(w, parts, 0)
	if isUnsupported(err) {
		t.Logf("vmsplice: %v", err)
		return
	}
	b := make([]byte, 10)
	m, readErr := r.Read(b)
	if n != 7 || err != nil || !bytes.Equal(b[:m], []byte("one two")) || readErr != nil {
		t.Errorf("vmsplice: %d, %v, the pipe has %q, %v", n, err, b[:m], readErr)
	}
}
