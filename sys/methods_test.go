package sys

import (
	"reflect"
	"testing"
)

// descriptorMethods are the methods that ljsyscall gives a descriptor, and what
// they are called here. Those that only Linux has are in package linux.
var descriptorMethods = map[string]string{
	"accept": "Accept", "accept4": "Accept", "bind": "Bind", "connect": "Connect", "listen": "Listen",
	"getsockname": "LocalAddr", "getpeername": "PeerAddr", "shutdown": "Shutdown",
	"send": "Send", "sendto": "SendTo", "sendmsg": "SendMsg", "recv": "Recv", "recvfrom": "RecvFrom", "recvmsg": "RecvMsg", "sendmmsg": "SendMsgs", "recvmmsg": "RecvMsgs",
	"close": "Close", "dup": "Dup", "dup2": "DupTo", "dup3": "DupTo",
	"read": "Read", "write": "Write", "pread": "Pread", "pwrite": "WriteAt",
	"readv": "Readv", "writev": "Writev", "preadv": "Preadv", "pwritev": "Pwritev",
	"lseek": "Seek", "seek": "Seek", "tell": "Tell", "truncate": "Truncate", "ftruncate": "Truncate",
	"fchdir": "Chdir", "fsync": "Sync", "sync": "Sync", "fdatasync": "Datasync", "stat": "Stat", "fstat": "Stat",
	"fstatfs": "Statfs", "statfs": "Statfs", "fpathconf": "Pathconf",
	"chmod": "Chmod", "fchmod": "Chmod", "chown": "Chown", "fchown": "Chown", "futimens": "Chtimes", "futimes": "Chtimes",
	"fcntl": "Fcntl", "ioctl": "Ioctl", "lockf": "Lockf", "flock": "Flock", "nonblock": "SetNonblock", "block": "SetNonblock",
	"getdents": "ReadDir", "dirent": "Entries", "posix_fallocate": "Allocate", "fallocate": "Allocate", "fadvise": "Advise",
	"openat": "OpenAt", "fstatat": "StatAt", "mkdirat": "MkdirAt", "mknodat": "MknodAt", "mkfifoat": "MkfifoAt",
	"unlinkat": "UnlinkAt", "linkat": "LinkAt", "symlinkat": "SymlinkAt", "readlinkat": "ReadlinkAt", "renameat": "RenameAt",
	"faccessat": "AccessAt", "fchmodat": "ChmodAt", "fchownat": "ChownAt", "utimensat": "ChtimesAt",
	"fgetxattr": "Xattrs", "fsetxattr": "Xattrs", "flistxattr": "Xattrs", "fremovexattr": "Xattrs", "fxattr": "Xattrs",
	"nogc": "Keep", "getfd": "FD",
}

// TestDescriptorMethods: whatever can be done with a descriptor is a method.
func TestDescriptorMethods(t *testing.T) {
	file, socket := reflect.TypeFor[*File](), reflect.TypeFor[*Socket]()
	for call, method := range descriptorMethods {
		_, ofFile := file.MethodByName(method)
		if _, ofSocket := socket.MethodByName(method); !ofFile && !ofSocket {
			t.Errorf("%s: there is no method %s", call, method)
		}
	}
}
