package kerneltest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"testing/fstest"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// treeCases are about trees of files, and kernels as io/fs.
var treeCases = []Case{
	{Name: "io/fs over the kernel", Needs: backends.Files, Run: testFS},
	{Name: "trees are copied", Needs: backends.Files, Run: testCopyFS},
	{Name: "trees are removed without following links", Needs: backends.Files, Run: testRemoveAll},
	{Name: "files are copied and touched", Needs: backends.Files, Run: testCopyFile},
	{Name: "temporary files", Needs: backends.Files, Run: testTemp},
}

// sampleTree has what trees have.
var sampleTree = fstest.MapFS{
	"hello.txt":      {Data: []byte("hello\n"), Mode: 0o644},
	"empty":          {Mode: 0o600},
	"bin/tool":       {Data: pattern(300000), Mode: 0o755},
	"a/b/c/deep.txt": {Data: []byte("deep"), Mode: 0o444},
	"a/link":         {Data: []byte("../hello.txt"), Mode: fs.ModeSymlink | 0o777},
}

func testFS(t T, k *sys.Kernel) {
	p := k.Init()
	dir := tempDir(t, p)
	tree := maps.Clone(sampleTree)
	tree["bin/tool"] = &fstest.MapFile{Data: pattern(5000), Mode: 0o755} // it is read byte by byte
	must(t, p.CopyFS(dir, tree))
	fsys := p.FS(dir)
	if err := fstest.TestFS(fsys, "hello.txt", "empty", "bin/tool", "a/b/c/deep.txt", "a/link"); err != nil {
		t.Errorf("%v", err)
	}
	if target, err := fs.ReadLink(fsys, "a/link"); target != "../hello.txt" || err != nil {
		t.Errorf("ReadLink: %q, %v", target, err)
	}
	_, err := fs.Stat(fsys, "missing")
	var pathErr *fs.PathError
	if !errors.As(err, &pathErr) || !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, sys.ENOENT) {
		t.Errorf("stat of a missing file: %v, want a PathError that is ENOENT", err)
	}
}

func testCopyFS(t T, k *sys.Kernel) {
	p := k.Init()
	dir := tempDir(t, p)
	must(t, p.CopyFS(dir+"/one", sampleTree), p.CopyFS(dir+"/two", p.FS(dir+"/one")))
	for name, want := range sampleTree {
		got, err := p.Lstat(dir + "/two/" + name)
		if err != nil || got.Mode.Type() != want.Mode.Type() || want.Mode.IsRegular() && got.Mode != want.Mode {
			t.Errorf("%s has mode %v, %v, want %v", name, got.Mode, err, want.Mode)
		}
		if !want.Mode.IsRegular() {
			continue
		}
		if data, err := p.ReadFile(dir + "/two/" + name); err != nil || !bytes.Equal(data, want.Data) {
			t.Errorf("%s has %d bytes, %v, want %d", name, len(data), err, len(want.Data))
		}
	}
	if err := p.CopyFS(dir+"/one", sampleTree); !errors.Is(err, fs.ErrExist) {
		t.Errorf("copying over what is there: %v, want fs.ErrExist", err)
	}
	// A tree that leads out of where it is copied to.
	must(t, p.Mkdir(dir+"/outside", 0o755), p.Mkdir(dir+"/in", 0o755), p.Symlink("../outside", dir+"/in/x"))
	if err := p.CopyFS(dir+"/in", fstest.MapFS{"x/evil": {Data: []byte("!")}}); err == nil {
		t.Errorf("copying through a symbolic link succeeded")
	}
	if list, err := p.ReadDir(dir + "/outside"); len(list) != 0 || err != nil {
		t.Errorf("outside of the tree there are %v, %v", list, err)
	}
}

func testRemoveAll(t T, k *sys.Kernel) {
	p := k.Init()
	dir := tempDir(t, p)
	must(t,
		p.CopyFS(dir+"/keep", sampleTree),
		p.CopyFS(dir+"/go", sampleTree),
		p.Symlink("../keep", dir+"/go/link"),
		p.Symlink("keep", dir+"/direct"),
		p.RemoveAll(dir+"/go"),
		p.RemoveAll(dir+"/direct"),
		p.RemoveAll(dir+"/never/was"))
	for _, name := range []string{"go", "direct"} {
		if _, err := p.Lstat(dir + "/" + name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
	if data, err := p.ReadFile(dir + "/keep/a/b/c/deep.txt"); string(data) != "deep" || err != nil {
		t.Errorf("what a link led to has gone: %q, %v", data, err)
	}
	for _, path := range []string{"", "/", ".", "x/..", "//"} {
		if err := p.RemoveAll(path); err == nil {
			t.Errorf("RemoveAll(%q) succeeded", path)
		}
	}
}

func testCopyFile(t T, k *sys.Kernel) {
	p := k.Init()
	dir := tempDir(t, p)
	data := pattern(1 << 20)
	must(t, p.WriteFile(dir+"/a", data, 0o600), p.Chmod(dir+"/a", 0o751), p.CopyFile(dir+"/b", dir+"/a"))
	got, err := p.ReadFile(dir + "/b")
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("the copy has %d bytes, %v", len(got), err)
	}
	if st, err := p.Stat(dir + "/b"); err != nil || st.Mode != 0o751 {
		t.Errorf("the copy has mode %v, %v", st.Mode, err)
	}
	past := sys.TimeAt(time.Unix(1e9, 0))
	must(t, p.Chtimes(dir+"/b", past, past), p.Touch(dir+"/b"), p.Touch(dir+"/c"))
	if st, err := p.Stat(dir + "/b"); err != nil || st.Mtime.Unix() == 1e9 || st.Size != 1<<20 {
		t.Errorf("after touch: %v, %v", &st, err)
	}
	if st, err := p.Stat(dir + "/c"); err != nil || st.Size != 0 {
		t.Errorf("touch of a new file: %v, %v", &st, err)
	}
	r, w, err := p.Pipe(sys.O_CLOEXEC)
	must(t, err)
	sent := make(chan error, 1)
	go func() {
		_, err := w.ReadFrom(bytes.NewReader(data))
		sent <- errors.Join(err, w.Close())
	}()
	to := create(t, p, dir+"/d", nil)
	if n, err := io.Copy(to, r); n != 1<<20 || err != nil {
		t.Errorf("copying from a pipe: %d, %v", n, err)
	}
	must(t, <-sent, r.Close())
}

func testTemp(t T, k *sys.Kernel) {
	p := k.Init()
	dir := tempDir(t, p)
	names := map[string]bool{}
	for range 20 {
		f, err := p.CreateTemp(dir, "x*.txt")
		must(t, err)
		names[f.Name()] = true
		if st, err := f.Stat(); err != nil || st.Mode != 0o600 {
			t.Errorf("a temporary file has mode %v, %v", st.Mode, err)
		}
		must(t, f.Close())
	}
	if len(names) != 20 {
		t.Errorf("20 temporary files have %d names", len(names))
	}
	if _, err := p.CreateTemp(dir, "a/b"); err == nil {
		t.Errorf("a pattern with a slash was taken")
	}
}
