// Package all links every backend that builds on every platform into a
// program. Import it for its effect:
//
//	import _ "github.com/anykernel/anykernel/backends/all"
//
// A program that knows which kernels it needs imports those instead, and is
// smaller for it.
//
// What may be in this room: imports. What may not: anything else.
package all
