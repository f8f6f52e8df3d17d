//go:build linux

package loader

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A trapPage is code: for each name that nobody has a stub that calls the
// trap with it. It is writable until seal, executable after it.
type trapPage struct {
	trap uintptr
	mem  []byte
	used int
}

// trapSpace bounds the stubs and names of one program.
const trapSpace = 256 << 10

// stubSize is the room for a stub's instructions and the words behind them.
const stubSize = 32

func newTrapPage(trap uintptr) *trapPage { return &trapPage{trap: trap} }

// add makes a stub for name and returns its address.
func (t *trapPage) add(name string) (uintptr, error) {
	if t.mem == nil {
		mem, err := unix.Mmap(-1, 0, trapSpace, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
		if err != nil {
			return 0, os.NewSyscallError("mmap", err)
		}
		t.mem = mem
		runtime.AddCleanup(t, func(mem []byte) { _ = unix.Munmap(mem) }, mem)
	}
	need := (stubSize + len(name) + 1 + 15) &^ 15
	if t.used+need > len(t.mem) {
		return 0, fmt.Errorf("more missing symbols than fit %d bytes", trapSpace)
	}
	b := t.mem[t.used : t.used+need]
	t.used += need
	copy(b[stubSize:], name)
	writeStub(hostMachine(), b, addrOf(b)+stubSize, t.trap)
	return addrOf(b), nil
}

// writeStub writes code that calls trap(name).
func writeStub(m Machine, b []byte, name, trap uintptr) {
	le := binary.LittleEndian
	switch m {
	case elf.EM_AARCH64:
		le.PutUint32(b[0:], 0x58000080) // ldr x0, .+16
		le.PutUint32(b[4:], 0x580000b0) // ldr x16, .+20
		le.PutUint32(b[8:], 0xd61f0200) // br x16
		le.PutUint32(b[12:], 0xd503201f)
		le.PutUint64(b[16:], uint64(name))
		le.PutUint64(b[24:], uint64(trap))
	default:
		copy(b, "\x48\xbf........\x48\xb8........\xff\xe0") // mov rdi, name; mov rax, trap; jmp rax
		le.PutUint64(b[2:], uint64(name))
		le.PutUint64(b[12:], uint64(trap))
	}
}

func (t *trapPage) seal() error {
	return os.NewSyscallError("mprotect", unix.Mprotect(t.mem, unix.PROT_READ|unix.PROT_EXEC))
}

func addrOf(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }
