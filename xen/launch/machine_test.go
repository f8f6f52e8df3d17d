package launch

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"testing"

	"github.com/anykernel/anykernel/images"
)

// machineBase is where programs of machine code are; behind it is room for
// what calls read and write.
const (
	machineBase = 0x400000
	machineData = machineBase + 0x10000
)

// machine makes an image of a program that makes calls, one after the other,
// and nothing else: what Go's runtime does by itself is not in the way.
func machine(t *testing.T, calls ...[]uint64) Config {
	t.Helper()
	var code []byte
	for _, c := range calls {
		// mov $imm64 to rax, rdi, rsi, rdx, r10, r8, r9
		for i, op := range [][]byte{{0x48, 0xb8}, {0x48, 0xbf}, {0x48, 0xbe}, {0x48, 0xba}, {0x49, 0xba}, {0x49, 0xb8}, {0x49, 0xb9}} {
			v := uint64(0)
			if i < len(c) {
				v = c[i]
			}
			code = binary.LittleEndian.AppendUint64(append(code, op...), v)
		}
		code = append(code, 0x0f, 0x05) // syscall
	}
	c := images.Config{Program: machineELF(t, append(code, 0x0f, 0x0b))} // ud2
	b, err := images.Build(c)
	if err != nil {
		t.Fatal(err)
	}
	return Config{Image: writeFile(t, "machine.img", b), MemoryMiB: 16}
}

// machineELF is a static program of that code, with memory to write to.
func machineELF(t *testing.T, code []byte) []byte {
	t.Helper()
	const headers = 64 + 2*56
	h := elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
		Entry: machineBase + headers, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 2,
	}
	text := elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: machineBase,
		Filesz: headers + uint64(len(code)), Memsz: headers + uint64(len(code)), Align: 4096,
	}
	data := elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W), Vaddr: machineData, Memsz: 4096, Align: 4096}
	var b bytes.Buffer
	for _, v := range []any{h, text, data, code} {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// Numbers of Linux's calls.
const (
	sysRead         = 0
	sysPoll         = 7
	sysExitGroup    = 231
	sysFutex        = 202
	sysEpollWait    = 232
	sysEpollCtl     = 233
	sysEpollCreate1 = 291
	sysPipe2        = 293
)
