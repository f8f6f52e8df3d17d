package cli

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/hypercall"
	starlark "github.com/anykernel/anykernel/hypercall/script"
)

// hookFlags gives cmd the flags for what watches the kernels that it opens.
func (e *env) hookFlags(cmd *cobra.Command) {
	file := cmd.Flags().String("script", "", "have the kernels' events handled by a Starlark `file`; see package hypercall/script")
	seed := cmd.Flags().Uint64("script-seed", 1, "where the script's randomness comes from")
	var loaded *starlark.Script
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) (err error) {
		if *file == "" {
			return nil
		}
		name := filepath.Base(*file)
		loaded, err = starlark.Open(*file, starlark.Options{Seed: *seed, Print: func(text string) {
			fmt.Fprintf(e.stderr, "%s: %s\n", name, text)
		}})
		if err != nil {
			return usageError{err}
		}
		cmd.SetContext(hypercall.WithHooks(cmd.Context(), loaded.Hook()))
		return nil
	}
	cmd.PostRunE = func(*cobra.Command, []string) error {
		if loaded == nil {
			return nil
		}
		return loaded.Err()
	}
}
