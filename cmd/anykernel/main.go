// Command anykernel runs kernels: it lists the ones there are, shows what
// they do, and runs small programs and shell scripts on any of them.
//
//	anykernel kernels                  what is ready here, and what is missing
//	anykernel tour                     one job on every ready kernel, compared
//	anykernel exec -k sentry -- ls /   one small program on one kernel
//	anykernel sh -k sentry             a shell on it
package main

import (
	"os"

	_ "github.com/anykernel/anykernel/backends/all"
	"github.com/anykernel/anykernel/internal/cli"
)

func main() { os.Exit(cli.Main()) }
