// Package script reads the language of packetdrill: system calls, packets that
// are injected and packets that are expected, each with its time. The language is
// that of the file syntax.md of github.com/google/packetdrill.
//
// What may be in this room: the language. What may not: kernels, and what to do
// with a script.
package script
