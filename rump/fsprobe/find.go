package fsprobe

import (
	"errors"
	"fmt"
	"io"
)

// A Volume is a file system in an image.
type Volume struct {
	Type   string // as [Type] has it
	Offset int64  // in the image, in bytes
	Size   int64  // in bytes; that of the image without partitions is -1
	// Sector is the size of the sectors that it was made with, where its driver
	// must be told; else 0.
	Sector int
}

// Find finds the file system in an image: that of a partition, by its number,
// or with 0 that of the whole image or, where it is a disk of which one
// partition alone has a file system that is known here, of that one.
func Find(r io.ReaderAt, partition int) (Volume, error) {
	var unknown error
	if partition == 0 {
		fstype, err := Type(r)
		if err == nil || !errors.Is(err, ErrUnknown) {
			return volume(r, fstype, 0, -1), err
		}
		unknown = err
	}
	parts, err := Partitions(r)
	if err != nil {
		if unknown != nil && errors.Is(err, ErrNoPartitions) {
			err = unknown
		}
		return Volume{}, err
	}
	var found []Volume
	for _, p := range parts {
		fstype, err := Type(io.NewSectionReader(r, p.Offset, p.Size))
		v := volume(io.NewSectionReader(r, p.Offset, p.Size), fstype, p.Offset, p.Size)
		switch {
		case p.Number == partition && err != nil:
			return v, fmt.Errorf("partition %d: %w", partition, err)
		case p.Number == partition:
			return v, nil
		case err == nil:
			found = append(found, v)
		}
	}
	switch {
	case partition != 0:
		return Volume{}, fmt.Errorf("no partition %d; there are %v", partition, parts)
	case len(found) == 1:
		return found[0], nil
	}
	return Volume{}, fmt.Errorf("%d of its partitions have a file system: say which; there are %v", len(found), parts)
}

func volume(r io.ReaderAt, fstype string, off, size int64) Volume {
	v := Volume{Type: fstype, Offset: off, Size: size}
	if fstype == "udf" {
		v.Sector = udfSector(r)
	}
	return v
}

// udfSector finds the size of a UDF's sectors: its anchor is in sector 256,
// which says so.
func udfSector(r io.ReaderAt) int {
	const anchor, tag = 256, 2
	for size := 512; size <= 4096; size *= 2 {
		if b := read(r, int64(size)*anchor, 16); u16(b, 0) == tag && u32(b, 12) == anchor {
			return size
		}
	}
	return 0
}
