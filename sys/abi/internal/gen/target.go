package main

import (
	"go/types"

	"github.com/anykernel/anykernel/sys/abi"
)

// A target is one OS on one architecture, by Go's names.
type target struct {
	goos, goarch string
}

// targets are all that x/sys describes, also those that only gccgo builds for.
var targets = map[string][]string{
	"darwin":  {"amd64", "arm64"},
	"freebsd": {"386", "amd64", "arm", "arm64", "riscv64"},
	"linux": {"386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle",
		"ppc", "ppc64", "ppc64le", "riscv64", "s390x", "sparc64"},
	"netbsd":  {"386", "amd64", "arm", "arm64"},
	"openbsd": {"386", "amd64", "arm", "arm64", "mips64", "ppc64", "riscv64"},
}

func (t target) pointerSize() int {
	return int(t.sizes().Sizeof(types.Typ[types.Uintptr]))
}

// sizes is how Go lays out structures on the target.
func (t target) sizes() types.Sizes {
	if t.goarch == "ppc" { // which gccgo alone builds for
		return types.SizesFor("gc", "mips")
	}
	return types.SizesFor("gc", t.goarch)
}

// abi is the ABI of the target with its tables.
func (t target) abi(d *abi.Data) *abi.ABI {
	a := abi.ABI{OS: t.goos, Arch: t.goarch, PointerSize: t.pointerSize()}
	switch t.goarch {
	case "mips", "mips64", "ppc", "ppc64", "s390x", "sparc64":
		a.Order = abi.BigEndian
	}
	return abi.New(a, d)
}
