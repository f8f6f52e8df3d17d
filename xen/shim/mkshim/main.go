// Command mkshim builds the shim from xen/shim/src with gcc and ld, and writes
// shim.elf and the record of what it was built from, shim.txt, into a folder.
//
//	mkshim [-src DIR] [-o DIR] [-symbols FILE]
//
// The same sources and the same tools give the same bytes.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	src := flag.String("src", "src", "folder with the sources")
	out := flag.String("o", ".", "folder for shim.elf and shim.txt")
	symbols := flag.String("symbols", "", "also write the shim with symbols, for a debugger")
	flag.Parse()
	if err := run(*src, *out, *symbols); err != nil {
		fmt.Fprintln(os.Stderr, "mkshim:", err)
		os.Exit(1)
	}
}

func run(src, out, symbols string) error {
	work, err := os.MkdirTemp("", "mkshim")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	b := builder{src: src, work: work}
	if err := b.build(); err != nil {
		return err
	}
	record, err := b.record()
	if err != nil {
		return err
	}
	if symbols != "" {
		if err := copyFile(filepath.Join(work, "shim.debug"), symbols); err != nil {
			return err
		}
	}
	if err := copyFile(filepath.Join(work, "shim.elf"), filepath.Join(out, "shim.elf")); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "shim.txt"), []byte(record), 0o644)
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o644)
}
