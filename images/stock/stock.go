// Package stock finds a stock Linux kernel for images: a file with the modules
// beside it, or the one that Debian builds for virtual machines.
//
// What may be in this room: where kernels are. What may not: what is done with
// them.
package stock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/anykernel/anykernel/images"
	"github.com/anykernel/anykernel/internal/debian"
)

// Auto stands for Debian's kernel for virtual machines, the newest that apt
// knows when it is asked for the first time. It is downloaded into the user's
// cache, and not installed.
const Auto = "auto"

// The package, and the folder of the cache.
const (
	cloudPackage = "linux-image-cloud-amd64"
	cacheName    = "linux"
)

// Find reads a kernel: [Auto], or the path of a bzImage. Its modules are looked
// for in lib/modules/VERSION two levels above the file, where a package of
// /boot/vmlinuz-VERSION has them. Where there are none, the kernel is taken to
// have its drivers built in.
func Find(ctx context.Context, kernel string) (images.LinuxKernel, error) {
	if kernel == Auto {
		var err error
		if kernel, err = cloudKernel(ctx); err != nil {
			return images.LinuxKernel{}, fmt.Errorf("%s: %w; give the path of a kernel instead", cloudPackage, err)
		}
	}
	info, err := os.Stat(kernel)
	if err != nil {
		return images.LinuxKernel{}, err
	}
	if !info.Mode().IsRegular() || info.Size() > images.MaxSize {
		return images.LinuxKernel{}, fmt.Errorf("%s: not a file with a Linux kernel", kernel)
	}
	b, err := os.ReadFile(kernel)
	if err != nil {
		return images.LinuxKernel{}, err
	}
	version, err := images.LinuxVersion(b)
	if err != nil {
		return images.LinuxKernel{}, fmt.Errorf("%s: %w", kernel, err)
	}
	k := images.LinuxKernel{Image: b}
	modules := filepath.Join(filepath.Dir(filepath.Dir(kernel)), "lib", "modules", version)
	if info, err := os.Stat(modules); err == nil && info.IsDir() {
		k.Modules = os.DirFS(modules)
	}
	return k, nil
}

// cloudKernel is the path of Debian's kernel.
func cloudKernel(ctx context.Context) (string, error) {
	root, err := debian.Unpack(ctx, cacheName, []string{cloudPackage}, []string{cloudPackage})
	if err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(root, "boot", "vmlinuz-*"))
	if err != nil || len(found) == 0 {
		return "", errors.Join(errors.New("the package has no kernel"), err)
	}
	return found[len(found)-1], nil
}
