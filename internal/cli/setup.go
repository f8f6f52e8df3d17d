package cli

import (
	"context"
	"fmt"
	"os"
	"path"
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
type setup struct{ copies []string }

// setupFlags gives cmd the flags that prepare a kernel.
func setupFlags(cmd *cobra.Command) *setup {
	s := &setup{}
	cmd.Flags().StringArrayVar(&s.copies, "copy", nil, "copy a file or folder of the host in first, as `HOST:KERNEL`")
	return s
}

// apply prepares k.
func (s *setup) apply(ctx context.Context, k *sys.Kernel) error {
	for _, c := range s.copies {
		from, to, ok := strings.Cut(c, ":")
		if !ok || from == "" || !path.IsAbs(to) {
			return usagef("--copy %q: it is HOST:KERNEL, such as ./site:/www, the second an absolute path", c)
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
