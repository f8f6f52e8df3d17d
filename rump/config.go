//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"fmt"
	"strconv"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/hashicorp/go-hclog"
)

// A Config says how a kernel is booted. The zero Config boots the smallest
// kernel of the default kit.
type Config struct {
	// Kit is the folder of the components; "" is kit.DefaultDir.
	Kit string
	// Components are names as kit.Find takes them, in any order. What they
	// need is added.
	Components []string
	// CPUs is the number of virtual CPUs: so many threads can be inside the
	// kernel at a time. 0 is 1.
	CPUs int
	// Memory is the most that the kernel may have, in bytes. 0 is 1 GiB, of
	// which it takes what it uses.
	Memory int
	// Hostname is the kernel's own host name. "" is "rump".
	Hostname string
	// Debug tells gdb of the kernel's functions, so that it shows them by
	// name.
	Debug bool
	// Verbose makes the kernel print what it finds when it boots.
	Verbose bool
	// Params are further settings by name, as rump(7) has them: RUMP_NVNODES,
	// RUMP_BLKFAIL …
	Params map[string]string
	// Host answers hypercalls. The zero Host is hypercall.POSIX. Its Params
	// come before those here.
	Host hypercall.Host
	// Hooks see the hypercalls. nil: none.
	Hooks *hypercall.Hooks
	// Log receives what the boot has to say. nil: nothing.
	Log hclog.Logger
}

const (
	defaultMemory = 1 << 30
	minMemory     = 4 << 20
	maxMemory     = 1 << 40
	maxCPUs       = 32
)

func (c Config) withDefaults() Config {
	if c.CPUs == 0 {
		c.CPUs = 1
	}
	if c.Hostname == "" {
		c.Hostname = "rump"
	}
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
	c.Host = c.Host.Over(hypercall.POSIX())
	return c
}

func (c *Config) check() error {
	if c.CPUs < 1 || c.CPUs > maxCPUs {
		return fmt.Errorf("%d virtual CPUs: a kernel has 1 to %d", c.CPUs, maxCPUs)
	}
	if c.Memory != 0 && (c.Memory < minMemory || c.Memory > maxMemory) {
		return fmt.Errorf("%d bytes of memory: a kernel has %d to %d", c.Memory, minMemory, maxMemory)
	}
	if len(c.Hostname) > 255 {
		return fmt.Errorf("a host name of %d bytes: NetBSD takes 255", len(c.Hostname))
	}
	return nil
}

// settings are a kernel's Params: those of first, and then its own.
type settings struct {
	first hypercall.Params // may be nil
	own   map[string]string
}

// Param implements hypercall.Params.
func (s settings) Param(name string) (string, bool) {
	if s.first != nil {
		if v, ok := s.first.Param(name); ok {
			return v, true
		}
	}
	v, ok := s.own[name]
	return v, ok
}

// params are the kernel's settings by the names that it asks for.
func (c *Config) params() map[string]string {
	p := map[string]string{
		"_RUMPUSER_NCPU":     strconv.Itoa(c.CPUs),
		"_RUMPUSER_HOSTNAME": c.Hostname,
	}
	if c.Memory != 0 {
		// The kernel keeps to its limit by itself, and begins to free caches
		// before it; what its locks take is not counted there.
		p["RUMP_MEMLIMIT"] = strconv.Itoa((c.Memory-c.Memory/8)>>10) + "k"
	}
	if c.Verbose {
		p["RUMP_VERBOSE"] = "1"
	}
	for name, value := range c.Params {
		p[name] = value
	}
	return p
}

func (c *Config) arena() int {
	if c.Memory == 0 {
		return defaultMemory
	}
	return c.Memory
}
