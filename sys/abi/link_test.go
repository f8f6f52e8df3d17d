package abi_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestLinked: a program holds the tables of the architectures only that it
// names, and runs no code to make them.
func TestLinked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the test reads ELF files")
	}
	const program = `package main

import "github.com/anykernel/anykernel/sys/abi/linux"

func main() {
	number, _ := linux.ARM64.Call("openat")
	println(number)
}
`
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "main")
	if err := os.WriteFile(source, []byte(program), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range symbols {
		if name, ok := strings.CutPrefix(s.Name, "github.com/anykernel/anykernel/sys/abi/linux."); ok {
			got = append(got, name)
		}
	}
	named := strings.Join(got, " ")
	if !strings.Contains(named, "dataARM64") {
		t.Errorf("the table that the program names is not there: %s", named)
	}
	for _, unwanted := range []string{"init", "dataAMD64", "data386", "dataMIPS"} {
		if strings.Contains(named, unwanted) {
			t.Errorf("the program has %s: %s", unwanted, named)
		}
	}
}
