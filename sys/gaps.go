package sys

import "github.com/anykernel/anykernel/sys/abi"

// gaps are the constants that the calls of this package need and that package
// abi has not, because its source has not. Each is from the manual page or header
// named.
var gaps = map[string]map[string]int64{
	"netbsd": {
		"UTIME_NOW":     1<<30 - 1, // sys/stat.h
		"UTIME_OMIT":    1<<30 - 2,
		"XATTR_CREATE":  1, // sys/xattr.h
		"XATTR_REPLACE": 2,
		"FIONREAD":      fionread,

		"MNT_REMOUNT": 0x10000,                               // MNT_UPDATE of sys/mount.h
		"SIG_BLOCK":   1, "SIG_UNBLOCK": 2, "SIG_SETMASK": 3, // sys/signal.h
		"RLIMIT_SBSIZE":  9,                       // sys/resource.h
		"CLOCK_REALTIME": 0, "CLOCK_MONOTONIC": 3, // sys/time.h
		"CLOCK_PROCESS_CPUTIME_ID": 0x40000000, "CLOCK_THREAD_CPUTIME_ID": 0x20000000,
		"GRND_NONBLOCK": 1, "GRND_RANDOM": 2, "GRND_INSECURE": 4, // sys/random.h
	},
	"freebsd": {
		"FIONREAD":    fionread,
		"MNT_REMOUNT": 0x10000,
		"SIG_BLOCK":   1, "SIG_UNBLOCK": 2, "SIG_SETMASK": 3,
		"RLIMIT_SBSIZE": 9,
		"GRND_NONBLOCK": 1, "GRND_RANDOM": 2, "GRND_INSECURE": 4,
	},
	"openbsd": {
		"FIONREAD":    fionread,
		"MNT_REMOUNT": 0x10000,
		"SIG_BLOCK":   1, "SIG_UNBLOCK": 2, "SIG_SETMASK": 3,
		"CLOCK_REALTIME": 0, "CLOCK_MONOTONIC": 3, "CLOCK_BOOTTIME": 6,
		"CLOCK_PROCESS_CPUTIME_ID": 2, "CLOCK_THREAD_CPUTIME_ID": 4,
	},
	"darwin": {
		"FIONREAD":    fionread,
		"MNT_REMOUNT": 0x10000,
		"SIG_BLOCK":   1, "SIG_UNBLOCK": 2, "SIG_SETMASK": 3,
	},
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
