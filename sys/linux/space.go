package linux

import (
	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// FallocateMode is what [Fallocate] does with a part of a file.
type FallocateMode uint32

const (
	FALLOC_FL_KEEP_SIZE      FallocateMode = 0x1 // the file's size stays
	FALLOC_FL_PUNCH_HOLE     FallocateMode = 0x2 // with KEEP_SIZE: gives the room back
	FALLOC_FL_COLLAPSE_RANGE FallocateMode = 0x8
	FALLOC_FL_ZERO_RANGE     FallocateMode = 0x10
	FALLOC_FL_INSERT_RANGE   FallocateMode = 0x20
	FALLOC_FL_UNSHARE_RANGE  FallocateMode = 0x40
)

var fallocateModes = sys.NewFlagNames("fallocate modes", "FALLOC_FL_",
	name("KEEP_SIZE", uint64(FALLOC_FL_KEEP_SIZE)),
	name("PUNCH_HOLE", uint64(FALLOC_FL_PUNCH_HOLE)),
	name("COLLAPSE_RANGE", uint64(FALLOC_FL_COLLAPSE_RANGE)),
	name("ZERO_RANGE", uint64(FALLOC_FL_ZERO_RANGE)),
	name("INSERT_RANGE", uint64(FALLOC_FL_INSERT_RANGE)),
	name("UNSHARE_RANGE", uint64(FALLOC_FL_UNSHARE_RANGE)))

// ParseFallocateMode reads a mode by name, such as "keep_size, punch_hole".
// The error is a [*sys.NameError].
func ParseFallocateMode(text string) (FallocateMode, error) {
	v, err := fallocateModes.Parse(text)
	return FallocateMode(v), err
}

// String is the mode by name.
func (m FallocateMode) String() string { return fallocateModes.Format(uint64(m)) }

// Fallocate changes the room that size bytes from off have; see fallocate(2).
func Fallocate(f *sys.File, mode FallocateMode, off, size int64) error {
	_, err := f.Call("fallocate", integer(uint32(mode)), integer(off), integer(size))
	return err
}

// SyncRangeFlags are the flags of sync_file_range(2).
type SyncRangeFlags uint32

const (
	SYNC_FILE_RANGE_WAIT_BEFORE SyncRangeFlags = 1
	SYNC_FILE_RANGE_WRITE       SyncRangeFlags = 2
	SYNC_FILE_RANGE_WAIT_AFTER  SyncRangeFlags = 4
)

var syncRangeFlags = sys.NewFlagNames("sync_file_range flags", "SYNC_FILE_RANGE_",
	name("WAIT_BEFORE", uint64(SYNC_FILE_RANGE_WAIT_BEFORE)),
	name("WRITE", uint64(SYNC_FILE_RANGE_WRITE)),
	name("WAIT_AFTER", uint64(SYNC_FILE_RANGE_WAIT_AFTER)))

// ParseSyncRangeFlags reads flags by name, such as "write". The error is a
// [*sys.NameError].
func ParseSyncRangeFlags(text string) (SyncRangeFlags, error) {
	v, err := syncRangeFlags.Parse(text)
	return SyncRangeFlags(v), err
}

// String is the flags by name.
func (f SyncRangeFlags) String() string { return syncRangeFlags.Format(uint64(f)) }

// SyncFileRange writes size bytes from off to the device, all behind off where
// size is 0; see sync_file_range(2).
func SyncFileRange(f *sys.File, off, size int64, flags SyncRangeFlags) error {
	_, err := f.Call("sync_file_range", integer(off), integer(size), integer(uint32(flags)))
	return err
}

// Syncfs writes what the file system that f is on has in memory to its device;
// see syncfs(2).
func Syncfs(f *sys.File) error {
	_, err := f.Call("syncfs")
	return err
}

// Readahead reads size bytes from off into the kernel's cache; see
// readahead(2).
func Readahead(f *sys.File, off int64, size int) error {
	_, err := f.Call("readahead", integer(off), integer(size))
	return err
}

// PipeSize is how much a pipe holds, in bytes; F_GETPIPE_SZ of fcntl(2).
func PipeSize(f *sys.File) (int, error) {
	r, err := f.Fcntl("F_GETPIPE_SZ", backends.Arg{})
	return int(r), err
}

// SetPipeSize sets how much a pipe holds, and returns what the kernel made of
// it; F_SETPIPE_SZ of fcntl(2).
func SetPipeSize(f *sys.File, size int) (int, error) {
	r, err := f.Fcntl("F_SETPIPE_SZ", integer(size))
	return int(r), err
}

// SetSignal sets the signal that comes for O_ASYNC instead of SIGIO, 0 for
// SIGIO; F_SETSIG of fcntl(2).
func SetSignal(f *sys.File, s sys.Signal) error {
	_, err := f.Fcntl("F_SETSIG", integer(uint32(s)))
	return err
}

// Signal is what [SetSignal] set; F_GETSIG of fcntl(2).
func Signal(f *sys.File) (sys.Signal, error) {
	r, err := f.Fcntl("F_GETSIG", backends.Arg{})
	return sys.Signal(r), err
}
