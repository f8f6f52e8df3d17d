//go:build linux

package loader

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A source is a component of the tests' own, in C.
type source struct {
	name string
	code string
	args []string // for the compiler
}

// compile makes libraries of sources, as rump components are made: they name no
// library that they need, and leave symbols open.
func compile(t testing.TB, sources ...source) []*Library {
	t.Helper()
	dir := t.TempDir()
	var libs []*Library
	for _, s := range sources {
		out, err := build(t, dir, s)
		if err != nil {
			t.Fatal(err)
		}
		l, err := Open(out)
		if err != nil {
			t.Fatal(err)
		}
		libs = append(libs, l)
	}
	return libs
}

// build compiles a source to a file in dir.
func build(t testing.TB, dir string, s source) (string, error) {
	cc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("gcc is not here (remedy: apt-get install gcc)")
	}
	in, out := filepath.Join(dir, s.name+".c"), filepath.Join(dir, "lib"+s.name+".so")
	if err := os.WriteFile(in, []byte(s.code), 0o644); err != nil {
		return "", err
	}
	args := append([]string{"-shared", "-fPIC", "-O1", "-fno-builtin", "-nostdlib", "-fno-stack-protector", "-o", out, in}, s.args...)
	if msg, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("gcc: %w\n%s", err, msg)
	}
	return out, nil
}

// load links and loads libraries.
func load(t testing.TB, o Options, libs ...*Library) *Image {
	t.Helper()
	p, err := Link(libs, o)
	if err != nil {
		t.Fatal(err)
	}
	im, err := p.Load()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := im.Close(); err != nil {
			t.Error(err)
		}
	})
	return im
}

// compileOne compiles a source that may not be loaded.
func compileOne(t testing.TB, s source) (*Library, error) {
	t.Helper()
	data := object(t, s)
	return Parse(s.name, data)
}

// object is the bytes of a compiled source.
func object(t testing.TB, s source) []byte {
	t.Helper()
	out, err := build(t, t.TempDir(), s)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
