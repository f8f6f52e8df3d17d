package linux

import (
	"io/fs"
	"strings"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// MemfdFlags are the flags of memfd_create(2).
type MemfdFlags uint32

const (
	MFD_CLOEXEC       MemfdFlags = 1
	MFD_ALLOW_SEALING MemfdFlags = 2
	MFD_HUGETLB       MemfdFlags = 4
	MFD_NOEXEC_SEAL   MemfdFlags = 8
	MFD_EXEC          MemfdFlags = 0x10
)

var memfdFlags = sys.NewFlagNames("memfd flags", "MFD_",
	name("CLOEXEC", uint64(MFD_CLOEXEC)),
	name("ALLOW_SEALING", uint64(MFD_ALLOW_SEALING)),
	name("HUGETLB", uint64(MFD_HUGETLB)),
	name("NOEXEC_SEAL", uint64(MFD_NOEXEC_SEAL)),
	name("EXEC", uint64(MFD_EXEC)))

// ParseMemfdFlags reads flags by name, such as "cloexec". The error is a
// [*sys.NameError].
func ParseMemfdFlags(text string) (MemfdFlags, error) {
	v, err := memfdFlags.Parse(text)
	return MemfdFlags(v), err
}

// String is the flags by name.
func (f MemfdFlags) String() string { return memfdFlags.Format(uint64(f)) }

// Memfd makes a file in memory that no path leads to; see memfd_create(2). The
// name is for people.
func Memfd(p *sys.Process, label string, flags MemfdFlags) (*sys.File, error) {
	str, err := sys.CString(label)
	if err != nil {
		return nil, p.Fail("memfd_create", label, err)
	}
	return open(p, "memfd_create", "memfd:"+label, memfdFlags, uint64(flags), str)
}

// Seals are what can no longer be done with a file; see F_ADD_SEALS in
// fcntl(2).
type Seals uint32

const (
	F_SEAL_SEAL         Seals = 1    // add seals
	F_SEAL_SHRINK       Seals = 2    // make it smaller
	F_SEAL_GROW         Seals = 4    // make it larger
	F_SEAL_WRITE        Seals = 8    // write to it
	F_SEAL_FUTURE_WRITE Seals = 0x10 // write to it, but through mappings that there are
	F_SEAL_EXEC         Seals = 0x20 // change whether it may be executed
)

var sealNames = sys.NewFlagNames("seals", "F_SEAL_",
	name("SEAL", uint64(F_SEAL_SEAL)),
	name("SHRINK", uint64(F_SEAL_SHRINK)),
	name("GROW", uint64(F_SEAL_GROW)),
	name("WRITE", uint64(F_SEAL_WRITE)),
	name("FUTURE_WRITE", uint64(F_SEAL_FUTURE_WRITE)),
	name("EXEC", uint64(F_SEAL_EXEC)))

// ParseSeals reads seals by name, such as "write, grow". The error is a
// [*sys.NameError].
func ParseSeals(text string) (Seals, error) {
	v, err := sealNames.Parse(text)
	return Seals(v), err
}

// String is the seals by name.
func (s Seals) String() string { return sealNames.Format(uint64(s)) }

// AddSeals adds to the seals of a file of [Memfd].
func AddSeals(f *sys.File, s Seals) error {
	_, err := f.Fcntl("F_ADD_SEALS", integer(uint32(s)))
	return err
}

// GetSeals is the seals of a file of [Memfd].
func GetSeals(f *sys.File) (Seals, error) {
	r, err := f.Fcntl("F_GET_SEALS", backends.Arg{})
	return Seals(r), err
}

// shmDir is where the C library of Linux keeps POSIX shared memory.
const shmDir = "/dev/shm/"

// ShmOpen opens POSIX shared memory by name, such as "/counter"; see
// shm_open(3). The descriptor closes on exec.
func ShmOpen(p *sys.Process, label string, flags sys.OpenFlags, perm fs.FileMode) (*sys.File, error) {
	path, err := shmPath(p, "shm_open", label)
	if err != nil {
		return nil, err
	}
	return p.Open(path, flags|sys.O_CLOEXEC|sys.O_NOFOLLOW, perm)
}

// ShmUnlink removes the name of POSIX shared memory; see shm_unlink(3).
func ShmUnlink(p *sys.Process, label string) error {
	path, err := shmPath(p, "shm_unlink", label)
	if err != nil {
		return err
	}
	return p.Unlink(path)
}

func shmPath(p *sys.Process, call, label string) (string, error) {
	base := strings.TrimLeft(label, "/")
	if base == "" || base == "." || base == ".." || strings.Contains(base, "/") {
		return "", p.Fail(call, label, errShmName)
	}
	return shmDir + base, nil
}
