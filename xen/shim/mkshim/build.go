package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// cflags compile code that runs without an operating system, below 2 GiB of
// the top of the address space, and without touching vector registers.
var cflags = []string{
	"-std=gnu11", "-O2", "-g0",
	"-Wall", "-Wextra", "-Werror",
	"-ffreestanding", "-fno-pic", "-fno-pie", "-mcmodel=kernel", "-mno-red-zone", "-mgeneral-regs-only",
	"-fno-stack-protector", "-fcf-protection=none", "-fno-asynchronous-unwind-tables",
	"-fno-strict-aliasing", "-fno-omit-frame-pointer", "-fno-tree-loop-distribute-patterns",
}

// vdsoFlags compile code that is mapped into programs at any address.
var vdsoFlags = []string{
	"-std=gnu11", "-O2", "-g0",
	"-Wall", "-Wextra", "-Werror",
	"-fPIC", "-fvisibility=hidden", "-ffreestanding", "-nostdlib", "-mgeneral-regs-only",
	"-fno-stack-protector", "-fcf-protection=none", "-fno-asynchronous-unwind-tables", "-shared",
	"-Wl,-soname,linux-vdso.so.1", "-Wl,--hash-style=sysv", "-Wl,--build-id=none", "-Wl,-z,max-page-size=4096",
	"-Wl,-z,noexecstack",
}

type builder struct {
	src, work string
}

func (b *builder) build() error {
	vdso := append(slices.Clone(vdsoFlags), "-Wl,-T,"+filepath.Join(b.src, "vdso/vdso.lds"),
		"-o", b.in("vdso.so"), filepath.Join(b.src, "vdso/vdso.c"))
	if err := tool("gcc", vdso...); err != nil {
		return err
	}
	if err := tool("objcopy", "--strip-unneeded", b.in("vdso.so")); err != nil {
		return err
	}
	objects, err := b.compile()
	if err != nil {
		return err
	}
	script := b.in("link.ld")
	if err := tool("gcc", "-E", "-P", "-x", "c", "-I", b.src, "-o", script, filepath.Join(b.src, "link.lds")); err != nil {
		return err
	}
	link := append([]string{"-nostdlib", "-static", "--build-id=none", "-z", "max-page-size=4096", "-z", "noexecstack",
		"--no-warn-rwx-segments", "-T", script, "-o", b.in("shim.debug")}, objects...)
	if err := tool("ld", link...); err != nil {
		return err
	}
	return tool("objcopy", "--strip-all", b.in("shim.debug"), b.in("shim.elf"))
}

// compile makes an object of each source, in order of their names.
func (b *builder) compile() ([]string, error) {
	var sources, objects []string
	for _, pattern := range []string{"*.S", "*.c"} {
		found, err := filepath.Glob(filepath.Join(b.src, pattern))
		if err != nil {
			return nil, err
		}
		sources = append(sources, found...)
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("no sources in %s", b.src)
	}
	errs := make([]error, len(sources))
	limit := make(chan struct{}, runtime.NumCPU())
	var wg sync.WaitGroup
	for i, s := range sources {
		o := b.in(filepath.Base(s) + ".o")
		objects = append(objects, o)
		wg.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			errs[i] = tool("gcc", append(slices.Clone(cflags), "-I", b.src, "-Wa,-I,"+b.work, "-c", "-o", o, s)...)
		})
	}
	wg.Wait()
	return objects, errors.Join(errs...)
}

func (b *builder) in(name string) string { return filepath.Join(b.work, name) }

// tool runs a program whose output matters only when it fails.
func tool(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "SOURCE_DATE_EPOCH=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
