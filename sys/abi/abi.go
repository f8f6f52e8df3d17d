package abi

import (
	"encoding/binary"
	"fmt"
)

// PointerSize is the size of a pointer in this process, in bytes.
const PointerSize = 4 << (^uintptr(0) >> 63)

// An ABI is the binary interface of one OS on one architecture. It is
// read-only data and safe for concurrent use.
type ABI struct {
	OS   string // as GOOS: "linux", "netbsd", …
	Arch string // as GOARCH: "amd64", "arm64", …
	// Order is the byte order of integers in memory.
	Order binary.ByteOrder
	// PointerSize is the size of a pointer and of C's long, in bytes.
	PointerSize int

	data *Data
}

// Data is what the generated packages hand to [New].
type Data struct {
	Calls   []Number // system calls by name, such as "openat"; sorted by name
	Consts  []Number // constants by name, such as "O_CREAT"; sorted by name
	Errnos  []ErrnoInfo
	Layouts []Layout // sorted by name
}

// A Number is a named integer.
type Number struct {
	Name  string
	Value int64
}

// An ErrnoInfo is one error number of an OS.
type ErrnoInfo struct {
	Errno   Errno
	Name    string // such as "ENOENT"
	Message string // as strerror(3) of that OS
}

// A Layout is the layout of a C structure.
type Layout struct {
	Name   string // as in C, without "struct": "stat", "sockaddr_in"
	Size   int    // in bytes, with padding
	Align  int    // in bytes
	Fields []Field
}

// A Field is a field of a Layout.
type Field struct {
	Name   string // as in C: "st_dev"
	Offset int    // in bytes
	Size   int    // in bytes; of the whole array for an array
	Signed bool   // a signed integer
}

// An Errno is an error number as a kernel returned it. It means something
// only together with the ABI of that kernel: 35 is EDEADLK on Linux and
// EAGAIN on NetBSD.
type Errno uint32

// Error is the bare number; see [ABI.Errno] for its name and message.
func (e Errno) Error() string { return fmt.Sprintf("errno %d", uint32(e)) }
