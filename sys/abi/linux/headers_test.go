package linux_test

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/linux"
)

// TestHeaders compares every number with the C headers of the system: calls,
// constants, error numbers, sizes and alignments of structures, and offset,
// size and sign of their fields. What a C compiler says of the headers is
// read from the object file, so that a cross compiler does.
func TestHeaders(t *testing.T) {
	for _, c := range []struct {
		abi      *abi.ABI
		compiler string
		packages string // of Debian
		optional bool   // continuous integration does without
	}{
		{linux.AMD64, "x86_64-linux-gnu-gcc", "gcc libc6-dev", false},
		{linux.ARM64, "aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu libc6-dev-arm64-cross", false},
		{linux.I386, "i686-linux-gnu-gcc", "gcc-i686-linux-gnu libc6-dev-i386-cross", true},
		{linux.ARM, "arm-linux-gnueabi-gcc", "gcc-arm-linux-gnueabi libc6-dev-armel-cross", true},
		{linux.RISCV64, "riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu libc6-dev-riscv64-cross", true},
		{linux.S390X, "s390x-linux-gnu-gcc", "gcc-s390x-linux-gnu libc6-dev-s390x-cross", true},
		{linux.PPC, "powerpc-linux-gnu-gcc", "gcc-powerpc-linux-gnu libc6-dev-powerpc-cross", true},
		{linux.PPC64, "powerpc64-linux-gnu-gcc", "gcc-powerpc64-linux-gnu libc6-dev-ppc64-cross", true},
		{linux.PPC64LE, "powerpc64le-linux-gnu-gcc", "gcc-powerpc64le-linux-gnu libc6-dev-ppc64el-cross", true},
		{linux.MIPS, "mips-linux-gnu-gcc", "gcc-mips-linux-gnu libc6-dev-mips-cross", true},
		{linux.MIPSLE, "mipsel-linux-gnu-gcc", "gcc-mipsel-linux-gnu libc6-dev-mipsel-cross", true},
		{linux.MIPS64, "mips64-linux-gnuabi64-gcc", "gcc-mips64-linux-gnuabi64 libc6-dev-mips64-cross", true},
		{linux.MIPS64LE, "mips64el-linux-gnuabi64-gcc", "gcc-mips64el-linux-gnuabi64 libc6-dev-mips64el-cross", true},
		{linux.SPARC64, "sparc64-linux-gnu-gcc", "gcc-sparc64-linux-gnu libc6-dev-sparc64-cross", true},
	} {
		t.Run(c.abi.Arch, func(t *testing.T) {
			if testing.Short() && c.optional {
				t.Skip("the short tests compare with the main compilers only")
			}
			needCompiler(t, c.compiler, c.packages, c.optional)
			compareHeaders(t, c.abi, c.compiler)
		})
	}
}

// needCompiler skips the test where there is no compiler, except in continuous
// integration, which has to have it.
func needCompiler(t *testing.T, compiler, packages string, optional bool) {
	t.Helper()
	_, err := exec.LookPath(compiler)
	switch {
	case err == nil:
	case os.Getenv("CI") != "" && !optional:
		t.Fatalf("no %s: apt-get install %s", compiler, packages)
	default:
		t.Skipf("no %s: apt-get install %s", compiler, packages)
	}
}

// A check is an integer that C knows too.
type check struct {
	name string
	expr string // in C
	want int64
	// grows says that kernels of other versions have other values.
	grows bool
	// kernelOnly says that the C library has something else of that name.
	kernelOnly bool
}

// holds reports whether C's value is the wanted one. Where C computes in an
// int what the kernel takes as an unsigned 32-bit number, as in 1<<31, only
// those bits count.
func (c *check) holds(v int64) bool {
	return v == c.want || v < 0 && c.want == int64(uint32(v))
}

func compareHeaders(t *testing.T, a *abi.ABI, compiler string) {
	checks := append(numberChecks(t, a), layoutChecks(a)...)
	got := map[string]int64{}
	for _, header := range []string{"libc.h", "kernel.h", "posix.h"} {
		values := evaluate(t, compiler, header, checks)
		for _, c := range checks {
			old, seen := got[c.name]
			if seen && c.holds(old) || c.kernelOnly && header != "kernel.h" {
				continue
			}
			if v, ok := values[c.name]; ok {
				got[c.name] = v
			}
		}
	}
	var equal, older, newer int
	var undeclared, grown []string
	for _, c := range checks {
		v, declared := got[c.name]
		switch {
		case !declared:
			undeclared = append(undeclared, c.name)
		case c.holds(v):
			equal++
		case !c.grows:
			t.Errorf("%s is %#x in C, %#x here", c.name, uint64(v), uint64(c.want))
		default:
			grown = append(grown, fmt.Sprintf("%s: %d in C, %d here", c.name, v, c.want))
			if v < c.want {
				older++
			} else {
				newer++
			}
		}
	}
	if older > 0 && newer > 0 {
		t.Errorf("some numbers are from newer headers than these, some from older ones")
	}
	t.Logf("%s: %d numbers, %d equal, %d differ by the kernel's version, %d not declared by the headers",
		a.Arch, len(checks), equal, len(grown), len(undeclared))
	t.Logf("differ by version: %s", strings.Join(grown, "; "))
	t.Logf("not declared: %s", strings.Join(undeclared, ", "))
}

func numberChecks(t *testing.T, a *abi.ABI) []check {
	text, err := os.ReadFile("testdata/grows.txt")
	if err != nil {
		t.Fatal(err)
	}
	grows := strings.Fields(string(text))
	var list []check
	for _, c := range a.Calls() {
		list = append(list, check{name: "call " + c.Name, expr: "__NR_" + c.Name, want: c.Value})
	}
	for _, c := range a.Consts() {
		list = append(list, check{name: c.Name, expr: c.Name, want: c.Value,
			grows: strings.HasSuffix(c.Name, "_MAX") || slices.Contains(grows, c.Name)})
	}
	for _, e := range a.Errnos() {
		list = append(list, check{name: "errno " + e.Name, expr: e.Name, want: int64(e.Errno)})
	}
	return list
}

func layoutChecks(a *abi.ABI) []check {
	var list []check
	for _, l := range a.Layouts() {
		typ := cType(a, l.Name)
		if typ == "" {
			continue
		}
		first := len(list)
		list = append(list,
			check{name: "sizeof " + l.Name, expr: "sizeof(" + typ + ")", want: int64(l.Size), grows: slices.Contains(growing, l.Name)},
			check{name: "alignof " + l.Name, expr: "_Alignof(" + typ + ")", want: int64(l.Align)})
		for _, f := range l.Fields {
			name := l.Name + "." + f.Name
			member := fmt.Sprintf("((%s *)0)->%s", typ, f.Name)
			list = append(list,
				check{name: "offsetof " + name, expr: fmt.Sprintf("__builtin_offsetof(%s, %s)", typ, f.Name), want: int64(f.Offset)},
				check{name: "sizeof " + name, expr: "sizeof(" + member + ")", want: int64(f.Size)})
			if name == "io_uring_sqe.rw_flags" {
				continue // its sign changed with the kernel's version
			}
			list = append(list, check{name: "signed " + name, expr: "SIGNED(" + member + ")", want: truth(f.Signed)})
		}
		for i := first; i < len(list); i++ {
			list[i].kernelOnly = kernelOnly(a, l.Name)
		}
	}
	return list
}

// cType is the type of a structure in C, "" where C has another one of that
// name only.
func cType(a *abi.ABI, name string) string {
	switch {
	case strings.HasSuffix(name, "_t"), name == "fd_set":
		return name
	case name == "stat" && a.Arch == "sparc64":
		return "struct stat64"
	case name == "sigaction" && slices.Contains([]string{"386", "arm", "sparc64"}, a.Arch):
		return "" // that of the old call
	}
	return "struct " + name
}

// kernelOnly reports whether the C library has another structure of a name.
func kernelOnly(a *abi.ABI, name string) bool {
	switch name {
	case "sigaction", "termios":
		return true
	case "stat":
		return a.Arch == "mips64" || a.Arch == "mips64le" || a.Arch == "sparc64"
	}
	return false
}

// growing are the structures that kernels append to; programs tell the kernel
// the size that they know.
var growing = []string{"landlock_ruleset_attr", "taskstats", "tcp_info", "xdp_umem_reg"}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

const prelude = `#define SIGNED(x) _Generic((x), char: (char)-1 < 0, signed char: 1, short: 1, int: 1, long: 1, long long: 1, default: 0)
const long long values[] = {
`

// evaluate compiles the expressions and returns the values of those that the
// headers declare.
func evaluate(t *testing.T, compiler, header string, checks []check) map[string]int64 {
	dir := t.TempDir()
	include, err := filepath.Abs(filepath.Join("testdata", header))
	if err != nil {
		t.Fatal(err)
	}
	checks = declared(t, compiler, include, checks)
	before := fmt.Sprintf("#include %q\n%s", include, prelude)
	var last []byte
	for range 5 { // one error may hide another one on its line
		var c strings.Builder
		c.WriteString(before)
		for _, k := range checks {
			c.WriteString("(long long)(" + k.expr + "),\n")
		}
		c.WriteString("};\n")
		source := filepath.Join(dir, "check.c")
		if err := os.WriteFile(source, []byte(c.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		object := filepath.Join(dir, "check.o")
		cmd := exec.Command(compiler, "-c", "-w", "-fmax-errors=0", "-ftrack-macro-expansion=0", "-o", object, source)
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		out, err := cmd.CombinedOutput()
		if err == nil {
			return values(t, object, checks)
		}
		last = out
		bad := undeclaredLines(t, source, string(out), strings.Count(before, "\n"))
		var left []check
		for i, k := range checks {
			if !bad[i] {
				left = append(left, k)
			}
		}
		checks = left
	}
	t.Fatalf("%s: %s does not compile: %s", compiler, header, last)
	return nil
}

// declared is the checks all of whose words the headers have. The compiler
// would find that too, but it takes its time over names that it does not know.
func declared(t *testing.T, compiler, include string, checks []check) []check {
	words := map[string]bool{}
	out, err := exec.Command(compiler, "-E", "-dD", "-x", "c", include).Output()
	if err != nil {
		t.Fatalf("%s: %v", compiler, err)
	}
	for _, w := range word.FindAllString(string(out), -1) {
		words[w] = true
	}
	for _, w := range []string{"sizeof", "_Alignof", "__builtin_offsetof", "SIGNED", "struct"} {
		words[w] = true
	}
	var list []check
next:
	for _, c := range checks {
		for _, w := range word.FindAllString(c.expr, -1) {
			if !words[w] {
				continue next
			}
		}
		list = append(list, c)
	}
	return list
}

var (
	word       = regexp.MustCompile(`[A-Za-z_]\w*`)
	errorLine  = regexp.MustCompile(`^([^:\s]+):(\d+):\d+: error: (.*)$`)
	undeclared = regexp.MustCompile(`undeclared|undefined type|incomplete type|has no member named|request for member .* not a structure|unknown type name`)
)

// undeclaredLines is the numbers of the checks that name what the headers do
// not declare. Every other error ends the test.
func undeclaredLines(t *testing.T, source, output string, skip int) map[int]bool {
	bad := map[int]bool{}
	for line := range strings.Lines(output) {
		m := errorLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		n, _ := strconv.Atoi(m[2])
		if m[1] != source || !undeclared.MatchString(m[3]) {
			t.Fatalf("%s", line)
		}
		bad[n-skip-1] = true
	}
	if len(bad) == 0 {
		t.Fatalf("the compiler failed: %s", output)
	}
	return bad
}

// values reads the array that the compiler made.
func values(t *testing.T, object string, checks []check) map[string]int64 {
	f, err := elf.Open(object)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if s.Name != "values" {
			continue
		}
		data, err := f.Sections[s.Section].Data()
		if err != nil {
			t.Fatal(err)
		}
		data = data[s.Value:]
		m := map[string]int64{}
		for i, c := range checks {
			m[c.name] = int64(f.ByteOrder.Uint64(data[8*i:]))
		}
		return m
	}
	t.Fatalf("%s has no array of values", object)
	return nil
}
