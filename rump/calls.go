//go:build cgo && linux && (amd64 || arm64)

package rump

import "encoding/binary"

// sysentSize is the size of struct sysent, and sysentCall where the function
// stands in it: behind the number and size of arguments and the flags.
const (
	sysentSize = 24
	sysentCall = 8
)

// unimplemented are the functions that stand where a call is not there.
var unimplemented = []string{"rumpns_enosys", "rumpns_sys_nosys", "rumpns_sys_nomodule"}

// Calls is the numbers of the system calls that the kernel has: librump has
// those of its release, and a component adds its own. It is nil where the
// kernel does not tell.
func (k *Kernel) Calls() []uintptr {
	table := k.image.Variable("rump_sysent")
	if len(table) != NumCalls*sysentSize {
		return nil
	}
	missing := map[uintptr]bool{0: true}
	for _, name := range unimplemented {
		missing[k.Symbol(name)] = true
	}
	var list []uintptr
	for n := range uintptr(NumCalls) {
		entry := table[n*sysentSize:]
		if f := binary.NativeEndian.Uint64(entry[sysentCall:]); !missing[uintptr(f)] {
			list = append(list, n)
		}
	}
	return list
}
