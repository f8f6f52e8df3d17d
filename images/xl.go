package images

import (
	"errors"
	"fmt"
	"strings"

	"github.com/anykernel/anykernel/xen/shim"
)

// An XLConfig is a guest for Xen's xl(1); see xl.cfg(5).
type XLConfig struct {
	Name        string
	Image       string // path of the image, in dom0
	MemoryMiB   int
	VCPUs       int      // 0: one
	Ramdisk     string   // path of an initramfs, where the image is a Linux kernel; "": none
	CommandLine string   // behind the image's own
	Vifs        []string // xl-network-configuration(5)
	Disks       []string // xl-disk-configuration(5)
	// Keep has a guest that has ended stay, until somebody destroys it: xl(1)
	// tells how it ended.
	Keep bool
}

// String is the configuration file.
func (c XLConfig) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "name = %s\ntype = \"pvh\"\nkernel = %s\n", xlString(c.Name), xlString(c.Image))
	if c.Ramdisk != "" {
		fmt.Fprintf(&b, "ramdisk = %s\n", xlString(c.Ramdisk))
	}
	fmt.Fprintf(&b, "memory = %d\nvcpus = %d\n", c.MemoryMiB, max(c.VCPUs, 1))
	if c.CommandLine != "" {
		fmt.Fprintf(&b, "cmdline = %s\n", xlString(c.CommandLine))
	}
	xlList(&b, "vif", c.Vifs)
	xlList(&b, "disk", c.Disks)
	if c.Keep {
		b.WriteString("on_poweroff = \"preserve\"\non_reboot = \"preserve\"\non_crash = \"preserve\"\n")
		return b.String()
	}
	b.WriteString("on_poweroff = \"destroy\"\non_reboot = \"restart\"\non_crash = \"destroy\"\n")
	return b.String()
}

// Check says what is wrong with c.
func (c XLConfig) Check() error {
	if c.Name == "" || c.Image == "" || c.MemoryMiB <= 0 {
		return errors.New("a guest needs a name, an image and memory")
	}
	if c.VCPUs < 0 || c.VCPUs > shim.MaxCPUs {
		return fmt.Errorf("%d virtual processors: a guest has 1 to %d", c.VCPUs, shim.MaxCPUs)
	}
	for _, s := range append([]string{c.Name, c.Image, c.Ramdisk, c.CommandLine}, append(c.Vifs, c.Disks...)...) {
		if strings.ContainsAny(s, "\n\r\x00") || (strings.ContainsRune(s, '"') && strings.ContainsRune(s, '\'')) {
			return fmt.Errorf("%q cannot be written in xl.cfg(5), which knows no escapes", s)
		}
	}
	return nil
}

// xlString quotes s: in either quotes, and without escapes.
func xlString(s string) string {
	if strings.ContainsRune(s, '"') {
		return "'" + s + "'"
	}
	return `"` + s + `"`
}

func xlList(b *strings.Builder, key string, values []string) {
	if len(values) == 0 {
		return
	}
	var quoted []string
	for _, v := range values {
		quoted = append(quoted, xlString(v))
	}
	fmt.Fprintf(b, "%s = [ %s ]\n", key, strings.Join(quoted, ", "))
}
