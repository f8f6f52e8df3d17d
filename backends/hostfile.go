package backends

import "github.com/anykernel/anykernel/hypercall"

// A HostFileKind is what a file of the host becomes inside a kernel.
type HostFileKind int

const (
	HostRegular   HostFileKind = iota // a regular file
	HostBlock                         // a block device: a disk
	HostCharacter                     // a disk's raw device
	HostDir                           // a directory, without what is in its directories; NetBSD 7 reads its files as empty
	HostTree                          // a directory with all that is in it
)

// A HostFile is a file of the host, or of the program, that a kernel shows
// among its own.
type HostFile struct {
	Path string         // the file's name on the host
	File hypercall.File // or the program's own, which is used until the kernel ends, and not closed
	Kind HostFileKind
	// The part of it that a block device is: Size bytes from Offset on; with
	// Size 0 all that is behind Offset. The size of a program's own file is what
	// its method Size() int64 says.
	Offset, Size int64
}

// HostFiles is a [Kernel] that shows files of its host; see etfs in rump(3).
type HostFiles interface {
	// Register makes f appear at an absolute path.
	Register(path string, f HostFile) error
	// Unregister takes it back. What is mounted from it stays usable.
	Unregister(path string) error
}
