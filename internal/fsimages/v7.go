package fsimages

import "encoding/binary"

// V7 is an empty file system of Unix's seventh edition of so many blocks of 512
// bytes, as v7fs(5) has it: a boot block, the superblock, inodes of 64 bytes of
// which the second is the root, and the rest, whose free blocks are listed 50
// at a time, the first of each list being where the next one is.
func V7(blocks int) []byte {
	const block, inodeBlocks, perList = 512, 16, 50
	const directory = 0o040755
	data := 2 + inodeBlocks
	b := make([]byte, blocks*block)
	le := binary.LittleEndian
	super := b[block:]
	le.PutUint16(super, uint16(data))
	le.PutUint32(super[2:], uint32(blocks))

	// The list of free blocks grows from its end. Block 0 ends it.
	free := []uint32{0}
	put := func(to []byte) {
		le.PutUint16(to, uint16(len(free)))
		for i, n := range free {
			le.PutUint32(to[2+4*i:], n)
		}
	}
	for n := blocks - 1; n > data; n-- {
		if len(free) == perList {
			put(b[n*block:])
			free = free[:0]
		}
		free = append(free, uint32(n))
	}
	put(super[6:])
	le.PutUint32(super[418:], uint32(blocks-data-1))

	// Free inodes, lowest last.
	const cached = 100
	le.PutUint16(super[208:], cached)
	for i := range cached {
		le.PutUint16(super[210+2*i:], uint16(3+cached-1-i))
	}
	le.PutUint16(super[422:], uint16(inodeBlocks*block/64-2))

	root := b[2*block+64:]
	le.PutUint16(root, directory)
	le.PutUint16(root[2:], 2)
	le.PutUint32(root[8:], 32)
	root[12], root[13] = byte(data), byte(data>>8)
	entries := b[data*block:]
	le.PutUint16(entries, 2)
	copy(entries[2:], ".")
	le.PutUint16(entries[16:], 2)
	copy(entries[18:], "..")
	return b
}
