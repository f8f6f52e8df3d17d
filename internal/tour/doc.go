// Package tour does one whole job on a kernel and checks the result: it boots
// the kernel, copies a real folder into it, serves the folder with net/http
// on that kernel's own TCP stack, fetches every file from another process of
// the kernel, and compares SHA-256 sums with the original.
//
// What may be in this room: that job. What may not: printing.
package tour
