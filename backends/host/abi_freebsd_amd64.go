package host

import "github.com/anykernel/anykernel/sys/abi/freebsd"

var hostABI = freebsd.AMD64
