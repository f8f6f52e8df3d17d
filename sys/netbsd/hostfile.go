package netbsd

import (
	"fmt"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// Register makes a file of the host, or of the program, appear in a rump
// kernel at an absolute path; see etfs in rump(3). An image becomes a disk:
//
//	err := netbsd.Register(k, "/dev/disk0", backends.HostFile{Path: "disk.img", Kind: backends.HostBlock})
//	err = netbsd.Mount(k.Init(), "/mnt", 0, &fsargs.FFS{Device: "/dev/disk0"})
func Register(k *sys.Kernel, path string, f backends.HostFile) error {
	h, err := hostFiles(k)
	if err != nil {
		return err
	}
	return h.Register(path, f)
}

// Unregister takes back [Register]. What is mounted from the file stays usable.
func Unregister(k *sys.Kernel, path string) error {
	h, err := hostFiles(k)
	if err != nil {
		return err
	}
	return h.Unregister(path)
}

func hostFiles(k *sys.Kernel) (backends.HostFiles, error) {
	h, ok := backends.Unhooked(k.Raw()).(backends.HostFiles)
	if !ok {
		return nil, fmt.Errorf("kernel %s shows no files of the host: %w", k.Name(), sys.ErrNotSupported)
	}
	return h, nil
}
