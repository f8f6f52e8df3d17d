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
	count := 0
	for _, f := range runC(t, strerrorProgram) {
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

const strsignalProgram = `#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
int main(void)
{
	for (int s = 1; s < 32; s++)
		printf("%d\tSIG%s\t%s\n", s, sigabbrev_np(s), sigdescr_np(s));
	return 0;
}
`

// TestStrsignal does the same for signals.
func TestStrsignal(t *testing.T) {
	want := map[int]abi.SignalInfo{}
	for _, f := range runC(t, strsignalProgram) {
		number, _ := strconv.Atoi(f[0])
		want[number] = abi.SignalInfo{Signal: number, Name: f[1], Message: f[2]}
	}
	if len(want) < 31 {
		t.Fatalf("the C library has %d signals", len(want))
	}
	for number, info := range want {
		got, ok := linux.AMD64.Signal(number)
		// The C library prefers another one of two names once, SIGPOLL.
		if v, known := linux.AMD64.Const(info.Name); !ok || got.Message != info.Message || !known || v != int64(number) {
			t.Errorf("%+v, %v, in C %+v", got, ok, info)
		}
	}
	if n := len(linux.AMD64.Signals()); n != len(want) {
		t.Errorf("%d signals, in C %d", n, len(want))
	}
}

// runC compiles and runs a program for the system that the test runs on, and
// returns the lines of its output split at tabs.
func runC(t *testing.T, source string) [][]string {
	t.Helper()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the C library to compare with is that of linux/amd64")
	}
	const compiler = "x86_64-linux-gnu-gcc"
	needCompiler(t, compiler, "gcc libc6-dev", false)
	program := filepath.Join(t.TempDir(), "program")
	cmd := exec.Command(compiler, "-x", "c", "-o", program, "-")
	cmd.Stdin = strings.NewReader(source)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command(program).Output()
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]string
	for line := range strings.Lines(string(out)) {
		lines = append(lines, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return lines
}
