package xentest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// packages is what dom0 is made of: Debian's names for them. Of what they
// depend on, the libraries that the programs below load are enough.
var packages = []string{
	"xen-hypervisor-4.17-amd64", "xen-utils-4.17", "xen-utils-common", "xenstore-utils", "linux-image-amd64",
	"busybox-static", "libc6", "libgcc-s1", "zlib1g", "libbz2-1.0", "liblzma5", "liblzo2-2", "libzstd1", "libuuid1",
	"libxencall1", "libxendevicemodel1", "libxenevtchn1", "libxenforeignmemory1", "libxengnttab1", "libxenhypfs1",
	"libxenmisc4.17", "libxenstore4", "libxentoolcore1", "libxentoollog1", "libfdt1", "libyajl2", "libnl-3-200",
	"libnl-route-3-200", "libsystemd0", "libcap2", "libgcrypt20", "libgpg-error0", "liblz4-1",
}

// stamp marks a cache that is complete, and for which list of packages.
const stamp = "complete"

// Root is a folder with the packages' files, in the user's cache. They are
// downloaded when they are not there.
func Root(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "anykernel", "xentest")
	root := filepath.Join(dir, "root")
	want := fmt.Sprint(packages)
	if have, err := os.ReadFile(filepath.Join(dir, stamp)); err == nil && string(have) == want {
		return root, nil
	}
	for _, tool := range []string{"apt-get", "apt-cache", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", fmt.Errorf("%w: the test bed is made of Debian's packages, on Debian", err)
		}
	}
	debs := filepath.Join(dir, "packages")
	if err := errors.Join(os.MkdirAll(debs, 0o755), os.MkdirAll(root, 0o755)); err != nil {
		return "", err
	}
	kernel, err := dependency(ctx, "linux-image-amd64")
	if err != nil {
		return "", err
	}
	if err := unpack(ctx, debs, root, append([]string{kernel}, packages...)); err != nil {
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
		return "", fmt.Errorf("apt-cache depends %s says %q", name, out)
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
