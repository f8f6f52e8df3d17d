package host

import "github.com/anykernel/anykernel/sys/abi/openbsd"

var hostABI = openbsd.ARM64
