package host

import "github.com/anykernel/anykernel/sys/abi/darwin"

var hostABI = darwin.ARM64
