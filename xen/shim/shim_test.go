package shim

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/xen/shim/source"
)

// recorded is the value of a line of the record.
func recorded(t *testing.T, name string) string {
	t.Helper()
	for line := range strings.Lines(Record()) {
		if v, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(v)
		}
	}
	t.Fatalf("shim.txt has no line %q", name)
	return ""
}

func TestBuiltFromTheseSources(t *testing.T) {
	digest, err := source.Digest("src")
	if err != nil {
		t.Fatal(err)
	}
	if recorded(t, "sources") != digest {
		t.Error("shim.elf is older than its sources: run go generate ./xen/shim")
	}
}

// TestReproducible builds the shim with the tools that are here. The bytes
// must be those that are committed where the tools are the same.
func TestReproducible(t *testing.T) {
	for _, tool := range []string{"gcc", "ld", "objcopy"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not here: install gcc and binutils (apt-get install gcc binutils)", tool)
		}
	}
	first, second := build(t), build(t)
	for _, name := range []string{"shim.elf", "shim.txt"} {
		a, b := read(t, first, name), read(t, second, name)
		if !bytes.Equal(a, b) {
			t.Fatalf("two builds of %s differ", name)
		}
	}
	if !bytes.Equal(read(t, first, "shim.txt"), []byte(Record())) {
		t.Skipf("built here from\n%s, committed was\n%s: other tools make other bytes", read(t, first, "shim.txt"), Record())
	}
	if !bytes.Equal(read(t, first, "shim.elf"), Bytes()) {
		t.Error("shim.elf is not what its sources build to: run go generate ./xen/shim")
	}
}

func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command("go", "run", "./mkshim", "-o", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("mkshim: %v\n%s", err, out)
	}
	return dir
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestNothingIsWritableAndExecutable holds the file to W^X; the running shim
// holds its page tables to it.
func TestNothingIsWritableAndExecutable(t *testing.T) {
	f, err := elf.NewFile(bytes.NewReader(Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	const wx = elf.PF_W | elf.PF_X
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Flags&wx == wx {
			t.Errorf("the segment at %#x is writable and executable", p.Vaddr)
		}
		if p.Type == elf.PT_LOAD && p.Paddr+p.Memsz > 2<<20 {
			t.Errorf("the segment at %#x reaches %#x, beyond the payload's place", p.Vaddr, p.Paddr+p.Memsz)
		}
	}
}

// TestMaxCPUs holds the constant to the sources'.
func TestMaxCPUs(t *testing.T) {
	b, err := os.ReadFile("src/layout.h")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) >= 3 && f[0] == "#define" && f[1] == "MAX_CPUS" {
			if f[2] != strconv.Itoa(MaxCPUs) {
				t.Errorf("MAX_CPUS is %s, MaxCPUs %d", f[2], MaxCPUs)
			}
			return
		}
	}
	t.Error("src/layout.h has no MAX_CPUS")
}
