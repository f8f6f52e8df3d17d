package host_test

import "golang.org/x/sys/unix"

// sysStat is the form of stat that takes a directory.
const sysStat = unix.SYS_FSTATAT
