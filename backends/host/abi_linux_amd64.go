package host

import "github.com/anykernel/anykernel/sys/abi/linux"

var hostABI = linux.AMD64
