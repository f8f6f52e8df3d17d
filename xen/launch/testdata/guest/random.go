package main

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/xen/device"
)

// random: getrandom(2) and /dev/urandom give bytes that look random, beside
// as many disks as the argument says.
func random(args []string) {
	b := make([]byte, 1<<16)
	n := must(unix.Getrandom(b, 0))
	check(n == len(b), "getrandom gave %d bytes of %d", n, len(b))
	checkRandom(b)
	f := must(os.Open("/dev/urandom"))
	n = must(f.Read(b))
	check(n == len(b), "/dev/urandom gave %d bytes of %d", n, len(b))
	checkRandom(b)
	_, err := unix.Getrandom(unsafe.Slice((*byte)(nil), 0), 0)
	check(err == nil || errors.Is(err, unix.EFAULT), "getrandom of nothing: %v", err)
	devices := must(device.Open())
	check(strconv.Itoa(len(devices.Disks)) == args[0], "%d disks, want %s", len(devices.Disks), args[0])
	rand.Read(b[:32])
	fmt.Printf("bytes %x\nrandom ok\n", b[:32])
}

// checkRandom: as many ones as zeros, within six standard deviations, and no
// block of 64 bytes twice.
func checkRandom(b []byte) {
	ones, blocks := 0, map[[64]byte]bool{}
	for i := 0; i < len(b); i += 64 {
		block := [64]byte(b[i:])
		check(!blocks[block], "the same 64 bytes twice")
		blocks[block] = true
		for j := range 8 {
			ones += bits.OnesCount64(binary.LittleEndian.Uint64(block[8*j:]))
		}
	}
	const deviation = 362 // of 2^19 coins
	check(ones > 1<<18-6*deviation && ones < 1<<18+6*deviation, "%d ones among %d bits", ones, 8*len(b))
}

// auxv prints the 16 random bytes that the program was started with: nothing
// was drawn from the source before but where the stack is.
func auxv([]string) {
	const atRandom = 25
	for _, entry := range must(unix.Auxv()) {
		if entry[0] == atRandom {
			fmt.Printf("key %x\n", unsafe.Slice(*(**byte)(unsafe.Pointer(&entry[1])), 16))
		}
	}
}
