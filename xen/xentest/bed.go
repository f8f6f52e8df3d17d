package xentest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// A Bed is one run of Xen and dom0.
type Bed struct {
	// Files are put into /guests of dom0: images, and configurations of xl(1).
	Files map[string][]byte
	// Script is run in dom0 by sh. Besides commands it has the functions
	// `guest NAME`, which runs a guest to its end and prints its console, and
	// `await NAME PATTERN`.
	Script string
}

// doneLine is what dom0 says behind the script.
const doneLine = "dom0 is done"

// Run runs the script in a dom0 that has just started, and returns what it
// printed. The first run boots Xen and keeps the state in the cache, from where
// every run goes on.
func (b Bed) Run(ctx context.Context) (string, error) {
	out, err := b.run(ctx)
	if err != nil {
		err = fmt.Errorf("xentest: %w", err)
	}
	return out, err
}

func (b Bed) run(ctx context.Context) (string, error) {
	root, err := Root(ctx)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "xentest")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	m := &machine{dir: dir, cache: filepath.Dir(root)}
	if err := m.writeBoot(root); err != nil {
		return "", err
	}
	state, err := savedState(ctx, m)
	if err != nil {
		return "", err
	}
	files := map[string][]byte{"script": []byte(b.Script)}
	for name, data := range b.Files {
		files[name] = data
	}
	return m.run(ctx, state, files)
}

// writeBoot writes what the machine boots from.
func (m *machine) writeBoot(root string) error {
	initramfs, err := newDom0(root)
	if err != nil {
		return err
	}
	xen, kernel, err := hypervisor(root)
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{"xen": xen, "kernel": kernel, "initramfs": initramfs} {
		if err := os.WriteFile(filepath.Join(m.dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
