package sys_test

import (
	"context"
	"fmt"
	"io/fs"
	"testing/fstest"

	_ "github.com/anykernel/anykernel/backends/sentry"
	"github.com/anykernel/anykernel/sys"
)

// A tree of files goes into a kernel, and is read there as any other fs.FS.
func ExampleProcess_CopyFS() {
	k, err := sys.Open(context.Background(), "sentry")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer k.Close()
	p := k.Init()
	site := fstest.MapFS{
		"index.html":   {Data: []byte("<h1>hello</h1>"), Mode: 0o644},
		"css/main.css": {Data: []byte("h1 {}"), Mode: 0o644},
	}
	if err := p.CopyFS("/srv/www", site); err != nil {
		fmt.Println(err)
		return
	}
	err = fs.WalkDir(p.FS("/srv/www"), ".", func(path string, d fs.DirEntry, err error) error {
		fmt.Println(d, path)
		return err
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// d ./ .
	// d css/ css
	// - main.css css/main.css
	// - index.html index.html
}

func ExampleParseMode() {
	for _, text := range []string{"0640", "rwxu, rgrp", "u=rw,g=r"} {
		mode, err := sys.ParseMode(text)
		fmt.Println(mode, err)
	}
	// Output:
	// -rw-r----- <nil>
	// -rwxr----- <nil>
	// -rw-r----- <nil>
}

func ExampleFile_Entries() {
	k, err := sys.Open(context.Background(), "sentry")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer k.Close()
	p := k.Init()
	if err := p.WriteFile("/tmp/a", []byte("x"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	dir, err := p.Open("/tmp", sys.O_RDONLY|sys.O_DIRECTORY, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer dir.Close()
	for e, err := range dir.Entries() {
		fmt.Println(e.Name(), sys.TypeName(e.Type()), err)
	}
	// Output: a file <nil>
}
