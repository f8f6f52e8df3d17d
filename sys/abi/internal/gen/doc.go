// Command gen writes the tables of the packages below sys/abi: the files z*.go
// there. With -check it writes nothing and fails if they differ from what it
// would write. It needs no network but for the module cache.
//
// The facts come from the pinned golang.org/x/sys, whose generated files it
// reads for every OS and architecture, and from three sorts of tables here
// that are kept by hand, each with its sources:
//
//   - names: what x/sys calls otherwise than C does,
//   - extra: calls, constants and structures that x/sys lacks,
//   - ioctls: direction and argument of ioctls.
//
// A table entry that nothing needs is an error, so that they cannot rot. What
// is right is not decided here but by the tests of the packages: on Linux the C
// headers of each architecture, elsewhere values from the manuals.
//
// What may be in this room: the generator and its tables. What may not:
// anything that programs need at run time.
package main
