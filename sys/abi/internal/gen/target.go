package main

import "go/types"

// A target is one OS on one architecture, by Go's names.
type target struct {
	goos, goarch string
}

// targets are all that x/sys describes. The Go compiler does not build for
// some of the architectures that the kernels run on; those are not here.
var targets = map[string][]string{
	"linux": {"386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle",
		"ppc64", "ppc64le", "riscv64", "s390x"},
}

func (t target) pointerSize() int {
	return int(types.SizesFor("gc", t.goarch).Sizeof(types.Typ[types.Uintptr]))
}

func (t target) bigEndian() bool {
	switch t.goarch {
	case "mips", "mips64", "ppc", "ppc64", "s390x", "sparc64":
		return true
	}
	return false
}
