package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/internal/tour"
)

func newTourCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tour",
		Short: "Do one whole job on every ready kernel and compare",
		Long: `On every kernel: boot it, copy a folder in, serve the folder with net/http on
that kernel's own TCP stack, fetch every file from another process of that
kernel, and compare SHA-256 sums with the original. One table says how it went
and how fast. The exit status is 1 if a file differs or a kernel fails.`,
		Example: `  anykernel tour
  anykernel tour --dir ~/src/project --kernel host,sentry`,
		Args: noArgs,
	}
	kernels := e.kernelsFlag(cmd)
	dir := cmd.Flags().String("dir", ".", "the `folder` to take along, without .git")
	limit := cmd.Flags().Int64("limit", 256, "the most that the folder may have, in `MiB`")
	asJSON := jsonFlag(cmd)
	_ = cmd.MarkFlagDirname("dir")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, stop := untilInterrupt(cmd.Context())
		defer stop()
		specs, err := kernels.choose()
		if err != nil {
			return err
		}
		if *limit < 1 || *limit > 1<<20 {
			return usagef("--limit %d is not between 1 and %d MiB", *limit, 1<<20)
		}
		folder, err := tour.ReadFolder(os.DirFS(*dir), *limit<<20)
		if err != nil {
			return fmt.Errorf("folder %s: %w; choose another with --dir", *dir, err)
		}
		visits, err := e.tour(ctx, specs, folder)
		if err != nil {
			return err
		}
		return e.printTour(visits, *asJSON)
	}
	return cmd
}

// A visit is the report of a tour on one kernel, and why it ended early.
type visit struct {
	*tour.Report
	err error
}

func (e *env) tour(ctx context.Context, specs []string, folder *tour.Folder) ([]visit, error) {
	show := e.progress()
	defer show.end()
	var visits []visit
	for _, spec := range specs {
		r, err := tour.Run(ctx, spec, backends.Config{Log: e.log, Console: e.console(spec)}, folder, show)
		if ctx.Err() != nil {
			return nil, context.Canceled
		}
		visits = append(visits, visit{r, err})
	}
	return visits, nil
}

func (e *env) printTour(visits []visit, asJSON bool) error {
	var err error
	if asJSON {
		err = e.printJSON(tourJSON(visits))
	} else {
		err = e.tourTable(visits).print(e.stdout)
	}
	for _, v := range visits {
		if !v.good() {
			err = errors.Join(err, errFailed)
		}
	}
	return err
}

func (v *visit) good() bool { return v.err == nil && len(v.Differs) == 0 }

func (e *env) tourTable(visits []visit) *table {
	t := newTable("KERNEL", "UNAME", ">BOOT", ">GETPID", ">FILES", ">HTTP", "VERDICT")
	for _, v := range visits {
		t.add(v.Kernel, v.Uname, duration(v.Boot), duration(v.Getpid), speed(v.Bytes, v.CopyIn), speed(v.Bytes, v.HTTP), v.verdict())
	}
	return t
}

// verdict is in one line what became of the files.
func (v *visit) verdict() string {
	switch {
	case v.err != nil:
		return "FAILED: " + v.err.Error()
	case len(v.Differs) > 0:
		return fmt.Sprintf("DIFFER: %d of %d files, first %s", len(v.Differs), v.Files, v.Differs[0])
	}
	return fmt.Sprintf("%d files identical", v.Files)
}

// duration is d with three digits, in the unit that suits; "" for none.
func duration(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < time.Microsecond:
		return fmt.Sprintf("%d ns", d)
	case d < time.Millisecond:
		return fmt.Sprintf("%.3g µs", float64(d)/1e3)
	case d < time.Second:
		return fmt.Sprintf("%.3g ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.3g s", d.Seconds())
}

// speed is bytes over time, in MB/s; "" where nothing was measured.
func speed(bytes int64, d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return fmt.Sprintf("%.0f MB/s", float64(bytes)/1e6/d.Seconds())
}

// visitInfo is a visit for machines: times in nanoseconds.
type visitInfo struct {
	Kernel  string        `json:"kernel"`
	Uname   string        `json:"uname"`
	Boot    time.Duration `json:"bootNS"`
	Getpid  time.Duration `json:"getpidNS"`
	CopyIn  time.Duration `json:"copyInNS"`
	HTTP    time.Duration `json:"httpNS"`
	Files   int           `json:"files"`
	Bytes   int64         `json:"bytes"`
	Fetcher string        `json:"fetcher"`
	Differs []string      `json:"differs"`
	Error   string        `json:"error,omitempty"`
	OK      bool          `json:"ok"`
}

func tourJSON(visits []visit) []visitInfo {
	list := []visitInfo{}
	for _, v := range visits {
		i := visitInfo{v.Kernel, v.Uname, v.Boot, v.Getpid, v.CopyIn, v.HTTP, v.Files, v.Bytes, v.Fetcher, v.Differs, "", v.good()}
		if v.err != nil {
			i.Error = v.err.Error()
		}
		list = append(list, i)
	}
	return list
}
