package sys

import "testing"

// TestDeviceNumbers has numbers as makedev(3) of each OS makes them.
func TestDeviceNumbers(t *testing.T) {
	for _, tc := range []struct {
		os   string
		dev  Device
		code uint64
	}{
		{"linux", Device{8, 1}, 0x801},
		{"linux", Device{259, 300}, 0x11032c},
		{"linux", Device{0xfff, 0xfffff}, 0xffffffff},
		{"linux", Device{0x12345, 0x123456}, 0x12000<<32 | 0x123400<<12 | 0x34500 | 0x56},
		{"netbsd", Device{0xfff, 0xfffff}, 0xffffffff},
		{"netbsd", Device{4, 300}, 0x10042c},
		{"openbsd", Device{4, 300}, 0x1042c},
		{"freebsd", Device{4, 300}, 0x10000042c},
		{"darwin", Device{14, 3}, 0xe000003},
	} {
		c := deviceCodes[tc.os]
		code, fits := c.pack(tc.dev)
		if !fits || code != tc.code {
			t.Errorf("%s: %v is %#x (%v), want %#x", tc.os, tc.dev, code, fits, tc.code)
		}
		if dev := c.unpack(code); dev != tc.dev {
			t.Errorf("%s: %#x is %v, want %v", tc.os, code, dev, tc.dev)
		}
	}
}

func FuzzDeviceNumbers(f *testing.F) {
	f.Add(uint32(8), uint32(300))
	f.Fuzz(func(t *testing.T, major, minor uint32) {
		for os, c := range deviceCodes {
			if code, fits := c.pack(Device{major, minor}); fits && c.unpack(code) != (Device{major, minor}) {
				t.Errorf("%s: %d:%d is %#x, which is %v", os, major, minor, code, c.unpack(code))
			}
		}
	})
}
