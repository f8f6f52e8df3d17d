package fsimages

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Tree makes a folder with files of several sizes, a folder in it and a link.
func Tree(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	var numbers bytes.Buffer
	for i := range 20000 {
		fmt.Fprintln(&numbers, i)
	}
	for name, data := range map[string][]byte{
		"readme.txt": []byte("hello\n"), "empty": nil, "sub/numbers": numbers.Bytes(), "sub/deeper/x": bytes.Repeat([]byte("x"), 5000),
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("readme.txt", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// withoutLinks is a tree less its symbolic links.
type withoutLinks struct{ fs.FS }

func (w withoutLinks) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(w.FS, name)
	var list []fs.DirEntry
	for _, e := range all {
		if e.Type()&fs.ModeSymlink == 0 {
			list = append(list, e)
		}
	}
	return list, err
}
