package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anykernel/anykernel/sys/abi"
)

func main() {
	check := flag.Bool("check", false, "compare instead of writing")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run generates the tables of all OSes.
func run(check bool) error {
	root, err := output("go", "list", "-f", "{{.Dir}}", "github.com/anykernel/anykernel/sys/abi")
	if err != nil {
		return err
	}
	files, err := generate()
	if err != nil {
		return err
	}
	if check {
		return compare(root, files)
	}
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// compare fails unless the folder holds exactly the generated files.
func compare(root string, files map[string][]byte) error {
	present, err := filepath.Glob(filepath.Join(root, "*", "z*.go"))
	if err != nil {
		return err
	}
	for _, path := range present {
		if name, _ := filepath.Rel(root, path); files[filepath.ToSlash(name)] == nil {
			return fmt.Errorf("%s is not generated any more: remove it", name)
		}
	}
	for name, text := range files {
		old, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		if !bytes.Equal(old, text) {
			return fmt.Errorf("%s is not what the generator writes: run go generate ./sys/abi", name)
		}
	}
	return nil
}

// generate returns the generated files by their names below sys/abi.
func generate() (map[string][]byte, error) {
	module, err := output("go", "list", "-m", "golang.org/x/sys")
	if err != nil {
		return nil, err
	}
	dir, err := xsysDir()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for goos, arches := range targets {
		n, err := readNames(goos)
		if err != nil {
			return nil, err
		}
		requests, err := readIoctls(goos)
		if err != nil {
			return nil, err
		}
		g := &generator{goos: goos, arches: arches, from: module, dir: dir, names: n, ioctls: requests}
		if err := g.run(files); err != nil {
			return nil, fmt.Errorf("%s: %w", goos, err)
		}
		if left := requests.unused(); len(left) > 0 {
			return nil, fmt.Errorf("%s has entries or marks without use: %s", requests.path, strings.Join(left, ", "))
		}
		if left := n.unused(); len(left) > 0 {
			slices.Sort(left)
			return nil, fmt.Errorf("names/%s.txt has entries without use: %s", goos, strings.Join(left, ", "))
		}
	}
	return files, nil
}

// A generator makes the files of one OS.
type generator struct {
	goos   string
	arches []string
	from   string // the module and its version
	dir    string // its sources
	names  *names
	ioctls *ioctls
}

func (g *generator) run(files map[string][]byte) error {
	var all []*abi.Data
	for _, arch := range g.arches {
		s, err := load(g.dir, target{g.goos, arch})
		if err != nil {
			return err
		}
		d, err := s.tables(g.names)
		if err != nil {
			return err
		}
		if d.Ioctls, err = g.ioctls.list(s.target.abi(d)); err != nil {
			return err
		}
		all = append(all, d)
	}
	base := share(all)
	var err error
	if files[g.goos+"/zbase.go"], err = g.file(importABI, literal("base", "", base)); err != nil {
		return err
	}
	for i, arch := range g.arches {
		body := g.variable(arch) + literal("data"+variableName(arch), "base", all[i])
		// The name must not end in _arch.go, which would be a constraint.
		if files[g.goos+"/z"+arch+".go"], err = g.file(importABI, body); err != nil {
			return err
		}
	}
	return nil
}

// variable is the declaration of an architecture's ABI.
func (g *generator) variable(arch string) string {
	a := target{g.goos, arch}.abi(nil)
	order := "abi.LittleEndian"
	if a.Order == abi.BigEndian {
		order = "abi.BigEndian"
	}
	name := variableName(arch)
	return fmt.Sprintf("// %s is the ABI of %s/%s.\nvar %s = &abi.ABI{OS: %q, Arch: %q, Order: %s, PointerSize: %d, Data: &data%s}\n\n",
		name, g.goos, arch, name, g.goos, arch, order, a.PointerSize, name)
}

// variableName is the name of an architecture's variable; 386 is no name.
func variableName(arch string) string {
	if arch == "386" {
		return "I386"
	}
	return strings.ToUpper(arch)
}

func output(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
