package kerneltest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// directoryCases are about reading directories.
var directoryCases = []Case{
	{Name: "directories of 10,000 entries", Needs: backends.Files, Run: testLargeDirectory},
	{Name: "directories are read in pieces", Needs: backends.Files, Run: testReadDir},
	{Name: "directories are read 4,000 times", Needs: backends.Files, Run: testDirectoryLoop},
}

func testLargeDirectory(t T, k *sys.Kernel) {
	const many = 10000
	p := k.Init()
	path := tempDir(t, p)
	dir, err := p.Open(path, sys.O_RDONLY|sys.O_DIRECTORY, 0)
	must(t, err)
	defer dir.Close()
	for i := range many {
		f, err := dir.OpenAt(fmt.Sprintf("file-%05d", i), sys.O_WRONLY|sys.O_CREAT|sys.O_EXCL, 0o600)
		must(t, err)
		must(t, f.Close())
	}
	for round := range 2 {
		seen := map[string]int{}
		for e, err := range dir.Entries() {
			if err != nil {
				t.Fatalf("%v", err)
			}
			if e.Ino() == 0 || e.Type() != 0 {
				t.Fatalf("entry %v has number %d and type %v", e.Name(), e.Ino(), e.Type())
			}
			seen[e.Name()]++
		}
		for i := range many {
			if name := fmt.Sprintf("file-%05d", i); seen[name] != 1 {
				t.Fatalf("round %d: %s is there %d times", round, name, seen[name])
			}
		}
		if len(seen) != many {
			t.Fatalf("round %d: there are %d names, want %d", round, len(seen), many)
		}
	}
}

func testReadDir(t T, k *sys.Kernel) {
	p := k.Init()
	path := tempDir(t, p)
	for _, name := range []string{"c", "a", "b"} {
		must(t, p.WriteFile(path+"/"+name, []byte(name), 0o600))
	}
	dir, err := p.Open(path, sys.O_RDONLY|sys.O_DIRECTORY, 0)
	must(t, err)
	defer dir.Close()
	first, err1 := dir.ReadDir(2)
	rest, err2 := dir.ReadDir(2)
	none, err3 := dir.ReadDir(2)
	if len(first) != 2 || len(rest) != 1 || len(none) != 0 || err1 != nil || err2 != nil || err3 != io.EOF {
		t.Errorf("in pieces of two: %v %v, %v %v, %v %v", first, err1, rest, err2, none, err3)
	}
	if all, err := dir.ReadDir(-1); len(all) != 0 || err != nil {
		t.Errorf("all that is left at the end: %v, %v, want nothing", all, err)
	}
	_, err = dir.Seek(0, io.SeekStart)
	must(t, err)
	if all, err := dir.Readdirnames(0); len(all) != 3 || err != nil {
		t.Errorf("after a rewind: %v, %v", all, err)
	}
	sorted, err := p.ReadDir(path)
	if err != nil || len(sorted) != 3 || sorted[0].Name() != "a" || sorted[2].Name() != "c" {
		t.Errorf("sorted: %v, %v", sorted, err)
	}
	if info, err := sorted[1].Info(); err != nil || info.Name() != "b" || info.Size() != 1 || !info.Mode().IsRegular() {
		t.Errorf("the info of an entry is %v, %v", info, err)
	}
	if _, err := p.ReadDir(path + "/a"); !errors.Is(err, sys.ENOTDIR) {
		t.Errorf("reading a file as a directory: %v, want ENOTDIR", err)
	}
	if _, err := p.ReadDir(path + "/missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading a missing directory: %v, want fs.ErrNotExist", err)
	}
}

// testDirectoryLoop would run out of descriptors if one were lost.
func testDirectoryLoop(t T, k *sys.Kernel) {
	p := k.Init()
	path := tempDir(t, p)
	must(t, p.WriteFile(path+"/x", nil, 0o600))
	var first int
	for i := range 4000 {
		f, err := p.Open(path, sys.O_RDONLY|sys.O_DIRECTORY, 0)
		must(t, err)
		if i == 0 {
			first = f.FD()
		} else if f.FD() > first+100 {
			t.Fatalf("descriptors are lost: the number is %d, and was %d", f.FD(), first)
		}
		names, err := f.Readdirnames(-1)
		if len(names) != 1 || err != nil {
			t.Fatalf("%v, %v", names, err)
		}
		must(t, f.Close())
	}
}
