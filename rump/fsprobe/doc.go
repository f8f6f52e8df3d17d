// Package fsprobe tells by its superblock which file system an image holds, of
// those that NetBSD mounts, and where the partitions of a disk are.
//
//	f, err := os.Open("disk.img")
//	fstype, err := fsprobe.Type(f)         // "ffs", "msdos" …: what mount(2) calls it
//	parts, err := fsprobe.Partitions(f)    // of a disk with an MBR or a GPT
//
// Images are hostile: what is read is bounded, and nothing in an image says how
// much.
//
// What may be in this room: what tells file systems and partitions apart. What
// may not: reading files out of them, which NetBSD does.
package fsprobe
