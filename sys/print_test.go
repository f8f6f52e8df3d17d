package sys

import (
	"fmt"
	"io/fs"
	"testing"
	"time"
)

// TestPrinting has the text of the values of this package that are about
// files.
func TestPrinting(t *testing.T) {
	at := time.Date(2001, 2, 3, 4, 5, 6, 7, time.UTC)
	for _, tc := range []struct {
		v    any
		want string
	}{
		{&Stat{Ino: 12, Mode: 0o644, Nlink: 2, UID: 3, GID: 4, Size: 500, Mtime: at}, "12 -rw-r--r-- 2 3 4 500 2001-02-03T04:05:06Z"},
		{&Stat{Ino: 1, Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666, Nlink: 1, Rdev: Device{1, 3}, Mtime: at}, "1 crw-rw-rw- 1 0 0 1:3 2001-02-03T04:05:06Z"},
		{&Statfs{Type: "tmpfs", Bsize: 4096, Frsize: 1024, Blocks: 9, Bfree: 8, Bavail: 7, Files: 6, Ffree: 5, NameMax: 255},
			"tmpfs bsize 4096 frsize 1024 blocks 9 free 8 avail 7 files 6 ffree 5 namemax 255"},
		{Device{259, 300}, "259:300"},
		{Lock{Type: F_WRLCK, Start: 10, Len: 20, PID: 3}, "F_WRLCK start 10 len 20 pid 3"},
		{Winsize{Rows: 24, Columns: 80}, "80×24"},
		{&DirEntry{name: "etc", kind: fs.ModeDir}, "d etc/"},
		{&DirEntry{name: "file"}, "- file"},
		{TimeNow, "now"},
		{TimeOmit, "omit"},
		{TimeAt(at), "2001-02-03T04:05:06.000000007Z"},
		{O_RDWR | O_CREAT, "O_RDWR|O_CREAT"},
		{O_RDONLY, "O_RDONLY"},
		{R_OK | X_OK, "R_OK|X_OK"},
		{F_OK, "F_OK"},
		{AT_SYMLINK_NOFOLLOW | AT_EACCESS, "AT_SYMLINK_NOFOLLOW|AT_EACCESS"},
		{LOCK_EX | LOCK_NB, "LOCK_EX|LOCK_NB"},
		{F_TLOCK, "F_TLOCK"},
		{RENAME_EXCHANGE, "RENAME_EXCHANGE"},
		{XATTR_CREATE, "XATTR_CREATE"},
		{POSIX_FADV_NORMAL, "POSIX_FADV_NORMAL"},
		{POSIX_FADV_DONTNEED, "POSIX_FADV_DONTNEED"},
		{PC_NAME_MAX, "PC_NAME_MAX"},
	} {
		if got := fmt.Sprint(tc.v); got != tc.want {
			t.Errorf("%T prints as %q, want %q", tc.v, got, tc.want)
		}
	}
}

func TestParseFileTime(t *testing.T) {
	for text, want := range map[string]FileTime{
		"now": TimeNow, "Omit": TimeOmit,
		"@1.5":                    TimeAt(time.Unix(1, 5e8)),
		"@-1.5":                   TimeAt(time.Unix(-2, 5e8)),
		"@1000000000":             TimeAt(time.Unix(1e9, 0)),
		"@0.000000001":            TimeAt(time.Unix(0, 1)),
		"2001-02-03T04:05:06.25Z": TimeAt(time.Date(2001, 2, 3, 4, 5, 6, 25e7, time.UTC)),
	} {
		got, err := ParseFileTime(text)
		if err != nil || got.kind != want.kind || !got.at.Equal(want.at) {
			t.Errorf("ParseFileTime(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "yesterday", "@", "@x", "@1.x", "@1.0000000001", "@1.-5", "@1.+5"} {
		if got, err := ParseFileTime(text); err == nil {
			t.Errorf("ParseFileTime(%q) = %v", text, got)
		}
	}
}
