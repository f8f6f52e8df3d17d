package host

import "github.com/anykernel/anykernel/sys/abi/netbsd"

var hostABI = netbsd.AMD64
