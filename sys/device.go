package sys

import (
	"fmt"

	"github.com/anykernel/anykernel/sys/abi"
)

// A Device is the number of a device, or of the device that a file system is
// on.
type Device struct{ Major, Minor uint32 }

// String is the number as "major:minor".
func (d Device) String() string { return fmt.Sprintf("%d:%d", d.Major, d.Minor) }

// A deviceCode is how an OS packs the two numbers into one word.
type deviceCode struct {
	unpack func(uint64) Device
	pack   func(Device) (dev uint64, fits bool)
}

// deviceCodes are the encodings of makedev(3) by OS.
var deviceCodes = map[string]deviceCode{
	"linux": {
		func(v uint64) Device {
			return Device{uint32(v>>8&0xfff | v>>32&0xfffff000), uint32(v&0xff | v>>12&0xffffff00)}
		},
		func(d Device) (uint64, bool) {
			major, minor := uint64(d.Major), uint64(d.Minor)
			return minor&0xff | major&0xfff<<8 | minor&^0xff<<12 | major&^0xfff<<32, true
		},
	},
	"netbsd": {
		func(v uint64) Device { return Device{uint32(v >> 8 & 0xfff), uint32(v>>12&0xfff00 | v&0xff)} },
		func(d Device) (uint64, bool) {
			major, minor := uint64(d.Major), uint64(d.Minor)
			return major<<8 | minor&^0xff<<12 | minor&0xff, major < 1<<12 && minor < 1<<20
		},
	},
	"openbsd": {
		func(v uint64) Device { return Device{uint32(v >> 8 & 0xff), uint32(v&0xff | v>>8&0xffff00)} },
		func(d Device) (uint64, bool) {
			major, minor := uint64(d.Major), uint64(d.Minor)
			return major<<8 | minor&0xff | minor&^0xff<<8, major < 1<<8 && minor < 1<<24
		},
	},
	"freebsd": {
		func(v uint64) Device {
			return Device{uint32(v>>32&0xffffff00 | v>>8&0xff), uint32(v>>24&0xff00 | v&0xffff00ff)}
		},
		func(d Device) (uint64, bool) {
			major, minor := uint64(d.Major), uint64(d.Minor)
			return major&^0xff<<32 | major&0xff<<8 | minor&0xff00<<24 | minor&0xffff00ff, true
		},
	},
	"darwin": {
		func(v uint64) Device { return Device{uint32(v >> 24 & 0xff), uint32(v & 0xffffff)} },
		func(d Device) (uint64, bool) {
			return uint64(d.Major)<<24 | uint64(d.Minor), d.Major < 1<<8 && d.Minor < 1<<24
		},
	},
}

func deviceCodeOf(a *abi.ABI) deviceCode {
	if c, ok := deviceCodes[a.OS]; ok {
		return c
	}
	return deviceCodes["linux"]
}
