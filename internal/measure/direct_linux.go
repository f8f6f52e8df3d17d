package measure

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// The operations as a program makes them that uses golang.org/x/sys and
// nothing of this module: through unix.Syscall, as the standard library does.

func directGetpid() (Runner, error) {
	return repeat(func() error {
		_, _, errno := unix.Syscall(unix.SYS_GETPID, 0, 0, 0)
		return failed(errno)
	}, nothing), nil
}

func directRead() (Runner, error) {
	return directIO("/dev/zero", unix.O_RDONLY, unix.Read)
}

func directWrite() (Runner, error) {
	return directIO("/dev/null", unix.O_WRONLY, unix.Write)
}

func directIO(name string, flags int, io func(fd int, b []byte) (int, error)) (Runner, error) {
	fd, err := unix.Open(name, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return Runner{}, &os.PathError{Op: "open", Path: name, Err: err}
	}
	b := make([]byte, blockSize)
	return repeat(func() error { _, err := io(fd, b); return err }, func() error { return unix.Close(fd) }), nil
}

func directStat() (Runner, error) {
	dir, err := os.MkdirTemp(shm(), "measure-")
	if err != nil {
		return Runner{}, err
	}
	name := dir + "/file" // as deep as that of tempFile
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		return Runner{}, errors.Join(err, os.RemoveAll(dir))
	}
	var st unix.Stat_t
	return repeat(func() error { return unix.Stat(name, &st) }, func() error { return os.RemoveAll(dir) }), nil
}

// shm is a folder in memory, like the one that tempFile uses.
func shm() string {
	if _, err := os.Stat("/dev/shm"); err == nil {
		return "/dev/shm"
	}
	return ""
}

func failed(errno unix.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}
