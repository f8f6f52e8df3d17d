package images

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// CheckProgram says whether the shim can run a program, and if not, why and
// what would help.
func CheckProgram(program []byte) error {
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return fmt.Errorf("the program is not an ELF executable: %w", err)
	}
	if f.Class != elf.ELFCLASS64 || f.Machine != elf.EM_X86_64 {
		return fmt.Errorf("the program is for %v (%v), the shim for EM_X86_64: build it with GOOS=linux GOARCH=amd64", f.Machine, f.Class)
	}
	if f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN {
		return fmt.Errorf("the program is of type %v, not an executable", f.Type)
	}
	loads := false
	for _, p := range f.Progs {
		switch p.Type {
		case elf.PT_INTERP:
			return errors.New("the program is dynamically linked: build it with CGO_ENABLED=0, or statically with -ldflags='-linkmode=external -extldflags=-static'")
		case elf.PT_LOAD:
			loads = true
			if p.Off > uint64(len(program)) || p.Filesz > uint64(len(program))-p.Off {
				return fmt.Errorf("the program is cut short: a segment of %d bytes at %d lies outside of its %d bytes", p.Filesz, p.Off, len(program))
			}
		}
	}
	if !loads {
		return errors.New("the program has nothing to load")
	}
	return nil
}

// Compile builds the Go program of a package, as the go command names it, into
// what [Config] takes: static, for linux/amd64, without symbols and without
// paths of this machine. It needs the go command.
func Compile(ctx context.Context, pkg string, flags ...string) ([]byte, error) {
	return compileIn(ctx, "", pkg, flags...)
}

// compileIn is Compile, run in a directory; "": in that of this process.
func compileIn(ctx context.Context, in, pkg string, flags ...string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "anykernel-image")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "program")
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, "--", pkg)...)
	cmd.Dir = in
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	if in != "" {
		cmd.Env = append(cmd.Env, "GOFLAGS=", "GOWORK=off") // those are for this process's module
	}
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build %s: %w\n%s", pkg, err, bytes.TrimSpace(text))
	}
	program, err := os.ReadFile(out)
	if bytes.HasPrefix(program, []byte("!<arch>")) || errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("package %s is not a program: its package clause is not main", pkg)
	}
	return program, err
}
