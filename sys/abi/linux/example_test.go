package linux_test

import (
	"fmt"

	"github.com/anykernel/anykernel/sys/abi/linux"
)

func Example() {
	stat := linux.AMD64.Layout("stat")
	mtime, _ := stat.Field("st_mtim.tv_sec")
	openat, _ := linux.ARM64.Call("openat")
	creat, _ := linux.AMD64.Const("O_CREAT")
	enoent, _ := linux.AMD64.Errno(2)
	fmt.Println(stat.Size, mtime.Offset, openat, creat, enoent.Name, enoent.Message)
	// Output: 144 88 56 64 ENOENT No such file or directory
}
