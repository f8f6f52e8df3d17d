package kit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Env is the environment variable that names the kit's folder.
const Env = "ANYKERNEL_KIT"

// ErrNoKit is the error where there is no kit.
var ErrNoKit = errors.New("no kit of NetBSD's kernel libraries")

// Remedy says how to get a kit.
const Remedy = "scripts/buildrump.sh, or set " + Env + " to a folder with librump.so"

// DefaultDir is the kit's folder: what $ANYKERNEL_KIT says, or
// anykernel/kit among the user's data ($XDG_DATA_HOME, ~/.local/share).
func DefaultDir() string {
	if dir := os.Getenv(Env); dir != "" {
		return dir
	}
	data := os.Getenv("XDG_DATA_HOME")
	if data == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		data = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(data, "anykernel", "kit")
}

// Present is nil where dir holds a kit. It looks at names only.
func Present(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "lib"+base+".so")); err == nil && dir != "" {
		return nil // no need to read the folder
	}
	files, err := list(dir)
	if err != nil {
		return err
	}
	if _, ok := files[base]; !ok {
		return fmt.Errorf("%w in %s: it has no librump.so", ErrNoKit, dir)
	}
	return nil
}
