package abi

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Direction is what a call does with the memory of its argument.
type Direction uint8

// The directions of ioctls. In and Out are as the kernel sees it: In is what
// it reads, which ioctl's macros call "write" on Linux.
const (
	IoctlNone  Direction = iota // there is no argument
	IoctlIn                     // the kernel reads the argument
	IoctlOut                    // the kernel writes the argument
	IoctlInOut                  // the kernel reads and writes the argument
	IoctlValue                  // the argument is the number itself, not its address
)

// String is the direction as the tables of this package write it.
func (d Direction) String() string {
	if int(d) < len(directionNames) {
		return directionNames[d]
	}
	return fmt.Sprintf("direction %d", uint8(d))
}

var directionNames = [...]string{"none", "in", "out", "inout", "value"}

// An Ioctl is a request of ioctl(2).
type Ioctl struct {
	Name   string // such as "TIOCGWINSZ"; "" where only the number is known
	Number uint32
	Dir    Direction
	// Arg is the type of the argument: a structure of the ABI such as
	// "winsize", or an integer, "i8" to "u64", "long" or "ulong", or an array
	// of those such as "u8[16]". It is "" where there is none or it is not
	// known.
	Arg  string
	Size int // of the argument, in bytes
}

// An IoctlInfo is what the tables say of an ioctl besides its number, which is
// the constant of that name.
type IoctlInfo struct {
	Name string
	Dir  Direction
	Arg  string
}

// Ioctl is the request of a name, false where the tables do not have it.
func (a *ABI) Ioctl(name string) (Ioctl, bool) {
	for _, r := range a.Ioctls() {
		if r.Name == name {
			return r, true
		}
	}
	return Ioctl{}, false
}

// IoctlNumber is the request of a number. Where the tables do not have it, it
// is what the number itself says. On Linux that is nothing for requests older
// than the encoding, which have neither direction nor size; and some
// requests do not keep to it.
func (a *ABI) IoctlNumber(number uint32) Ioctl {
	list := a.Ioctls()
	if i, ok := find(list, number, ioctlNumber); ok {
		return list[i]
	}
	return a.decodeIoctl(number)
}

// Ioctls is every request of the tables, sorted by number. Several may share a
// number: which one is meant is up to the file. The caller may not change it.
func (a *ABI) Ioctls() []Ioctl {
	m := &a.Data.ioctls
	m.once.Do(func() {
		for d := a.Data; d != nil; d = d.Base {
			for _, info := range d.Ioctls {
				if v, ok := a.Const(info.Name); ok {
					m.list = append(m.list, a.ioctl(info, uint32(v)))
				}
			}
		}
		slices.SortFunc(m.list, func(x, y Ioctl) int {
			return cmp.Or(cmp.Compare(x.Number, y.Number), cmp.Compare(x.Name, y.Name))
		})
	})
	return m.list
}

func ioctlNumber(r *Ioctl) uint32 { return r.Number }

// ioctl completes an entry of the tables.
func (a *ABI) ioctl(info IoctlInfo, number uint32) Ioctl {
	r := Ioctl{Name: info.Name, Number: number, Dir: info.Dir, Arg: info.Arg}
	if size, ok := a.SizeOf(info.Arg); ok {
		r.Size = size
	} else if info.Dir != IoctlNone {
		r.Size = a.decodeIoctl(number).Size
	}
	return r
}

// decodeIoctl reads direction and size from a number.
func (a *ABI) decodeIoctl(number uint32) Ioctl {
	e := a.ioctlEncoding()
	r := Ioctl{Number: number, Size: int(number >> 16 & (1<<e.sizeBits - 1))}
	switch dir := number >> (16 + e.sizeBits); {
	case dir == e.in|e.out:
		r.Dir = IoctlInOut
	case dir == e.in:
		r.Dir = IoctlIn
	case dir == e.out:
		r.Dir = IoctlOut
	case a.OS != "linux" && dir == ioctlVoid && r.Size != 0:
		r.Dir = IoctlValue
	default:
		r.Size = 0
	}
	return r
}

// An ioctlEncoding is how the numbers of ioctls are made: a group and a number
// in the low 16 bits, above them the size of the argument, above that the
// direction.
type ioctlEncoding struct {
	sizeBits int
	in, out  uint32 // the bits of the direction
}

// ioctlVoid is the direction of requests without an argument in memory, on the
// systems that say so.
const ioctlVoid = 1

// ioctlEncoding follows asm/ioctl.h on Linux and sys/ioccom.h elsewhere.
func (a *ABI) ioctlEncoding() ioctlEncoding {
	if a.OS != "linux" {
		return ioctlEncoding{sizeBits: 13, in: 4, out: 2}
	}
	switch a.Arch {
	case "mips", "mipsle", "mips64", "mips64le", "ppc", "ppc64", "ppc64le", "sparc64":
		return ioctlEncoding{sizeBits: 13, in: 4, out: 2}
	}
	return ioctlEncoding{sizeBits: 14, in: 1, out: 2}
}

// SizeOf is the size of a type as the tables name types: a structure such as
// "winsize", an integer from "i8" to "u64", "long", "ulong" or "ptr", or an
// array of those such as "u8[16]".
func (a *ABI) SizeOf(typ string) (size int, ok bool) {
	elem, count, array := strings.Cut(typ, "[")
	if array {
		size, ok = a.SizeOf(elem)
		count, closed := strings.CutSuffix(count, "]")
		n, err := strconv.Atoi(count)
		if err != nil || !closed || n < 0 || n > 1<<16 {
			return 0, false
		}
		return size * n, ok
	}
	switch typ {
	case "i8", "u8":
		return 1, true
	case "i16", "u16":
		return 2, true
	case "i32", "u32":
		return 4, true
	case "i64", "u64":
		return 8, true
	case "long", "ulong", "ptr":
		return a.PointerSize, true
	}
	if l := a.Layout(typ); l != nil {
		return l.Size, true
	}
	return 0, false
}
