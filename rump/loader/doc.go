// Package loader puts ELF shared objects into this process, without the
// system's dynamic linker: many private copies of the same libraries side by
// side, libraries that were built for another OS, and no symbol taken from
// libc by accident.
//
// A [Library] is one shared object, read and checked once. A [Program] is a
// list of libraries with every symbol resolved, upper libraries first. An
// [Image] is one copy of a program in memory: read-only pages are shared with
// every other image of the same libraries, writable ones are its own, and no
// page is both writable and executable.
//
// Libraries are hostile input: every offset and count in them is checked
// before it is used. Their code is not: who runs an image trusts it.
//
// What may be in this room: ELF and memory mappings. What may not: cgo, the
// running of loaded code, and anything that knows what the libraries do.
package loader
