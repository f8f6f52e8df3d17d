package linux_test

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/linux"
)

const strerrorProgram = `#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
int main(void)
{
	for (int e = 0; e < 4096; e++) {
		const char *name = strerrorname_np(e);
		printf("%d\t%s\t%s\n", e, name ? name : "", strerror(e));
	}
	return 0;
}
`

// TestStrerror compares the names and messages of all error numbers with
// those of the C library.
func TestStrerror(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the C library to compare with is that of linux/amd64")
	}
	const compiler = "x86_64-linux-gnu-gcc"
	needCompiler(t, compiler, "gcc libc6-dev", false)
	program := filepath.Join(t.TempDir(), "strerror")
	cmd := exec.Command(compiler, "-x", "c", "-o", program, "-")
	cmd.Stdin = strings.NewReader(strerrorProgram)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command(program).Output()
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		number, _ := strconv.Atoi(f[0])
		name, message := f[1], f[2]
		info, ok := linux.AMD64.Errno(abi.Errno(number))
		switch {
		case number == 0:
			continue // no error
		case ok != (name != "") && info.Name != "EFTYPE": // which the library is too old for
			t.Errorf("%d is %q in C, %q here", number, name, info.Name)
		case !ok:
		case info.Message != message:
			t.Errorf("%d is %q in C, %q here", number, message, info.Message)
		case name == "" || name == info.Name:
			count++
		default:
			t.Errorf("%d is named %s in C, %s here", number, name, info.Name)
		}
	}
	t.Logf("%d errors compared", count)
	if count < len(linux.AMD64.Errnos())-1 {
		t.Errorf("%d of %d errors compared", count, len(linux.AMD64.Errnos()))
	}
}
