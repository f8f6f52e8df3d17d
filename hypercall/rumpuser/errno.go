//go:build linux

package rumpuser

import (
	"errors"
	"io/fs"
	"syscall"
)

// NetBSD's error numbers, where a kernel is answered with one.
const (
	eperm   = 1
	enoent  = 2
	eio     = 5
	enomem  = 12
	efault  = 14
	eexist  = 17
	einval  = 22
	eagain  = 35
	enotsup = 45
)

// netbsdErrnos is NetBSD's number for the errors of hosts. Source: errno(2) of
// both.
var netbsdErrnos = map[syscall.Errno]int{
	syscall.EPERM: 1, syscall.ENOENT: 2, syscall.ESRCH: 3, syscall.EINTR: 4, syscall.EIO: 5, syscall.ENXIO: 6,
	syscall.E2BIG: 7, syscall.ENOEXEC: 8, syscall.EBADF: 9, syscall.ECHILD: 10, syscall.EDEADLK: 11,
	syscall.ENOMEM: 12, syscall.EACCES: 13, syscall.EFAULT: 14, syscall.ENOTBLK: 15, syscall.EBUSY: 16,
	syscall.EEXIST: 17, syscall.EXDEV: 18, syscall.ENODEV: 19, syscall.ENOTDIR: 20, syscall.EISDIR: 21,
	syscall.EINVAL: 22, syscall.ENFILE: 23, syscall.EMFILE: 24, syscall.ENOTTY: 25, syscall.ETXTBSY: 26,
	syscall.EFBIG: 27, syscall.ENOSPC: 28, syscall.ESPIPE: 29, syscall.EROFS: 30, syscall.EMLINK: 31,
	syscall.EPIPE: 32, syscall.EDOM: 33, syscall.ERANGE: 34, syscall.EAGAIN: 35, syscall.EINPROGRESS: 36,
	syscall.EALREADY: 37, syscall.ENOTSOCK: 38, syscall.EDESTADDRREQ: 39, syscall.EMSGSIZE: 40,
	syscall.EPROTOTYPE: 41, syscall.ENOPROTOOPT: 42, syscall.EPROTONOSUPPORT: 43, syscall.ESOCKTNOSUPPORT: 44,
	syscall.EOPNOTSUPP: 45, syscall.EPFNOSUPPORT: 46, syscall.EAFNOSUPPORT: 47, syscall.EADDRINUSE: 48,
	syscall.EADDRNOTAVAIL: 49, syscall.ENETDOWN: 50, syscall.ENETUNREACH: 51, syscall.ENETRESET: 52,
	syscall.ECONNABORTED: 53, syscall.ECONNRESET: 54, syscall.ENOBUFS: 55, syscall.EISCONN: 56,
	syscall.ENOTCONN: 57, syscall.ESHUTDOWN: 58, syscall.ETOOMANYREFS: 59, syscall.ETIMEDOUT: 60,
	syscall.ECONNREFUSED: 61, syscall.ELOOP: 62, syscall.ENAMETOOLONG: 63, syscall.EHOSTDOWN: 64,
	syscall.EHOSTUNREACH: 65, syscall.ENOTEMPTY: 66, syscall.EUSERS: 68, syscall.EDQUOT: 69, syscall.ESTALE: 70,
	syscall.EREMOTE: 71, syscall.ENOLCK: 77, syscall.ENOSYS: 78, syscall.EIDRM: 82, syscall.ENOMSG: 83,
	syscall.EOVERFLOW: 84, syscall.EILSEQ: 85, syscall.ECANCELED: 87, syscall.EBADMSG: 88,
	syscall.ENODATA: 89, syscall.ENOSR: 90, syscall.ENOSTR: 91, syscall.ETIME: 92, syscall.EMULTIHOP: 94,
	syscall.ENOLINK: 95, syscall.EPROTO: 96,
}

// netbsdErrno is the number by which NetBSD knows an error of the host: EIO
// for one that it has no other name for.
func netbsdErrno(err error) int {
	var host syscall.Errno
	switch {
	case err == nil:
		return 0
	case errors.As(err, &host):
		if n, ok := netbsdErrnos[host]; ok {
			return n
		}
	case errors.Is(err, fs.ErrNotExist):
		return enoent
	case errors.Is(err, fs.ErrExist):
		return eexist
	case errors.Is(err, fs.ErrPermission):
		return eperm
	case errors.Is(err, errors.ErrUnsupported):
		return enotsup
	}
	return eio
}

// hostErrno is netbsdErrno for the host's number.
func hostErrno(n int) int {
	if n == 0 {
		return 0
	}
	return netbsdErrno(syscall.Errno(n))
}

// fileType is the number that rumpuser_getfileinfo gives the type of a file.
func fileType(m fs.FileMode) int {
	const other, directory, regular, block, character = 0, 1, 2, 3, 4
	switch {
	case m.IsRegular():
		return regular
	case m.IsDir():
		return directory
	case m&fs.ModeCharDevice != 0:
		return character
	case m&fs.ModeDevice != 0:
		return block
	}
	return other
}
