// Package debian unpacks Debian's packages into a cache of this user, without
// installing them.
//
// What may be in this room: downloading and unpacking by apt and dpkg. What may
// not: what the packages are for.
package debian

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// stamp marks a folder that is complete, and for which packages.
const stamp = "complete"

// Unpack is a folder with the packages' files, below a folder of the user's
// cache that is this caller's alone. They are downloaded when they are not
// there. Of a package that holds nothing itself, what it first depends on is
// unpacked besides.
func Unpack(ctx context.Context, name string, packages, empty []string) (root string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "anykernel", name)
	root = filepath.Join(dir, "root")
	want := fmt.Sprint(packages)
	if have, err := os.ReadFile(filepath.Join(dir, stamp)); err == nil && string(have) == want {
		return root, nil
	}
	for _, tool := range []string{"apt-get", "apt-cache", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", fmt.Errorf("%w: %s comes out of Debian's packages, on Debian", err, name)
		}
	}
	debs := filepath.Join(dir, "packages")
	if err := errors.Join(os.MkdirAll(debs, 0o755), os.MkdirAll(root, 0o755)); err != nil {
		return "", err
	}
	var names []string
	for _, e := range empty {
		dep, err := dependency(ctx, e)
		if err != nil {
			return "", err
		}
		names = append(names, dep)
	}
	if err := unpack(ctx, debs, root, append(names, packages...)); err != nil {
		return "", err
	}
	return root, os.WriteFile(filepath.Join(dir, stamp), []byte(want), 0o644)
}

// dependency is what a package that holds nothing itself depends on first.
func dependency(ctx context.Context, name string) (string, error) {
	out, err := exec.CommandContext(ctx, "apt-cache", "depends", "--important", name).Output()
	if err != nil {
		return "", fmt.Errorf("apt-cache depends %s: %w (apt-get update?)", name, err)
	}
	_, after, ok := strings.Cut(string(out), "Depends: ")
	dep, _, _ := strings.Cut(after, "\n")
	if !ok || dep == "" {
		return "", fmt.Errorf("apt-cache depends %s says %q (apt-get update?)", name, out)
	}
	return dep, nil
}

func unpack(ctx context.Context, debs, root string, names []string) error {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"download", "-qq"}, names...)...)
	cmd.Dir = debs
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get download: %w\n%s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(debs, "*.deb"))
	if err != nil || len(files) < len(names) {
		return errors.Join(fmt.Errorf("apt-get download left %d packages of %d", len(files), len(names)), err)
	}
	for _, f := range files {
		if out, err := exec.CommandContext(ctx, "dpkg-deb", "-x", f, root).CombinedOutput(); err != nil {
			return fmt.Errorf("dpkg-deb -x %s: %w\n%s", f, err, out)
		}
	}
	return nil
}
