package cli

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// dirFlag gives cmd the flag -C.
func dirFlag(cmd *cobra.Command) *string {
	return cmd.Flags().StringP("dir", "C", "", "the `directory` to run in, inside the kernel (default: / or, on the host, the working directory)")
}

// isolated reports whether k has files of its own.
func isolated(k *sys.Kernel) bool { return k.Capabilities().Has(backends.Isolated) }

// A setup is what is done to a kernel before anything runs on it.
type setup struct{ copies, mounts []string }

// setupFlags gives cmd the flags that prepare a kernel.
func setupFlags(cmd *cobra.Command) *setup {
	s := &setup{}
	cmd.Flags().StringArrayVar(&s.copies, "copy", nil, "copy a file or folder of the host in first, as `HOST:KERNEL`")
	cmd.Flags().StringArrayVar(&s.mounts, "mount", nil, "show a folder of the host, or the file system in an image, as `HOST:KERNEL`; for kernels with the option mount")
	return s
}

// spec is the specification text with the mounts among its options.
func (s *setup) spec(text string) (string, error) {
	if len(s.mounts) == 0 {
		return text, nil
	}
	spec, err := backends.ParseSpec(text)
	if err != nil {
		return "", err
	}
	b, err := backends.Lookup(spec.Name)
	if err != nil {
		return "", usageError{err}
	}
	if !slices.ContainsFunc(b.Options, func(o backends.OptionInfo) bool { return o.Key == "mount" }) {
		return "", usagef("--mount: a kernel of %s has no option mount; --copy copies files in", spec.Name)
	}
	for _, m := range s.mounts {
		spec.Options = append(spec.Options, backends.Option{Key: "mount", Value: m})
	}
	return spec.String(), nil
}

// splitPair splits the value of a flag, HOST:KERNEL, at the last colon: paths
// of the host may have others in them.
func splitPair(flag, text string) (from, to string, err error) {
	i := strings.LastIndexByte(text, ':')
	if i <= 0 || !path.IsAbs(text[i+1:]) {
		return "", "", usagef("%s %q: it is HOST:KERNEL, such as ./site:/www, the second an absolute path", flag, text)
	}
	return text[:i], text[i+1:], nil
}

// apply prepares k.
func (s *setup) apply(ctx context.Context, k *sys.Kernel) error {
	for _, c := range s.copies {
		from, to, err := splitPair("--copy", c)
		if err != nil {
			return err
		}
		if err := copyIn(k.Init().With(ctx), from, to); err != nil {
			return fmt.Errorf("--copy %s: %w", c, err)
		}
	}
	return nil
}

func copyIn(p *sys.Process, from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		if err := p.MkdirAll(to, 0o777); err != nil {
			return err
		}
		return p.CopyFS(to, os.DirFS(from))
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := p.MkdirAll(path.Dir(to), 0o777); err != nil {
		return err
	}
	return p.WriteFile(to, b, info.Mode().Perm())
}
