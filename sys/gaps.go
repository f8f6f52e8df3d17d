package sys

import "github.com/anykernel/anykernel/sys/abi"

// gaps are the constants that the calls on files need and that package abi has
// not, because its source has not. Each is from the manual page or header
// named.
var gaps = map[string]map[string]int64{
	"netbsd": {
		"UTIME_NOW":     1<<30 - 1, // sys/stat.h
		"UTIME_OMIT":    1<<30 - 2,
		"XATTR_CREATE":  1, // sys/xattr.h
		"XATTR_REPLACE": 2,
		"FIONREAD":      fionread,
	},
	"freebsd": {"FIONREAD": fionread},
	"openbsd": {"FIONREAD": fionread},
	"darwin":  {"FIONREAD": fionread},
}

// fionread is _IOR('f', 127, int) of sys/filio.h, as every BSD encodes it.
const fionread = 0x4004667f

// constant is a constant of an ABI, with the gaps filled.
func constant(a *abi.ABI, name string) (int64, bool) {
	if v, ok := a.Const(name); ok {
		return v, true
	}
	v, ok := gaps[a.OS][name]
	return v, ok
}
