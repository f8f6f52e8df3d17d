package fsprobe

import (
	"fmt"
	"io"
)

// extFeatures are what a driver of ext2, ext3 and ext4 must know to read a file
// system that has them, by their bits in its superblock, as mkfs.ext4(8) calls
// them; those of ext2 are left out.
var extFeatures = map[int]string{
	0: "compression", 2: "needs_recovery", 3: "journal_dev", 4: "meta_bg", 6: "extent", 7: "64bit", 8: "mmp",
	9: "flex_bg", 10: "ea_inode", 12: "dirdata", 13: "csum_seed", 14: "largedir", 15: "inline_data", 16: "encrypt", 17: "casefold",
}

// ExtFeatures is the features of an ext2, ext3 or ext4 that ext2 has not, and
// without which nobody can read it.
func ExtFeatures(r io.ReaderAt) []string {
	const superblock, incompat, fileType = 1024, 96, 1
	bits := u32(read(r, superblock, 128), incompat)
	var list []string
	for i := range 32 {
		if bits&(1<<i) == 0 || i == fileType {
			continue
		}
		name := extFeatures[i]
		if name == "" {
			name = fmt.Sprintf("FEATURE_I%d", i)
		}
		list = append(list, name)
	}
	return list
}
