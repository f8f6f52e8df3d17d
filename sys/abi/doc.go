// Package abi describes the binary interfaces of operating systems as plain
// data: call numbers, constants, error numbers, signals, ioctls and structure
// layouts of one OS on one architecture. Its subpackages (linux, netbsd,
// freebsd, openbsd, darwin) hold the data, one variable for each architecture;
// they can be imported on every host, so that a program on Linux reads NetBSD's
// structures and a program on a Mac knows Linux's error numbers.
//
// The data are generated from golang.org/x/sys and a few tables; see
// internal/gen. They are literals, so that they cost nothing at start, and a
// program holds those of the architectures only that it names.
//
// What may be in this room: data, its look-up, and the reading and writing of
// integers in a layout. What may not: system calls, and anything that asks
// which host it runs on.
package abi

//go:generate go run ./internal/gen
