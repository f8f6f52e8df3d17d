package cli

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/backends/kerneltest"
)

func newConformCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "conform",
		Short: "Run the conformance suite on every ready kernel",
		Long: `Run the conformance suite, each case on a kernel of its own, and print one
table: a row for each case, a column for each kernel. A case is skipped where
the kernel does not claim the capability that it needs, with the reason below
the table. The exit status is 1 if a case fails.`,
		Args: noArgs,
	}
	kernels := e.kernelsFlag(cmd)
	pattern := cmd.Flags().String("run", "", "only the cases whose name matches this `regexp`")
	asMarkdown := cmd.Flags().Bool("markdown", false, "print Markdown, for documents")
	asJSON := jsonFlag(cmd)
	cmd.MarkFlagsMutuallyExclusive("json", "markdown")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, stop := untilInterrupt(cmd.Context())
		defer stop()
		specs, err := kernels.choose()
		if err != nil {
			return err
		}
		cases, err := casesMatching(*pattern)
		if err != nil {
			return err
		}
		c, err := e.conform(ctx, specs, cases)
		if err != nil {
			return err
		}
		switch {
		case *asJSON:
			err = e.printJSON(c.info())
		case *asMarkdown:
			err = c.table().printMarkdown(e.stdout)
		default:
			err = c.print(e)
		}
		if err == nil && c.failed() {
			err = errFailed
		}
		return err
	}
	return cmd
}

func casesMatching(pattern string) ([]kerneltest.Case, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, usagef("--run: %w", err)
	}
	var cases []kerneltest.Case
	for _, c := range kerneltest.Cases() {
		if re.MatchString(c.Name) {
			cases = append(cases, c)
		}
	}
	if len(cases) == 0 {
		return nil, usagef("--run %q matches no case", pattern)
	}
	return cases, nil
}

// A conformance is the results of cases on kernels.
type conformance struct {
	specs   []string
	cases   []kerneltest.Case
	results [][]kerneltest.Result // by case and kernel
}

func (e *env) conform(ctx context.Context, specs []string, cases []kerneltest.Case) (*conformance, error) {
	show := e.progress()
	defer show.end()
	c := &conformance{specs: specs, cases: cases, results: make([][]kerneltest.Result, len(cases))}
	for _, spec := range specs {
		show.Begin(spec)
		for i := range cases {
			c.results[i] = append(c.results[i], cases[i].Try(ctx, spec))
			if ctx.Err() != nil {
				return nil, context.Canceled
			}
			show.At(int64(i), int64(len(cases)))
		}
	}
	return c, nil
}

func (c *conformance) failed() bool {
	return c.count(kerneltest.Failed, -1) > 0
}

// count is how many results are o, on one kernel or, for -1, on all.
func (c *conformance) count(o kerneltest.Outcome, kernel int) int {
	n := 0
	for _, row := range c.results {
		for i, r := range row {
			if r.Outcome == o && (kernel < 0 || kernel == i) {
				n++
			}
		}
	}
	return n
}

func (c *conformance) table() *table {
	t := newTable(append([]string{"case", "needs"}, c.specs...)...)
	for i, row := range c.results {
		cells := []string{c.cases[i].Name, string(c.cases[i].Needs)}
		for _, r := range row {
			cells = append(cells, string(r.Outcome))
		}
		t.add(cells...)
	}
	total := []string{"passed, failed, skipped", ""}
	for i := range c.specs {
		total = append(total, fmt.Sprintf("%d, %d, %d",
			c.count(kerneltest.Passed, i), c.count(kerneltest.Failed, i), c.count(kerneltest.Skipped, i)))
	}
	t.add(total...)
	return t
}

// print is the table, and below it why cases failed or were skipped, each
// reason once.
func (c *conformance) print(e *env) error {
	if err := c.table().print(e.stdout); err != nil {
		return err
	}
	for _, o := range []kerneltest.Outcome{kerneltest.Skipped, kerneltest.Failed} {
		for i, spec := range c.specs {
			for _, r := range c.reasons(o, i) {
				fmt.Fprintf(e.stdout, "%s %s: %s: %s\n", o, spec, strings.Join(r.cases, "; "), r.detail)
			}
		}
	}
	return nil
}

// A reason is why cases failed or were skipped.
type reason struct {
	detail string
	cases  []string
}

// reasons is why results of one kernel are o, in the order of the cases.
func (c *conformance) reasons(o kerneltest.Outcome, kernel int) []*reason {
	var list []*reason
	byDetail := map[string]*reason{}
	for _, row := range c.results {
		r := row[kernel]
		if r.Outcome != o {
			continue
		}
		if byDetail[r.Detail] == nil {
			byDetail[r.Detail] = &reason{detail: r.Detail}
			list = append(list, byDetail[r.Detail])
		}
		byDetail[r.Detail].cases = append(byDetail[r.Detail].cases, r.Case)
	}
	return list
}

// caseInfo is a result for machines.
type caseInfo struct {
	Kernel  string        `json:"kernel"`
	Case    string        `json:"case"`
	Needs   string        `json:"needs,omitempty"`
	Outcome string        `json:"outcome"`
	Detail  string        `json:"detail,omitempty"`
	Time    time.Duration `json:"ns"`
}

func (c *conformance) info() []caseInfo {
	list := []caseInfo{}
	for i, row := range c.results {
		for n, r := range row {
			list = append(list, caseInfo{c.specs[n], r.Case, string(c.cases[i].Needs), string(r.Outcome), r.Detail, r.Time})
		}
	}
	return list
}
