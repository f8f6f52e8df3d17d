package cli

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/internal/measure"
	"github.com/anykernel/anykernel/sys"
)

// reference is the kernel that the others are compared with.
const reference = "host"

// plain is what the host does without this module.
const plain = "x/sys"

func newBenchCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure kernels against the host's",
		Long: `Time what kernels do, and print one table: a row for each operation, and for
each kernel the median and its ratio to the host kernel, measured in the same
run. Of times, a ratio below 1 is better than the host; of throughput, one
above. The column x/sys is the host as a program without this module has it.
Then come the time of a boot, the resident memory that a kernel takes, and the
processor time that an idle one takes in a second.

On a machine that does other things as well, trust the ratios.`,
		Example: `  anykernel bench
  anykernel bench -k sentry --run TCP --json`,
		Args: noArgs,
	}
	kernels := e.kernelsFlag(cmd)
	pattern := cmd.Flags().String("run", "", "only the operations whose name matches this `regexp`")
	asMarkdown := cmd.Flags().Bool("markdown", false, "print Markdown, for documents")
	asJSON := jsonFlag(cmd)
	cmd.MarkFlagsMutuallyExclusive("json", "markdown")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, stop := untilInterrupt(cmd.Context())
		defer stop()
		re, err := regexp.Compile(*pattern)
		if err != nil {
			return usagef("--run: %w", err)
		}
		specs, err := kernels.choose()
		if err != nil {
			return err
		}
		b := newBench(e, specs)
		if err := b.run(ctx, re); err != nil {
			return err
		}
		switch {
		case len(b.figures) == 0:
			return usagef("--run %q matches no operation", *pattern)
		case *asJSON:
			err = e.printJSON(b.figures)
		case *asMarkdown:
			err = b.table().printMarkdown(e.stdout)
		default:
			err = b.table().print(e.stdout)
		}
		if slices.ContainsFunc(b.figures, func(f figure) bool { return f.Error != "" }) {
			err = errors.Join(err, errFailed)
		}
		return err
	}
	return cmd
}

// A figure is what one kernel took for one thing.
type figure struct {
	Operation string  `json:"operation"`
	Kernel    string  `json:"kernel"`
	NS        int64   `json:"ns,omitempty"`          // of one operation
	MBPerSec  float64 `json:"mbPerSec,omitempty"`    // where it moves data
	Bytes     int64   `json:"bytes,omitempty"`       // of memory
	Ratio     float64 `json:"ratioToHost,omitempty"` // of times, or of throughput
	Missing   string  `json:"missing,omitempty"`     // why the kernel cannot do it
	Error     string  `json:"error,omitempty"`
}

// A bench measures kernels, the reference first.
type bench struct {
	env     *env
	specs   []string
	figures []figure
	rows    []string // operations, in the order of the table
}

func newBench(e *env, specs []string) *bench {
	all := []string{reference}
	for _, s := range specs {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return &bench{env: e, specs: all}
}

func (b *bench) run(ctx context.Context, re *regexp.Regexp) error {
	show := b.env.progress()
	defer show.end()
	if err := b.operations(ctx, re, show); err != nil {
		return err
	}
	for _, m := range kernelMeasures {
		if !re.MatchString(m.name) {
			continue
		}
		b.rows = append(b.rows, m.name)
		for _, spec := range b.specs[1:] {
			show.Begin(m.name + ": " + spec)
			f := figure{Operation: m.name, Kernel: spec}
			err := m.measure(ctx, func(ctx context.Context) (*sys.Kernel, error) { return b.env.open(ctx, spec) }, &f)
			if ctx.Err() != nil {
				return context.Canceled
			}
			if err != nil {
				f.Error = err.Error()
			}
			b.figures = append(b.figures, f)
		}
	}
	return nil
}

// kernelMeasures is what is measured of kernels that this program boots.
var kernelMeasures = []struct {
	name    string
	measure func(ctx context.Context, open measure.Open, f *figure) error
}{
	{"boot", func(ctx context.Context, open measure.Open, f *figure) error {
		d, err := measure.Boot(ctx, open)
		f.NS = int64(d)
		return err
	}},
	{"memory of a kernel", func(ctx context.Context, open measure.Open, f *figure) (err error) {
		f.Bytes, err = measure.Memory(ctx, open)
		return err
	}},
	{"processor time of an idle kernel, in a second", func(ctx context.Context, open measure.Open, f *figure) error {
		d, err := measure.Idle(ctx, open)
		f.NS = int64(d)
		return err
	}},
}

// operations measures what all kernels do beside each other.
func (b *bench) operations(ctx context.Context, re *regexp.Regexp, show *progress) (err error) {
	ops := slices.DeleteFunc(measure.Operations(), func(op measure.Operation) bool { return !re.MatchString(op.Name) })
	if len(ops) == 0 {
		return nil
	}
	var kernels []*sys.Kernel
	defer func() {
		for _, k := range kernels {
			err = errors.Join(err, k.Close())
		}
	}()
	for _, spec := range b.specs {
		k, err := b.env.open(ctx, spec)
		if err != nil {
			return err
		}
		kernels = append(kernels, k)
	}
	for i := range ops {
		show.Begin(ops[i].Name)
		b.rows = append(b.rows, ops[i].Name)
		if err := b.operation(ctx, &ops[i], kernels); err != nil {
			return err
		}
	}
	return nil
}

// operation measures one on all kernels at once.
func (b *bench) operation(ctx context.Context, op *measure.Operation, kernels []*sys.Kernel) error {
	var runners []measure.Runner
	var measured []figure
	start := func(name string, prepare func() (measure.Runner, error)) {
		f := figure{Operation: op.Name, Kernel: name}
		r, err := prepare()
		if err != nil {
			f.Error = err.Error()
			b.figures = append(b.figures, f)
			return
		}
		runners, measured = append(runners, r), append(measured, f)
	}
	for i, k := range kernels {
		if reason := missing(k, op.Needs); reason != "" {
			b.figures = append(b.figures, figure{Operation: op.Name, Kernel: b.specs[i], Missing: reason})
			continue
		}
		start(b.specs[i], func() (measure.Runner, error) { return op.Start(ctx, k) })
	}
	if op.Direct != nil {
		start(plain, op.Direct)
	}
	times, err := measure.Compare(ctx, runners...)
	for _, r := range runners {
		err = errors.Join(err, r.Stop())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op.Name, err)
	}
	for i := range measured {
		measured[i].fill(op, times[i], hostTime(measured, times))
	}
	b.figures = append(b.figures, measured...)
	return nil
}

func missing(k *sys.Kernel, need backends.Capability) string {
	if need == "" {
		return ""
	}
	return k.Capabilities().Missing(need)
}

func hostTime(figures []figure, times []time.Duration) time.Duration {
	if i := slices.IndexFunc(figures, func(f figure) bool { return f.Kernel == reference }); i >= 0 {
		return times[i]
	}
	return 0
}

// fill sets what was measured, and its ratio to the host's.
func (f *figure) fill(op *measure.Operation, d, host time.Duration) {
	f.NS = int64(d)
	if op.Bytes > 0 {
		f.MBPerSec = float64(op.Bytes) / 1e6 / d.Seconds()
	}
	switch {
	case host == 0 || d == 0:
	case op.Bytes > 0:
		f.Ratio = float64(host) / float64(d)
	default:
		f.Ratio = float64(d) / float64(host)
	}
}

func (b *bench) table() *table {
	var names []string
	columns := []string{"OPERATION"}
	for _, spec := range b.specs {
		names = append(names, spec)
		columns = append(columns, ">"+spec)
		if spec != reference {
			columns = append(columns, ">ratio")
			continue
		}
		names = append(names, plain)
		columns = append(columns, ">"+plain, ">ratio")
	}
	t := newTable(columns...)
	for _, row := range b.rows {
		cells := []string{row}
		for _, name := range names {
			f := b.find(row, name)
			cells = append(cells, f.String())
			if name != reference {
				cells = append(cells, f.ratio())
			}
		}
		t.add(cells...)
	}
	return t
}

func (b *bench) find(row, kernel string) figure {
	for _, f := range b.figures {
		if f.Operation == row && f.Kernel == kernel {
			return f
		}
	}
	return figure{}
}

// String is the figure for people.
func (f figure) String() string {
	switch {
	case f.Error != "":
		return "FAILED: " + f.Error
	case f.Missing != "":
		return "-"
	case f.Bytes > 0:
		return fmt.Sprintf("%.2f MiB", float64(f.Bytes)/(1<<20))
	case f.MBPerSec > 0:
		return fmt.Sprintf("%.0f MB/s", f.MBPerSec)
	}
	return duration(time.Duration(f.NS))
}

func (f figure) ratio() string {
	if f.Ratio == 0 {
		return ""
	}
	return fmt.Sprintf("%.2fx", f.Ratio)
}
