// Command embed copies files that are part of the program into a kernel, and
// reads them there.
//
//	go run ./examples/embed
package main

import (
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"

	_ "github.com/anykernel/anykernel/backends/sentry"
	"github.com/anykernel/anykernel/sys"
)

//go:embed site
var site embed.FS

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer) error {
	k, err := sys.Open(ctx, "sentry")
	if err != nil {
		return err
	}
	defer k.Close()
	p := k.Init()
	if err := p.Mkdir("/www", 0o755); err != nil {
		return err
	}
	if err := p.CopyFS("/www", site); err != nil {
		return err
	}
	// The kernel's files are an fs.FS in their turn.
	return fs.WalkDir(p.FS("/www"), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			fmt.Fprintf(w, "/www/%s: %d bytes\n", name, info.Size())
		}
		return err
	})
}
