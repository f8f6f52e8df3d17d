package remote

import (
	"fmt"

	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/linux"
	"github.com/anykernel/anykernel/sys/abi/netbsd"
)

// abis are those of the kernels that can be at the other end. Both sides have
// the same byte order and 64 bits.
var abis = map[string]*abi.ABI{
	"netbsd/amd64": netbsd.AMD64,
	"netbsd/arm64": netbsd.ARM64,
	"linux/amd64":  linux.AMD64,
	"linux/arm64":  linux.ARM64,
}

// systems and machines are what servers call them in their banners.
var (
	systems  = map[string]string{"NetBSD": "netbsd", "Linux": "linux"}
	machines = map[string]string{"amd64": "amd64", "x86_64": "amd64", "evbarm": "arm64", "aarch64": "arm64", "arm64": "arm64"}
)

func abiOf(os, arch string) (*abi.ABI, error) {
	if a := abis[os+"/"+arch]; a != nil {
		return a, nil
	}
	return nil, fmt.Errorf("no ABI for %q on %q is known here", os, arch)
}
