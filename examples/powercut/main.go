// Command powercut pulls the plug on NetBSD's file systems. It writes files on
// a disk that logs every write, and then boots a new kernel on the disk as a
// power failure would have left it, a thousand times for each file system, and
// looks for every file that fsync(2) had promised. It prints how many of the
// failures each survived, and what became of the others.
//
//	go run ./examples/powercut
//	go run ./examples/powercut -n 100 -loss tail ffs+log ext2
//
// It needs a kit of NetBSD's libraries, and Debian's packages makefs,
// e2fsprogs and dosfstools.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/anykernel/anykernel/hypercall/disk"
)

func main() {
	n := flag.Int("n", 1000, "how many times the power fails, for each file system")
	again := flag.Int("again", 0, "how many times it fails a second time, during each recovery")
	seed := flag.Uint64("seed", 1, "chooses when, and what is lost")
	loss := flag.String("loss", "torn", "what the disk loses of what was not flushed: tail, reordered or torn")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: powercut [flags] [FILESYSTEM...], of: %s\n", strings.Join(names(), ", "))
		flag.PrintDefaults()
	}
	flag.Parse()
	l, err := disk.ParseLoss(*loss)
	if err != nil {
		log.Fatal(err)
	}
	if err := run(context.Background(), os.Stdout, os.Stderr, options{*n, *again, *seed, l, flag.Args()}); err != nil {
		log.Fatal(err)
	}
}

type options struct {
	cuts  int
	again int
	seed  uint64
	loss  disk.Loss
	names []string // none: all
}

// run writes the table to w, and what it is at to progress.
func run(ctx context.Context, w, progress io.Writer, o options) error {
	chosen, err := choose(o.names)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FILE SYSTEM\tFAILURES\tSURVIVED\tREFUSED\tPANICKED\tLOST FILES\tFOR EXAMPLE")
	for _, f := range chosen {
		t, err := f.cut(ctx, o, func(made, failed int) {
			if made%10 == 0 || made == o.cuts {
				fmt.Fprintf(progress, "\r%s: %d of %d, %d not survived ", f.name, made, o.cuts, failed)
			}
		})
		fmt.Fprintln(progress)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%s\n", f.name, t.cuts, t.survived(), t.refused, t.panicked, t.lost, t.example)
	}
	return table.Flush()
}
