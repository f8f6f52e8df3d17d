package sys

// AtFlags are the flags of the calls that take a directory and a path.
type AtFlags uint32

const (
	AT_SYMLINK_NOFOLLOW AtFlags = 0x100   // about a symbolic link itself
	AT_REMOVEDIR        AtFlags = 0x200   // UnlinkAt removes a directory
	AT_SYMLINK_FOLLOW   AtFlags = 0x400   // LinkAt follows a symbolic link
	AT_NO_AUTOMOUNT     AtFlags = 0x800   // mount nothing on the way
	AT_EMPTY_PATH       AtFlags = 0x1000  // an empty path is the directory itself
	AT_EACCESS          AtFlags = 0x10000 // AccessAt asks for the effective user
)

var atFlags = flagTable{
	name:   "at flags",
	prefix: "AT_",
	flags: []flag{
		{name: "SYMLINK_NOFOLLOW", value: uint64(AT_SYMLINK_NOFOLLOW)},
		{name: "REMOVEDIR", value: uint64(AT_REMOVEDIR)},
		{name: "SYMLINK_FOLLOW", value: uint64(AT_SYMLINK_FOLLOW)},
		{name: "NO_AUTOMOUNT", value: uint64(AT_NO_AUTOMOUNT)},
		{name: "EMPTY_PATH", value: uint64(AT_EMPTY_PATH)},
		{name: "EACCESS", value: uint64(AT_EACCESS)},
	},
}

// ParseAtFlags reads flags by name, such as "symlink_nofollow". The error is a
// [*NameError].
func ParseAtFlags(text string) (AtFlags, error) {
	v, err := atFlags.parse(text)
	return AtFlags(v), err
}

// String is the flags by name.
func (f AtFlags) String() string { return atFlags.format(uint64(f)) }
