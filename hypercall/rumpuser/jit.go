//go:build cgo && linux && (amd64 || arm64)

package rumpuser

/*
// gdb finds its interface in stripped programs too, as those of "go test" are.
#cgo LDFLAGS: -rdynamic
#include "rumpuser.h"
*/
import "C"

import "unsafe"

// RegisterDebug tells a debugger of an object file by gdb's JIT interface, so
// that it knows functions that were loaded by nobody it knows. The object is
// copied; undo takes it back.
func RegisterDebug(object []byte) (undo func()) {
	if len(object) == 0 {
		return func() {}
	}
	e := C.hyp_debug_register(unsafe.Pointer(&object[0]), C.size_t(len(object)))
	if e == nil {
		return func() {}
	}
	return func() { C.hyp_debug_unregister(e) }
}
