package kit

import (
	"fmt"
	"os"
	"strings"
)

// base is the component that every kernel has: librump.so.
const base = "rump"

// notComponents are libraries that belong to programs outside of the kernel.
var notComponents = map[string]bool{"user": true, "client": true, "hijack": true, "res": true}

// Normalize takes from a component's name what may stand around it.
func Normalize(name string) string {
	name, _, _ = strings.Cut(name, ".so")
	name = strings.TrimPrefix(name, "lib")
	if name == base {
		return base
	}
	return strings.TrimPrefix(name, "rump")
}

// list is the libraries in a folder by component. Where a library is there
// under several names, the plainest is taken.
func list(dir string) (map[string]string, error) {
	if dir == "" {
		return nil, ErrNoKit
	}
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("%w: %s does not exist", ErrNoKit, dir)
	}
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, e := range entries {
		file := e.Name()
		stem, tail, ok := strings.Cut(file, ".so")
		if !ok || !strings.HasPrefix(stem, "librump") || strings.Trim(tail, ".0123456789") != "" {
			continue
		}
		name := Normalize(file)
		if notComponents[name] {
			continue
		}
		if have, ok := files[name]; !ok || len(file) < len(have) {
			files[name] = file
		}
	}
	return files, nil
}
