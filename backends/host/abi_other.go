//go:build (darwin || freebsd || netbsd || openbsd) && !amd64 && !arm64

package host

import "github.com/anykernel/anykernel/sys/abi"

// hostABI is nil: nobody has tried this architecture.
var hostABI *abi.ABI
