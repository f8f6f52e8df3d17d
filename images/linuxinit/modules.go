//go:build linux && amd64

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"
)

// A module is one that the image has, not loaded yet.
type module struct {
	needs   []string
	aliases []string // patterns of devices that it drives
}

// parseTable reads what package images has written: lines of a name, the names
// that it needs, with commas between, and patterns, all behind tabs.
func parseTable(text string) map[string]module {
	modules := map[string]module{}
	for line := range strings.Lines(text) {
		parts := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(parts) < 2 {
			continue
		}
		m := module{aliases: parts[2:]}
		if parts[1] != "" {
			m.needs = strings.Split(parts[1], ",")
		}
		modules[parts[0]] = m
	}
	return modules
}

// loadModules loads the drivers of devices that are there, until no new
// devices come of it: a bus's driver finds more.
func loadModules() error {
	table, err := os.ReadFile(moduleTable)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the kernel has all that it needs
	}
	if err != nil {
		return err
	}
	modules := parseTable(string(table))
	for {
		name := wanted(modules, devices())
		if name == "" {
			return nil
		}
		if err := load(modules, name); err != nil {
			return err
		}
	}
}

// devices are the names by which drivers know the devices that are there.
func devices() []string {
	files, _ := filepath.Glob("/sys/bus/*/devices/*/modalias") // the pattern is good
	var names []string
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil {
			names = append(names, strings.TrimSpace(string(b)))
		}
	}
	return names
}

// wanted is a module for one of the devices; "": none that is not loaded.
func wanted(modules map[string]module, devices []string) string {
	for name, m := range modules {
		for _, pattern := range m.aliases {
			for _, d := range devices {
				if ok, _ := path.Match(pattern, d); ok {
					return name
				}
			}
		}
	}
	return ""
}

// load loads a module behind those that it needs, and takes all of them out of
// the modules that are left.
func load(modules map[string]module, name string) error {
	m, ok := modules[name]
	if !ok {
		return nil
	}
	delete(modules, name)
	for _, n := range m.needs {
		if err := load(modules, n); err != nil {
			return err
		}
	}
	f, err := os.Open(moduleDir + name)
	if err != nil {
		return err
	}
	defer f.Close()
	const finitModule = 313
	var none byte
	_, _, e := syscall.Syscall(finitModule, f.Fd(), uintptr(unsafe.Pointer(&none)), 0)
	if e != 0 && e != syscall.EEXIST {
		return fmt.Errorf("load module %s: %w", name, e)
	}
	return nil
}
