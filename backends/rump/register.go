package rump

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/rump/kit"
)

// Name is what specifications call the backend.
const Name = "rump"

// defaultComponents are what a kernel has of which nothing else was said.
var defaultComponents = []string{"vfs", "fs_tmpfs", "dev_rnd", "net_netinet", "net_netinet6", "net_local"}

// linuxPersonality is the component that gives every process the calls of
// Linux under NetBSD's numbers, and no others: none that mount, for one.
const linuxPersonality = "kern_sys_linux"

func init() {
	backends.Register(backends.Backend{
		Name:    Name,
		Summary: "NetBSD's kernel in this process",
		Args:    "components of the kit, such as net_netinet or ffs; what they need is added",
		Options: []backends.OptionInfo{
			{Key: "ncpu", Value: "number", Default: "1", Doc: "virtual CPUs"},
			{Key: "mem", Value: "size", Default: "what it uses, up to 1g", Doc: "memory limit, such as 64m"},
			{Key: "hostname", Value: "name", Default: Name, Doc: "host name"},
			{Key: "debug", Value: "0 or 1", Default: "0", Doc: "tell gdb the kernel's functions by name"},
			{Key: "verbose", Value: "0 or 1", Default: "0", Doc: "print what is found at boot"},
			{Key: "mount", Value: "[type:]image:path", Doc: "a file system in an image of the host; may be repeated"},
			{Key: "kit", Value: "folder", Default: kit.DefaultDir(), Doc: "folder of the components"},
			backends.SeparateOption,
		},
		Requirements: requirements,
		NICs:         true,
		Scheduled:    true,
		Open:         open,
	})
}

// needKit is the requirement that a kit is there.
func needKit() backends.Requirement {
	return backends.Requirement{Name: "kit", Err: kit.Present(kit.DefaultDir()), Remedy: kit.Remedy}
}

// settings are the options of a specification.
type settings struct {
	cpus, memory  int
	hostname, kit string
	verbose       bool
	debug         bool
	components    []string
	mounts        []mount
	sector        int // the size of sectors that they need; 0 for any
}

func parse(s backends.Spec) (settings, error) {
	set := settings{components: slices.Clone(s.Args)}
	if len(s.Args) == 0 {
		set.components = slices.Clone(defaultComponents)
	}
	for _, o := range s.Options {
		var err error
		switch o.Key {
		case "ncpu":
			set.cpus, err = strconv.Atoi(o.Value)
		case "mem":
			set.memory, err = parseSize(o.Value)
		case "hostname":
			set.hostname = o.Value
		case "debug":
			set.debug, err = strconv.ParseBool(o.Value)
		case "verbose":
			set.verbose, err = strconv.ParseBool(o.Value)
		case "mount":
			var m mount
			m, err = parseMount(o.Value)
			set.mounts = append(set.mounts, m)
		case "kit":
			set.kit = o.Value
		}
		if err != nil {
			return settings{}, &backends.SpecError{Spec: s.String(), Part: o.Key + "=" + o.Value, Reason: err.Error()}
		}
	}
	for _, name := range set.components {
		if kit.Normalize(name) == linuxPersonality {
			return settings{}, &backends.SpecError{Spec: s.String(), Part: name, Reason: "a kernel with Linux's calls in the place of its own is not supported"}
		}
	}
	return set, nil
}

// parseSize reads a number of bytes, with the suffix k, m or g for powers of
// 1024.
func parseSize(text string) (int, error) {
	digits, shift := text, 0
	if i := strings.IndexAny(text, "kmgKMG"); i >= 0 && i == len(text)-1 {
		digits = text[:i]
		shift = map[byte]int{'k': 10, 'm': 20, 'g': 30}[text[i]|0x20]
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || n > 1<<40>>shift {
		return 0, fmt.Errorf("a size is a positive number, with k, m or g behind it for units of 1024, and at most 1024g")
	}
	return int(n << shift), nil
}
