package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// kernelInfo is what 'anykernel kernels' tells of one backend.
type kernelInfo struct {
	Name         string            `json:"name"`
	Summary      string            `json:"summary"`
	Args         string            `json:"args,omitempty"`
	NeedsArgs    bool              `json:"needsArgs,omitempty"`
	Options      []optionInfo      `json:"options,omitempty"`
	Ready        bool              `json:"ready"`
	Missing      []requirementInfo `json:"missing,omitempty"`
	Error        string            `json:"error,omitempty"` // why a kernel that lacks nothing did not open
	ABI          string            `json:"abi,omitempty"`
	Capabilities map[string]string `json:"capabilities,omitempty"` // "" or the reason why not
	caps         backends.Capabilities
}

type optionInfo struct {
	Key     string `json:"key"`
	Value   string `json:"value"`
	Default string `json:"default,omitempty"`
	Doc     string `json:"doc"`
}

type requirementInfo struct {
	Name   string `json:"name"`
	Error  string `json:"error"`
	Remedy string `json:"remedy"`
}

func newKernelsCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kernels [NAME...]",
		Short: "List the kernels: ready, or what is missing and how to get it",
		Long: `List the kernels that this program can open. One that is ready was opened to
ask what it can do. With names, print their options and capabilities as well.`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return backendNames(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, names []string) error {
		ctx, stop := untilInterrupt(cmd.Context())
		defer stop()
		infos, err := e.kernelInfos(ctx, names)
		if err != nil {
			return err
		}
		switch {
		case *asJSON:
			return e.printJSON(infos)
		case len(names) > 0:
			return e.printDetails(infos)
		}
		return e.printKernels(infos)
	}
	return cmd
}

func (e *env) kernelInfos(ctx context.Context, names []string) ([]kernelInfo, error) {
	if len(names) == 0 {
		names = backendNames()
	}
	var infos []kernelInfo
	for _, name := range names {
		b, err := backends.Lookup(name)
		if err != nil {
			return nil, usageError{err}
		}
		infos = append(infos, e.kernelInfo(ctx, b))
	}
	return infos, nil
}

func backendNames() []string {
	var names []string
	for _, b := range backends.List() {
		names = append(names, b.Name)
	}
	return names
}

// openTime bounds how long asking one kernel what it can do may take.
const openTime = 20 * time.Second

func (e *env) kernelInfo(ctx context.Context, b *backends.Backend) kernelInfo {
	info := kernelInfo{Name: b.Name, Summary: b.Summary, Args: b.Args, NeedsArgs: b.NeedsArgs}
	for _, o := range b.Options {
		info.Options = append(info.Options, optionInfo(o))
	}
	if b.Requirements != nil {
		for _, r := range b.Requirements() {
			if r.Err != nil {
				info.Missing = append(info.Missing, requirementInfo{r.Name, r.Err.Error(), r.Remedy})
			}
		}
	}
	info.Ready = len(info.Missing) == 0
	if !info.Ready || b.NeedsArgs {
		return info
	}
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	k, err := e.open(ctx, b.Name)
	if err != nil {
		info.Ready, info.Error = false, err.Error()
		return info
	}
	defer k.Close()
	info.ask(k)
	return info
}

// ask fills in what only a running kernel knows.
func (i *kernelInfo) ask(k *sys.Kernel) {
	i.ABI = k.ABI().OS + "/" + k.ABI().Arch
	i.caps = k.Capabilities()
	i.Capabilities = map[string]string{}
	for c, reason := range i.caps {
		i.Capabilities[string(c)] = reason
	}
}

// state is in one word whether a kernel can be opened; what is missing stands
// on the lines below it.
func (i *kernelInfo) state() string {
	switch {
	case i.Ready && i.NeedsArgs:
		return "ready, needs arguments"
	case i.Ready:
		return "ready"
	case i.Error != "":
		return "does not open"
	}
	return "missing"
}

// can counts capabilities.
func (i *kernelInfo) can() string {
	if i.caps == nil {
		return ""
	}
	return fmt.Sprintf("%d of %d", len(i.caps.List()), len(i.caps))
}

// printKernels is one row for each kernel, and below the table what the
// kernels lack that are not ready.
func (e *env) printKernels(infos []kernelInfo) error {
	t := newTable("KERNEL", "STATE", "ABI", "CAN", "WHAT IT IS")
	for _, i := range infos {
		t.add(i.Name, i.state(), i.ABI, i.can(), i.Summary)
	}
	if err := t.print(e.stdout); err != nil {
		return err
	}
	for _, i := range infos {
		if problems := i.problems(); problems != "" {
			fmt.Fprintf(e.stdout, "\n%s:\n%s", i.Name, problems)
		}
	}
	return nil
}

// problems is what is missing and how to get it, a line each.
func (i *kernelInfo) problems() string {
	var b strings.Builder
	for _, m := range i.Missing {
		fmt.Fprintf(&b, "  %s: %s\n    remedy: %s\n", m.Name, m.Error, m.Remedy)
	}
	if i.Error != "" {
		fmt.Fprintf(&b, "  %s\n", i.Error)
	}
	return b.String()
}

// printDetails is all that is known of each kernel.
func (e *env) printDetails(infos []kernelInfo) error {
	for n, i := range infos {
		if n > 0 {
			fmt.Fprintln(e.stdout)
		}
		fmt.Fprintf(e.stdout, "%s: %s\nstate: %s\n%s", i.Name, i.Summary, i.state(), i.problems())
		if i.Args != "" {
			fmt.Fprintf(e.stdout, "arguments: %s\n", i.Args)
		}
		if err := e.printOptions(i.Options); err != nil {
			return err
		}
		if err := e.printCapabilities(i.caps); err != nil {
			return err
		}
	}
	return nil
}

func (e *env) printOptions(options []optionInfo) error {
	if len(options) == 0 {
		return nil
	}
	fmt.Fprintln(e.stdout)
	t := newTable("OPTION", "VALUE", "DEFAULT", "WHAT IT DOES")
	for _, o := range options {
		t.add(o.Key, o.Value, o.Default, o.Doc)
	}
	return t.print(e.stdout)
}

func (e *env) printCapabilities(caps backends.Capabilities) error {
	if caps == nil {
		return nil
	}
	fmt.Fprintln(e.stdout)
	t := newTable("CAPABILITY", "")
	for _, c := range slices.Sorted(maps.Keys(caps)) {
		t.add(string(c), cmp.Or(caps[c], "yes"))
	}
	return t.print(e.stdout)
}
