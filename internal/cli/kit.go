package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/rump/kit"
)

// componentInfo is what 'anykernel kit' tells of one component.
type componentInfo struct {
	Name  string `json:"name"`
	File  string `json:"file"`
	Size  int64  `json:"size"` // bytes
	Kind  string `json:"kind"`
	Gives string `json:"gives,omitempty"`
}

func newKitCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kit",
		Short: "List the components of NetBSD's kernel that are installed",
		Long: `List the components that 'rump:' kernels are made of, with their size and what
they give a kernel. They are in the folder that $ANYKERNEL_KIT names, or where
scripts/buildrump.sh installs them.`,
		Args: noArgs,
	}
	asJSON := jsonFlag(cmd)
	dir := cmd.Flags().String("dir", kit.DefaultDir(), "folder of the kit")
	cmd.RunE = func(*cobra.Command, []string) error {
		list, err := kit.List(*dir)
		if err != nil {
			return fmt.Errorf("%w (remedy: %s)", err, kit.Remedy)
		}
		infos := []componentInfo{}
		for _, c := range list {
			infos = append(infos, componentInfo{c.Name, c.File, c.Size, string(c.Kind), c.Gives})
		}
		if *asJSON {
			return e.printJSON(infos)
		}
		t := newTable("COMPONENT", ">KB", "GIVES")
		for _, c := range infos {
			t.add(c.Name, fmt.Sprint((c.Size+1023)/1024), strings.TrimSpace(c.Kind+" "+c.Gives))
		}
		return t.print(e.stdout)
	}
	return cmd
}
