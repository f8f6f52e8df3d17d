package abi

import (
	"fmt"
	"sync"
)

// PointerSize is the size of a pointer in this process, in bytes.
const PointerSize = 4 << (^uintptr(0) >> 63)

// An ABI is the binary interface of one OS on one architecture. It is
// read-only data and safe for concurrent use.
type ABI struct {
	OS   string // as GOOS: "linux", "netbsd", …
	Arch string // as GOARCH: "amd64", "arm64", …
	// Order is the byte order of integers in memory.
	Order ByteOrder
	// PointerSize is the size of a pointer and of C's long, in bytes.
	PointerSize int
	// Data holds the tables. Programs use the methods.
	Data *Data
}

// Data is the tables of an ABI. The generated packages write them as literals
// that need no code at start, so that a program holds the tables of those
// architectures only that it names.
type Data struct {
	Base    *Data        // looked in for what the tables below lack; nil for nothing
	Calls   []Number     // system calls, see [ABI.Call]; sorted by name
	Consts  []Number     // constants by name, such as "O_CREAT"; sorted by name
	Errnos  []ErrnoInfo  // one for each number; sorted by number
	Signals []SignalInfo // one for each number; sorted by number
	Layouts []Layout     // sorted by name
	Ioctls  []IoctlInfo  // sorted by name

	all    merged // this over Base
	ioctls struct {
		once sync.Once
		list []Ioctl
	}
}

// A Number is a named integer. Values above the largest int64 are stored as
// negative numbers of the same 64 bits.
type Number struct {
	Name  string
	Value int64
}

// An ErrnoInfo is one error number of an OS.
type ErrnoInfo struct {
	Errno   Errno
	Name    string // such as "ENOENT"
	Message string // as strerror(3) of that OS in the C locale
}

// A SignalInfo is one signal of an OS.
type SignalInfo struct {
	Signal  int
	Name    string // such as "SIGINT"
	Message string // as strsignal(3) of that OS in the C locale
}

// A Layout is the layout of a C structure.
type Layout struct {
	Name   string // as in C, without "struct": "stat", "sockaddr_in"
	Size   int    // in bytes, with padding
	Align  int    // in bytes
	Fields []Field
}

// A Field is a field of a Layout. Members of a structure in the structure are
// fields too, named by their path as C's offsetof takes it: "st_atim" and
// "st_atim.tv_sec". Members of a union share their offset.
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
