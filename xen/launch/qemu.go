package launch

import (
	"fmt"
	"os/exec"
	"strconv"

	"golang.org/x/sys/cpu"
)

// statusFD is the descriptor in QEMU that the guest's exit status comes out of.
const statusFD = 3

// A microvm has 8 transports of virtio, which are always there and tell
// whether they have a device (qemu/hw/i386/microvm.c, include/hw/i386/microvm.h).
const (
	transportBase = 0xfeb00000
	transportSize = 512
	transportLine = 5
)

// DefaultQEMU is the program that runs guests where nothing else is said.
const DefaultQEMU = "qemu-system-x86_64"

// findQEMU is the program to run.
func (c *Config) findQEMU() (string, error) {
	name := c.QEMU
	if name == "" {
		name = DefaultQEMU
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w: install QEMU (apt-get install qemu-system-x86)", err)
	}
	return path, nil
}

// args is QEMU's command line, without the program.
func (c *Config) args(accel string) ([]string, error) {
	memory := c.MemoryMiB
	if memory == 0 {
		memory = DefaultMemory
	}
	model := c.CPU
	if model == "" {
		model = bestCPU(accel)
	}
	devices := len(c.Networks) + len(c.Disks)
	if c.hasRNG(accel) {
		devices++
	}
	if devices > maxDevices {
		return nil, fmt.Errorf("%d networks, disks and virtio-rng: a guest has up to %d", devices, maxDevices)
	}
	a := []string{
		"-machine", "microvm,acpi=" + onOff(c.Initramfs != "") + ",pit=off,pic=off,rtc=on,isa-serial=on,auto-kernel-cmdline=off",
		"-accel", accel, "-cpu", model, "-smp", strconv.Itoa(max(c.CPUs, 1)), "-m", strconv.Itoa(memory),
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-global", "virtio-mmio.force-legacy=false",
		"-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
		// append, because QEMU would truncate the file otherwise, and it is a pipe.
		"-add-fd", fmt.Sprintf("fd=%d,set=1", statusFD),
		"-chardev", "file,id=status,append=on,path=/dev/fdset/1",
		"-device", "isa-debugcon,iobase=0xf5,chardev=status",
		"-device", "isa-debug-exit,iobase=0xf4,iosize=1",
		"-kernel", c.Image, "-append", c.kernelCommandLine(accel, devices > 0),
	}
	if c.Initramfs != "" {
		a = append(a, "-initrd", c.Initramfs)
	}
	for i, n := range c.Networks {
		id := fmt.Sprintf("net%d", i)
		netdev, err := n.netdev(id)
		if err != nil {
			return nil, err
		}
		device := "virtio-net-device,netdev=" + id
		if n.MAC != nil {
			device += ",mac=" + n.MAC.String()
		}
		a = append(a, "-netdev", netdev, "-device", device)
	}
	for i, d := range c.Disks {
		drive := fmt.Sprintf("if=none,id=disk%d,format=raw,file=%s", i, escape(d.Path))
		if d.ReadOnly {
			drive += ",readonly=on"
		}
		a = append(a, "-drive", drive, "-device", fmt.Sprintf("virtio-blk-device,drive=disk%d", i))
	}
	if c.hasRNG(accel) {
		a = append(a, "-device", "virtio-rng-device")
	}
	return a, nil
}

// bestCPU is the model with all that an accelerator has.
func bestCPU(accel string) string {
	if accel == "kvm" {
		return "host"
	}
	return "max"
}

// hasRNG tells whether the guest gets a virtio-rng: where it is not certain
// that its processor has RDRAND or RDSEED, as TCG's has, and this machine's may
// have.
func (c *Config) hasRNG(accel string) bool {
	certain := c.CPU == "" && (accel == "tcg" || cpu.X86.HasRDRAND || cpu.X86.HasRDSEED)
	return !c.NoRNG && !certain
}

// kernelCommandLine is the caller's words, and in front of them where devices
// are, in the form that Linux knows. Stock kernels of Linux do not take that
// form, and find the devices by ACPI.
func (c *Config) kernelCommandLine(accel string, devices bool) string {
	if c.Initramfs != "" {
		return linuxWords(accel) + c.CommandLine
	}
	line := ""
	if devices {
		for i := range maxDevices {
			line += fmt.Sprintf("virtio_mmio.device=%d@%#x:%d ", transportSize, transportBase+i*transportSize, transportLine+i)
		}
	}
	return line + c.CommandLine
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}
