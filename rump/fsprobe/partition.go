package fsprobe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf16"
)

// A Partition is a part of a disk.
type Partition struct {
	Number int    // as Linux and sfdisk(8) count: from 1, logical ones of an MBR from 5
	Offset int64  // in bytes
	Size   int64  // in bytes
	Name   string // of a GPT; may be empty
}

// String is the partition in one line.
func (p Partition) String() string {
	s := fmt.Sprintf("partition %d: %d bytes at %d", p.Number, p.Size, p.Offset)
	if p.Name != "" {
		s += fmt.Sprintf(" (%s)", p.Name)
	}
	return s
}

// ErrNoPartitions is the error of an image that has no table of partitions.
var ErrNoPartitions = errors.New("no partition table")

const (
	sectorSize    = 512
	maxPartitions = 128
	maxLogical    = 60
)

// Partitions is the partitions of a disk of sectors of 512 bytes, by its GPT
// or, where it has none, its MBR. The error is [ErrNoPartitions], says what is
// wrong with the table, or is that of reading.
func Partitions(r io.ReaderAt) ([]Partition, error) {
	if _, err := r.ReadAt(make([]byte, 1), 0); err != nil && err != io.EOF {
		return nil, err
	}
	if header := read(r, sectorSize, sectorSize); bytes.HasPrefix(header, []byte("EFI PART")) {
		return gpt(r, header)
	}
	sector := read(r, 0, sectorSize)
	if sector[510] != 0x55 || sector[511] != 0xaa || isFAT(r) {
		return nil, ErrNoPartitions
	}
	return mbr(r, sector)
}

// gpt reads the entries that a header of UEFI's table tells of.
func gpt(r io.ReaderAt, header []byte) ([]Partition, error) {
	first, count, size := u64(header, 72), u32(header, 80), u32(header, 84)
	if count > maxPartitions || size < 128 || size > 4096 || first > math.MaxInt64/sectorSize/2 {
		return nil, fmt.Errorf("its GPT has %d entries of %d bytes from sector %d on", count, size, first)
	}
	table := read(r, int64(first)*sectorSize, int(count*size))
	var list []Partition
	for i := range int(count) {
		e := table[i*int(size):]
		if bytes.Equal(e[:16], make([]byte, 16)) {
			continue
		}
		p, err := newPartition(i+1, u64(e, 32), u64(e, 40)-u64(e, 32)+1)
		if err != nil {
			return nil, err
		}
		p.Name = name(e[56:128])
		list = append(list, p)
	}
	return list, nil
}

// name is UTF-16 up to a NUL.
func name(b []byte) string {
	var units []uint16
	for i := 0; i < len(b) && u16(b, i) != 0; i += 2 {
		units = append(units, u16(b, i))
	}
	return string(utf16.Decode(units))
}

// mbr reads the four entries of a boot sector, and the chain of those in an
// extended one.
func mbr(r io.ReaderAt, sector []byte) ([]Partition, error) {
	var list []Partition
	var extended uint64
	for i := range 4 {
		e := sector[446+16*i:]
		kind, start, size := e[4], u32(e, 8), u32(e, 12)
		if e[0]&0x7f != 0 {
			return nil, ErrNoPartitions // a boot sector that only ends like one
		}
		switch {
		case kind == 0 || size == 0:
		case isExtended(kind):
			extended = uint64(start)
		default:
			p, err := newPartition(i+1, uint64(start), uint64(size))
			if err != nil {
				return nil, err
			}
			list = append(list, p)
		}
	}
	if extended != 0 {
		list = append(list, logical(r, extended)...)
	}
	if len(list) == 0 {
		return nil, ErrNoPartitions
	}
	return list, nil
}

func isExtended(kind byte) bool { return kind == 0x05 || kind == 0x0f || kind == 0x85 }

// logical follows the chain of logical partitions, each of which tells of
// itself and of the next. Its length is bounded: a chain may be a ring.
func logical(r io.ReaderAt, extended uint64) (list []Partition) {
	for at, n := extended, 5; n < 5+maxLogical; n++ {
		sector := read(r, int64(at)*sectorSize, sectorSize)
		if sector[510] != 0x55 || sector[511] != 0xaa {
			break
		}
		own, next := sector[446:462], sector[462:478]
		if size := u32(own, 12); own[4] != 0 && size != 0 {
			if p, err := newPartition(n, at+uint64(u32(own, 8)), uint64(size)); err == nil {
				list = append(list, p)
			}
		}
		if !isExtended(next[4]) || u32(next, 8) == 0 {
			break
		}
		at = extended + uint64(u32(next, 8))
	}
	return list
}

func newPartition(number int, start, sectors uint64) (Partition, error) {
	const most = math.MaxInt64 / sectorSize / 2
	if start > most || sectors > most || sectors == 0 {
		return Partition{}, fmt.Errorf("its partition %d has %d sectors from %d on", number, sectors, start)
	}
	return Partition{Number: number, Offset: int64(start) * sectorSize, Size: int64(sectors) * sectorSize}, nil
}
