package images

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Offsets in a bzImage (Linux: Documentation/arch/x86/boot.rst).
const (
	bzMagic    = 0x202 // "HdrS"
	bzProtocol = 0x206
	bzVersion  = 0x20e // where the version's text is, less 512
	bzXLoad    = 0x236

	bzMinProtocol = 0x20c // the first that tells whether it is for 64 bits
	bz64          = 1     // of xloadflags: the kernel has a 64-bit entry
)

// LinuxVersion is the version of a Linux kernel for amd64, such as
// "6.1.0-56-cloud-amd64", out of its bzImage, which may be anything.
func LinuxVersion(kernel []byte) (string, error) {
	if len(kernel) < bzXLoad+2 || string(kernel[bzMagic:bzMagic+4]) != "HdrS" {
		return "", errors.New("not a Linux kernel for x86: it has no bzImage's header; on Debian that is a file /boot/vmlinuz-*")
	}
	field := func(at int) int { return int(binary.LittleEndian.Uint16(kernel[at:])) }
	if p := field(bzProtocol); p < bzMinProtocol {
		return "", fmt.Errorf("the Linux kernel has boot protocol %d.%d; 2.12 is wanted, which Linux 3.8 and later have", p>>8, p&0xff)
	}
	if field(bzXLoad)&bz64 == 0 {
		return "", errors.New("the Linux kernel is for 32 bits; the program is for amd64")
	}
	at := field(bzVersion)
	if at == 0 || at+512 >= len(kernel) {
		return "", errors.New("the Linux kernel does not tell its version")
	}
	text := kernel[at+512:]
	text = text[:min(len(text), 256)]
	end := bytes.IndexByte(text, 0)
	if end < 0 {
		return "", errors.New("the Linux kernel's version does not end")
	}
	version, _, _ := strings.Cut(string(text[:end]), " ")
	if err := checkName(version); err != nil || strings.Contains(version, "/") {
		return "", fmt.Errorf("the Linux kernel's version is %q", version)
	}
	return version, nil
}
