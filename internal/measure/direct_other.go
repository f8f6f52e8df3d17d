//go:build !linux

package measure

// Elsewhere there is no such comparison: system calls go through the C
// library.
var directGetpid, directRead, directWrite, directStat func() (Runner, error)
