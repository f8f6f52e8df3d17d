//go:build linux && (amd64 || arm64)

package sentry_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/sentry"
)

var tree = fstest.MapFS{
	"hello.txt":    {Data: []byte("hello"), Mode: 0o640},
	"dir/deep/big": {Data: []byte(strings.Repeat("0123456789", 100_000)), Mode: 0o600},
	"link":         {Data: []byte("dir/deep"), Mode: fs.ModeSymlink | 0o777},
	"empty":        {Mode: 0o644},
}

func TestMountOfFS(t *testing.T) {
	k := boot(t, sentry.Options{Mounts: []sentry.Mount{
		{Path: "/import/view", FS: tree},
		{Path: "/import/copy", FS: tree, Copy: true},
	}})
	s := callerOf(k.Init())
	for _, dir := range []string{"/import/view/", "/import/copy/"} {
		for name, f := range tree {
			if f.Mode&fs.ModeSymlink != 0 {
				continue
			}
			if got := readFile(t, s, dir+name); got != string(f.Data) {
				t.Errorf("%s%s has %d bytes, want %d, or differs", dir, name, len(got), len(f.Data))
			}
			var st unix.Stat_t
			s.must(t, unix.SYS_NEWFSTATAT, num(unix.AT_FDCWD), text(dir+name), out(bytesOf(&st)), num(0))
			if st.Mode != unix.S_IFREG|uint32(f.Mode) || st.Size != int64(len(f.Data)) {
				t.Errorf("%s%s has mode %o and size %d", dir, name, st.Mode, st.Size)
			}
		}
		if got := readFile(t, s, dir+"link/big"); len(got) != len(tree["dir/deep/big"].Data) {
			t.Errorf("through %slink: %d bytes", dir, len(got))
		}
		if got, want := list(t, s, dir), "dir empty hello.txt link"; got != want {
			t.Errorf("%s lists %s, want %s", dir, got, want)
		}
	}
	create := func(name string) error {
		_, err := s(unix.SYS_OPENAT, num(unix.AT_FDCWD), text(name), num(unix.O_CREAT|unix.O_WRONLY), num(0o644))
		return err
	}
	if err := create("/import/view/new"); !isErrno(err, unix.EROFS) {
		t.Errorf("creating a file in a view: %v, want EROFS", err)
	}
	if err := create("/import/view/hello.txt"); !isErrno(err, unix.EROFS) {
		t.Errorf("writing to a file in a view: %v, want EROFS", err)
	}
	if err := create("/import/copy/new"); err != nil {
		t.Errorf("creating a file in a copy: %v", err)
	}
}

func TestHostDirectory(t *testing.T) {
	dir, outside := filepath.Join(t.TempDir(), "with:colon"), filepath.Join(t.TempDir(), "secret")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{filepath.Join(dir, "a"): "from the host", outside: "secret"} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "escape")); err != nil {
		t.Fatal(err)
	}
	k, err := backends.Open(t.Context(), "sentry:mount="+dir+":/view,copy="+dir+":/copy", backends.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	s := callerOf(k.Init())
	for _, name := range []string{"/view/a", "/copy/a"} {
		if got := readFile(t, s, name); got != "from the host" {
			t.Errorf("%s is %q", name, got)
		}
	}
	for _, name := range []string{"/view/escape", "/copy/escape"} {
		if _, err := s(unix.SYS_OPENAT, num(unix.AT_FDCWD), text(name), num(0), num(0)); !isErrno(err, unix.ENOENT) {
			t.Errorf("%s, which points outside: %v, want ENOENT", name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, s, "/view/a") + " " + readFile(t, s, "/copy/a"); got != "changed from the host" {
		t.Errorf("after a change on the host, view and copy are %q", got)
	}
}

func TestMountRefuses(t *testing.T) {
	for name, m := range map[string]sentry.Mount{
		"relative path":  {Path: "view", FS: tree},
		"no file system": {Path: "/view"},
		"missing folder": {Path: "/view", FS: os.DirFS("/nonexistent")},
		"below a file":   {Path: "/etc/passwd/x", FS: tree},
	} {
		if k, err := sentry.Open(t.Context(), sentry.Options{Mounts: []sentry.Mount{m}}, backends.Config{}); err == nil {
			k.Close()
			t.Errorf("%s: the kernel opened", name)
		}
	}
	if _, err := backends.Open(t.Context(), "sentry:mount=/nonexistent:/view", backends.Config{}); err == nil || !strings.Contains(err.Error(), "/nonexistent") {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// list is the names in a folder, sorted by the kernel's order.
func list(t testing.TB, s syscaller, dir string) string {
	t.Helper()
	fd := s.must(t, unix.SYS_OPENAT, num(unix.AT_FDCWD), text(dir), num(unix.O_DIRECTORY), num(0))
	defer s.must(t, unix.SYS_CLOSE, fdNum(fd))
	var names []string
	for {
		buf := make([]byte, 4096)
		n := s.must(t, unix.SYS_GETDENTS64, fdNum(fd), out(buf), num(len(buf)))
		if n == 0 {
			break
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
	sortStrings(names)
	return strings.Join(names, " ")
}
