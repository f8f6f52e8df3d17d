package trace

import "strings"

// signatures are the arguments of system calls by their plain name, a word each:
//
//	fd dirfd      a descriptor
//	int uint hex  a number
//	oct           a mode
//	path text     a text that ends with 0
//	in out        memory: what is written, or what was read, as much as the
//	              call returned
//	*NAME         a structure of the ABI by its layout
//	PREFIX_       a constant whose name begins so
//	PREFIX_|      constants that are joined by or
//	addr          an address of a socket
//	fds           two descriptors
//	ptr           memory of which nothing is known
//
// What has none, and further arguments, are printed by what they are.
var signatures = func() map[string][]string {
	m := map[string][]string{}
	for line := range strings.Lines(signatureText) {
		words := strings.Fields(line)
		if len(words) > 0 {
			m[words[0]] = words[1:]
		}
	}
	return m
}()

const signatureText = `
accept fd addr ptr
accept4 fd addr ptr SOCK_|
access path int
bind fd addr uint
chdir path
chmod path oct
chown path int int
chroot path
clock_getres CLOCK_ *timespec
clock_gettime CLOCK_ *timespec
clock_settime CLOCK_ *timespec
close fd
connect fd addr uint
dup fd
dup2 fd fd
dup3 fd fd O_|
epoll_create1 O_|
epoll_ctl fd EPOLL_CTL_ fd *epoll_event
epoll_pwait fd ptr int int
epoll_wait fd ptr int int
eventfd2 uint EFD_|
exit int
exit_group int
faccessat dirfd path int
faccessat2 dirfd path int AT_|
fallocate fd FALLOC_| int int
fchdir fd
fchmod fd oct
fchmodat dirfd path oct AT_|
fchown fd int int
fchownat dirfd path int int AT_|
fcntl fd F_
fdatasync fd
flock fd LOCK_|
fstat fd *stat
fstatat dirfd path *stat AT_|
fsync fd
ftruncate fd int
getcwd out uint
getdents fd ptr uint
getdents64 fd ptr uint
getpeername fd addr ptr
getpgid int
getpriority PRIO_ int
getrandom out uint GRND_|
getrlimit RLIMIT_ *rlimit
getrusage RUSAGE_ *rusage
getsockname fd addr ptr
getsockopt fd SOL_ int out ptr
ioctl fd hex
kevent fd *kevent uint *kevent uint *timespec
kill int SIG
kqueue1 O_|
lchown path int int
link path path
linkat dirfd path dirfd path AT_|
listen fd int
lseek fd int SEEK_
lstat path *stat
mkdir path oct
mkdirat dirfd path oct
mknod path oct hex
mknodat dirfd path oct hex
mount text path text MS_|
nanosleep *timespec *timespec
newfstatat dirfd path *stat AT_|
open path O_| oct
openat dirfd path O_| oct
pipe fds
pipe2 fds O_|
ppoll ptr uint *timespec
prctl PR_
pread fd out uint int
pread64 fd out uint int
prlimit64 int RLIMIT_ *rlimit *rlimit
pwrite fd in uint int
pwrite64 fd in uint int
read fd out uint
readlink path out uint
readlinkat dirfd path out uint
reboot hex
recvfrom fd out uint MSG_| addr ptr
rename path path
renameat dirfd path dirfd path
renameat2 dirfd path dirfd path RENAME_|
rmdir path
sendto fd in uint MSG_| addr uint
setgid int
sethostname text uint
setpgid int int
setpriority PRIO_ int int
setrlimit RLIMIT_ *rlimit
setsockopt fd SOL_ int in uint
setuid int
shutdown fd SHUT_
socket AF_ SOCK_| IPPROTO_
socketpair AF_ SOCK_| IPPROTO_ fds
stat path *stat
statfs path *statfs
statvfs1 path *statvfs hex
symlink text path
symlinkat text dirfd path
sysctl ptr uint out ptr in uint
truncate path int
umask oct
umount2 path MNT_|
uname *utsname
unlink path
unlinkat dirfd path AT_|
unmount path MNT_|
utimensat dirfd path *timespec AT_|
wait4 int ptr W *rusage
write fd in uint
`

// plain is a call's name without what NetBSD puts around it for versions, such as
// __stat50.
func plain(name string) string {
	short := strings.TrimLeft(name, "_")
	if short == name {
		return name
	}
	return strings.TrimRight(short, "0123456789")
}
