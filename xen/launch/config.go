package launch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/anykernel/anykernel/xen/shim"
)

// A Config says what to start. Image alone has to be there.
type Config struct {
	// Image is the path of the image.
	Image string
	// Initramfs is the path of an initial RAM file system. "": none. With one,
	// Image is a stock Linux kernel.
	Initramfs string
	// CommandLine comes behind the image's own; see images.Config.
	CommandLine string
	// MemoryMiB is the guest's memory in MiB. 0: [DefaultMemory].
	MemoryMiB int
	// CPUs is how many virtual processors the guest has. 0: one.
	CPUs int
	// CPU is the processors' model and features, as QEMU's option -cpu takes
	// them. "": all that the accelerator has.
	CPU string
	// NoRNG leaves out the virtio-rng that a guest gets where its processor may
	// have no instruction that gives random numbers.
	NoRNG bool
	// Networks and Disks are the guest's devices, in order.
	Networks []Network
	Disks    []Disk
	// Accel is the accelerator: "kvm", "tcg" for software emulation, or ""
	// for the best that works here.
	Accel string
	// Stdin is what is typed on the console, Console receives what the guest
	// prints. nil: nothing, and nobody. Where Stdin is a terminal (*os.File),
	// QEMU switches it to single characters.
	Stdin   io.Reader
	Console io.Writer
	// QEMU is the program. "": [DefaultQEMU] in PATH.
	QEMU string
	// Log receives the command line and which accelerator was chosen. nil:
	// nothing.
	Log hclog.Logger
}

// DefaultMemory is a guest's memory in MiB where nothing else is said.
const DefaultMemory = 128

const (
	minMemory  = 4
	maxMemory  = 1 << 20
	maxDevices = 8 // transports of a microvm
)

// A Disk is a file that the guest sees as a block device.
type Disk struct {
	Path     string // of a raw image
	ReadOnly bool
}

// ParseDisk reads the text form of a disk: PATH[,ro].
func ParseDisk(s string) (Disk, error) {
	path, option, has := strings.Cut(s, ",")
	if path == "" || (has && option != "ro") {
		return Disk{}, fmt.Errorf("disk %q: want PATH or PATH,ro", s)
	}
	return Disk{Path: path, ReadOnly: has}, nil
}

func (c *Config) check() error {
	if c.Image == "" {
		return errors.New("no image to start")
	}
	for _, f := range []string{c.Image, c.Initramfs} {
		if f == "" {
			continue
		}
		if _, err := os.Stat(f); err != nil {
			return err
		}
	}
	if c.MemoryMiB != 0 && (c.MemoryMiB < minMemory || c.MemoryMiB > maxMemory) {
		return fmt.Errorf("%d MiB of memory: a guest has %d to %d", c.MemoryMiB, minMemory, maxMemory)
	}
	if n := len(c.Networks) + len(c.Disks); n > maxDevices {
		return fmt.Errorf("%d networks and disks: a guest has up to %d", n, maxDevices)
	}
	if c.CPUs < 0 || c.CPUs > shim.MaxCPUs {
		return fmt.Errorf("%d processors: a guest has 1 to %d", c.CPUs, shim.MaxCPUs)
	}
	if strings.ContainsAny(c.CPU, "\x00\n") || strings.HasPrefix(c.CPU, "-") {
		return fmt.Errorf("the processor %q: want a model of QEMU's, as 'qemu-system-x86_64 -cpu help' lists them", c.CPU)
	}
	if strings.ContainsAny(c.CommandLine, "\x00\n") {
		return fmt.Errorf("the command line %q has a newline or a NUL", c.CommandLine)
	}
	return nil
}

func (c *Config) logger() hclog.Logger {
	if c.Log == nil {
		return hclog.NewNullLogger()
	}
	return c.Log
}
