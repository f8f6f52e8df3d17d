package kerneltest

import (
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// pathCases are about files by name.
var pathCases = []Case{
	{Name: "all types of files are told apart", Needs: backends.Files, Run: testFileTypes},
	{Name: "device numbers", Needs: backends.Files, Run: testDevices},
	{Name: "permissions and owners", Needs: backends.Files, Run: testPermissions},
	{Name: "times to the nanosecond", Needs: backends.Files, Run: testTimes},
	{Name: "names are linked, renamed and removed", Needs: backends.Files, Run: testNames},
	{Name: "paths relative to a directory", Needs: backends.Files, Run: testAt},
	{Name: "long paths", Needs: backends.Files, Run: testLongPaths},
	{Name: "file systems tell their size", Needs: backends.Files, Run: testStatfs},
	{Name: "extended attributes", Needs: backends.Xattrs, Run: testXattrs},
}

func testFileTypes(t T, k *sys.Kernel) {
	p := k.Init()
	dir := tempDir(t, p)
	create(t, p, dir+"/file", []byte("hello"))
	must(t, p.Mkdir(dir+"/directory", 0o755), p.Symlink("file", dir+"/link"), p.Mkfifo(dir+"/fifo", 0o600))
	want := map[string]string{"file": "file", "directory": "directory", "link": "link", "fifo": "fifo"}
	for name, mode := range map[string]fs.FileMode{
		"socket": fs.ModeSocket, "chr": fs.ModeDevice | fs.ModeCharDevice, "blk": fs.ModeDevice,
	} {
		// Making these is for the superuser, or for nobody, in some kernels.
		if err := p.Mknod(dir+"/"+name, mode|0o600, sys.Device{Major: 1, Minor: 3}); err != nil {
			t.Logf("mknod of a %s: %v", sys.TypeName(mode), err)
		} else {
			want[name] = sys.TypeName(mode)
		}
	}
	for name, kind := range want {
		if st, err := p.Lstat(dir + "/" + name); err != nil || st.TypeName() != kind {
			t.Errorf("%s is a %s, %v", name, st.TypeName(), err)
		}
	}
	st, err := p.Stat(dir + "/link")
	if err != nil || !st.IsRegular() || st.Size != 5 || st.Nlink != 1 || st.Mode.Perm() != 0o644 {
		t.Errorf("through the link: %v, %v", &st, err)
	}
	if d := time.Since(st.Mtime); d < -time.Hour || d > time.Hour {
		t.Errorf("the file was written %v ago", d)
	}
	entries, err := p.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		if sys.TypeName(e.Type()) != want[e.Name()] {
			t.Errorf("the directory says that %s is a %s", e.Name(), sys.TypeName(e.Type()))
		}
	}
}

func testDevices(t T, k *sys.Kernel) {
	p := k.Init()
	dir := tempDir(t, p)
	for i, dev := range []sys.Device{{Major: 1, Minor: 3}, {Major: 200, Minor: 255}, {Major: 4, Minor: 256}, {Major: 255, Minor: 0xfffff}} {
		path := dir + "/" + string(rune('a'+i))
		if err := p.Mknod(path, fs.ModeDevice|fs.ModeCharDevice|0o600, dev); err != nil {
			t.Logf("this kernel makes no devices: %v", err)
			return
		}
		if st, err := p.Lstat(path); err != nil || st.Rdev != dev {
			t.Errorf("device %v reads back as %v, %v", dev, st.Rdev, err)
		}
	}
	if err := p.Mknod(dir+"/big", fs.ModeDevice, sys.Device{Major: 1 << 31, Minor: 1}); err == nil {
		t.Errorf("mknod of a device number that no kernel has succeeded")
	}
}

func testPermissions(t T, k *sys.Kernel) {
	p := k.Init()
	dir := tempDir(t, p)
	f := create(t, p, dir+"/file", nil)
	st, err := f.Stat()
	must(t, err)
	for _, mode := range []fs.FileMode{0, 0o777, 0o4711 &^ 0o4000, 0o640 | fs.ModeSetuid, 0o751 | fs.ModeSticky, 0o600} {
		must(t, p.Chmod(dir+"/file", mode))
		if st, err := f.Stat(); err != nil || st.Mode != mode {
			t.Errorf("chmod %v gives %v, %v", mode, st.Mode, err)
		}
	}
	must(t, f.Chmod(0o444))
	if st, err := p.Stat(dir + "/file"); err != nil || st.Mode != 0o444 {
		t.Errorf("fchmod 0444 gives %v, %v", st.Mode, err)
	}
	must(t, p.Access(dir+"/file", sys.R_OK), p.Access(dir+"/file", sys.F_OK))
	if err := p.Access(dir+"/missing", sys.F_OK); !errors.Is(err, sys.ENOENT) {
		t.Errorf("access of a missing file: %v, want ENOENT", err)
	}
	if err := p.Access(dir+"/file", sys.X_OK); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("access for execution of a file with mode 0444: %v, want EACCES", err)
	}
	uid, gid := int(st.UID), int(st.GID)
	must(t, p.Chown(dir+"/file", -1, -1), p.Lchown(dir+"/file", uid, -1), f.Chown(uid, gid))
	if uid != 0 {
		return
	}
	must(t, p.Chown(dir+"/file", 12, 34), f.Chown(-1, 35))
	if st, err := f.Stat(); err != nil || st.UID != 12 || st.GID != 35 {
		t.Errorf("after chown the owner is %d:%d, %v, want 12:35", st.UID, st.GID, err)
	}
}

func testTimes(t T, k *sys.Kernel) {
	p := k.Init()
	dir := tempDir(t, p)
	path := dir + "/file"
	f := create(t, p, path, nil)
	a, m := time.Unix(1_000_000_000, 123456789), time.Unix(2_000_000_000, 987654321)
	must(t, p.Chtimes(path, sys.TimeAt(a), sys.TimeAt(m)))
	// File systems keep times to a unit of their own.
	check := func(what string, a, m time.Time) {
		t.Helper()
		st, err := p.Stat(path)
		if err != nil || !near(st.Atime, a) || !near(st.Mtime, m) {
			t.Errorf("%s: the times are %v and %v, %v, want %v and %v", what, st.Atime, st.Mtime, err, a, m)
		}
	}
	check("chtimes", a, m)
	must(t, p.Chtimes(path, sys.TimeOmit, sys.TimeAt(a)))
	check("omitting the first", a, a)
	must(t, f.Chtimes(sys.TimeAt(m), sys.TimeOmit))
	check("omitting the second", m, a)
	must(t, f.Chtimes(sys.TimeNow, sys.TimeNow))
	st, err := p.Stat(path)
	if d := time.Since(st.Mtime); err != nil || d < -time.Hour || d > time.Hour {
		t.Errorf("the present time is %v ago, %v", d, err)
	}
	must(t, p.Symlink("file", dir+"/link"), p.Lchtimes(dir+"/link", sys.TimeAt(a), sys.TimeAt(a)))
	if st, err := p.Lstat(dir + "/link"); err != nil || !near(st.Mtime, a) {
		t.Errorf("the link's time is %v, %v, want %v", st.Mtime, err, a)
	}
}

// near reports whether two times are equal to the microsecond, which is what
// every file system but FAT keeps.
func near(a, b time.Time) bool { return a.Sub(b).Abs() < time.Microsecond }

func testNames(t T, k *sys.Kernel) {
	p := k.Init()
	dir := tempDir(t, p)
	create(t, p, dir+"/a", []byte("content"))
	must(t, p.Link(dir+"/a", dir+"/b"), p.Rename(dir+"/a", dir+"/c"))
	st, err := p.Stat(dir + "/b")
	if err != nil || st.Nlink != 2 {
		t.Errorf("a file with two names has %d, %v", st.Nlink, err)
	}
	if _, err := p.Stat(dir + "/a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old name of a renamed file: %v, want ENOENT", err)
	}
	if err := p.Link(dir+"/b", dir+"/c"); !errors.Is(err, sys.EEXIST) {
		t.Errorf("link to a name that exists: %v, want EEXIST", err)
	}
	target := strings.Repeat("x/", 400) + "end"
	must(t, p.Symlink(target, dir+"/link"))
	if got, err := p.Readlink(dir + "/link"); got != target || err != nil {
		t.Errorf("readlink of %d bytes gives %d, %v", len(target), len(got), err)
	}
	if _, err := p.Readlink(dir + "/b"); !errors.Is(err, sys.EINVAL) {
		t.Errorf("readlink of a file: %v, want EINVAL", err)
	}
	must(t, p.Mkdir(dir+"/d", 0o755), p.Mkdir(dir+"/d/e", 0o755))
	if err := p.Rmdir(dir + "/d"); !errors.Is(err, sys.ENOTEMPTY) {
		t.Errorf("rmdir of a directory that is not empty: %v, want ENOTEMPTY", err)
	}
	if err := p.Unlink(dir + "/d"); err == nil {
		t.Errorf("unlink of a directory succeeded")
	}
	must(t, p.Rename(dir+"/d/e", dir+"/e"), p.Rmdir(dir+"/d"), p.Rmdir(dir+"/e"), p.Unlink(dir+"/link"))
	switch err := p.RenameFlags(dir+"/b", dir+"/c", sys.RENAME_NOREPLACE); {
	case isUnsupported(err) || errors.Is(err, sys.EINVAL):
		t.Logf("renaming with flags: %v", err)
	case !errors.Is(err, sys.EEXIST):
		t.Errorf("rename that may not replace: %v, want EEXIST", err)
	}
}

func testAt(t T, k *sys.Kernel) {
	p := k.Init()
	path := tempDir(t, p)
	dir, err := p.Open(path, sys.O_RDONLY|sys.O_DIRECTORY, 0)
	must(t, err)
	defer dir.Close()
	f, err := dir.OpenAt("file", sys.O_CREAT|sys.O_RDWR, 0o600)
	must(t, err)
	defer f.Close()
	must(t,
		dir.MkdirAt("sub", 0o755),
		dir.SymlinkAt("file", "link"),
		dir.MkfifoAt("fifo", 0o600),
		dir.ChmodAt("file", 0o640, 0),
		dir.ChownAt("link", -1, -1, sys.AT_SYMLINK_NOFOLLOW),
		dir.AccessAt("file", sys.R_OK|sys.W_OK, 0),
		dir.ChtimesAt("file", sys.TimeOmit, sys.TimeAt(time.Unix(1e9, 0)), 0))
	sub, err := dir.OpenAt("sub", sys.O_RDONLY|sys.O_DIRECTORY, 0)
	must(t, err)
	defer sub.Close()
	must(t,
		dir.LinkAt("file", sub, "hard", 0),
		dir.RenameAt("fifo", sub, "moved", 0),
		sub.RenameAt("moved", nil, path+"/again", 0))
	if target, err := dir.ReadlinkAt("link"); target != "file" || err != nil {
		t.Errorf("readlinkat: %q, %v", target, err)
	}
	a, err1 := dir.StatAt("file", 0)
	b, err2 := p.Stat(path + "/sub/hard")
	c, err3 := dir.StatAt("link", 0)
	must(t, err1, err2, err3)
	if !a.SameFile(&b) || !a.SameFile(&c) || a.Mode != 0o640 || a.Nlink != 2 || a.Mtime.Unix() != 1e9 {
		t.Errorf("one file by three names is %v, %v, %v", &a, &b, &c)
	}
	l, err := dir.StatAt("link", sys.AT_SYMLINK_NOFOLLOW)
	if err != nil || l.TypeName() != "link" {
		t.Errorf("the link itself is %v, %v", &l, err)
	}
	must(t, sub.UnlinkAt("hard", 0), dir.UnlinkAt("again", 0), dir.UnlinkAt("sub", sys.AT_REMOVEDIR))
	if _, err := f.OpenAt("x", sys.O_RDONLY, 0); !errors.Is(err, sys.ENOTDIR) {
		t.Errorf("openat from a file: %v, want ENOTDIR", err)
	}
}

func testLongPaths(t T, k *sys.Kernel) {
	p := k.Init()
	path := tempDir(t, p)
	limit, err := p.Pathconf(path, sys.PC_PATH_MAX)
	must(t, err)
	name := "/" + strings.Repeat("n", 99)
	for len(path)+len(name)+100 < int(limit) {
		path += name
		must(t, p.Mkdir(path, 0o755))
	}
	path += "/" + strings.Repeat("f", int(limit)-len(path)-2) // with its NUL it is as long as may be
	must(t, p.WriteFile(path, []byte("deep"), 0o644))
	if got, err := p.ReadFile(path); string(got) != "deep" || err != nil {
		t.Errorf("a path of %d bytes: %q, %v", len(path), got, err)
	}
	if _, err := p.Stat(path + "x"); !errors.Is(err, sys.ENAMETOOLONG) {
		t.Errorf("a path of %d bytes: %.300v, want ENAMETOOLONG", len(path)+1, err)
	}
}

func testStatfs(t T, k *sys.Kernel) {
	p := k.Init()
	dir := tempDir(t, p)
	f := create(t, p, dir+"/file", nil)
	byPath, err := p.Statfs(dir)
	must(t, err)
	if byPath.Type == "" || byPath.Bsize <= 0 || byPath.Frsize <= 0 || byPath.Bavail > byPath.Blocks || byPath.ReadOnly() {
		t.Errorf("the file system is %v", &byPath)
	}
	byFile, err := f.Statfs()
	if err != nil || byFile.Type != byPath.Type || byFile.Blocks != byPath.Blocks || byFile.FSID != byPath.FSID {
		t.Errorf("by path: %v, by file: %v, %v", &byPath, &byFile, err)
	}
	max, err := f.Pathconf(sys.PC_NAME_MAX)
	if err != nil || max != int64(byPath.NameMax) || max < 14 {
		t.Errorf("NAME_MAX is %d, %v, and in statfs %d", max, err, byPath.NameMax)
	}
	if err := p.WriteFile(dir+"/"+strings.Repeat("n", int(max)), nil, 0o600); err != nil {
		t.Errorf("a name of NAME_MAX bytes: %v", err)
	}
	if err := p.WriteFile(dir+"/"+strings.Repeat("n", int(max)+1), nil, 0o600); !errors.Is(err, sys.ENAMETOOLONG) {
		t.Errorf("a name of NAME_MAX+1 bytes: %.300v, want ENAMETOOLONG", err)
	}
}
