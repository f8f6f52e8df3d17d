package xentest

import (
	"context"

	"github.com/anykernel/anykernel/internal/debian"
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

// Root is a folder with the packages' files, in the user's cache. They are
// downloaded when they are not there.
func Root(ctx context.Context) (string, error) {
	return debian.Unpack(ctx, "xentest", packages, []string{"linux-image-amd64"})
}
