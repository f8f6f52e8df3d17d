//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"errors"
	"fmt"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/netbsd/fsargs"
)

// prepare makes what programs expect to find: /tmp, on a file system in
// memory where the kernel has one, and the images that its specification
// mounts. The root file system of a rump kernel holds little more than mount
// points.
func (k *Kernel) prepare(set *settings) error {
	if k.caps.Has(backends.Files) {
		if _, err := k.call("mkdir", str("/tmp"), backends.Int(0o1777)); err != nil && !errors.Is(err, abi.Errno(eEXIST)) {
			return fmt.Errorf("mkdir /tmp: %w", err)
		}
	}
	if k.caps.Has(backends.Mounts) {
		if err := k.mount("/tmp", 0, &fsargs.Tmpfs{Mode: 0o1777, Size: tmpSize(set.memory)}); err != nil {
			return fmt.Errorf("mount tmpfs on /tmp: %w", err)
		}
	}
	for n := range set.mounts {
		if err := k.mountImage(n, &set.mounts[n]); err != nil {
			return err
		}
	}
	return nil
}

// tmpSize is how much /tmp may hold where a kernel's memory is limited: what the
// kernel needs for itself is left to it, so that a full disk is an error and no
// end. It is 0 without a limit: what there is.
func tmpSize(memory int) int64 {
	const own = 16 << 20 // max(0/2, -own) is 0
	return int64(max(memory/2, memory-own))
}

func str(s string) backends.Arg { return backends.Mem(append([]byte(s), 0), backends.In) }

// call makes a call by name for the first process.
func (k *Kernel) call(name string, args ...backends.Arg) (uintptr, error) {
	var c backends.Call
	copy(c.Args[:], args)
	return k.makeCall(name, c)
}

// makeCall makes c, a call by name, for the first process.
func (k *Kernel) makeCall(name string, c backends.Call) (uintptr, error) {
	num, ok := k.ABI().Call(name)
	if !ok {
		return 0, fmt.Errorf("NetBSD's ABI has no call %q", name)
	}
	c.Num = num
	r, _, err := k.init.Call(c)
	return r, err
}
