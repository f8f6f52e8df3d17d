// Package abi describes the binary interfaces of operating systems as plain
// data: call numbers, constants, error numbers and structure layouts of one
// OS on one architecture. Its subpackages (linux, netbsd, freebsd, openbsd,
// darwin) hold the data; they are generated from golang.org/x/sys and can be
// imported on every host, so that a program on Linux reads NetBSD's
// structures and a program on a Mac knows Linux's error numbers.
//
// What may be in this room: data, its look-up, and the reading and writing of
// integers in a layout. What may not: system calls, and anything that asks
// which host it runs on.
package abi

//go:generate go run ./internal/gen
