package abi_test

import (
	"fmt"

	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/linux"
	"github.com/anykernel/anykernel/sys/abi/netbsd"
)

// The same number means one thing to Linux and another one to NetBSD.
func Example() {
	for _, a := range []*abi.ABI{linux.AMD64, netbsd.AMD64} {
		e, _ := a.Errno(35)
		fmt.Println(a.OS, e.Name, e.Message)
	}
	// Output:
	// linux EDEADLK Resource deadlock avoided
	// netbsd EAGAIN Resource temporarily unavailable
}

// A structure is read and written field by field, on any host.
func ExampleField() {
	a := netbsd.AMD64
	kevent := a.Layout("kevent")
	ident, _ := kevent.Field("ident")
	filter, _ := kevent.Field("filter")
	write, _ := a.Const("EVFILT_WRITE")

	b := make([]byte, kevent.Size)
	ident.PutUint(b, a.Order, 7)
	filter.PutInt(b, a.Order, write)
	fmt.Println(kevent.Size, ident.Uint(b, a.Order), filter.Int(b, a.Order))
	// Output: 40 7 1
}

func ExampleABI_Table() {
	for _, c := range linux.AMD64.Table("SOCK_")[:5] {
		fmt.Printf("%s = %#x\n", c.Name, c.Value)
	}
	// Output:
	// SOCK_BUF_LOCK_MASK = 0x3
	// SOCK_CLOEXEC = 0x80000
	// SOCK_DCCP = 0x6
	// SOCK_DESTROY = 0x15
	// SOCK_DGRAM = 0x2
}

func ExampleABI_IoctlNumber() {
	r := linux.AMD64.IoctlNumber(0x5413)
	fmt.Println(r.Name, r.Dir, r.Arg, r.Size)
	// Output: TIOCGWINSZ out winsize 8
}
