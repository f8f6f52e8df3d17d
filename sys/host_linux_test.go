package sys_test

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/anykernel/anykernel/sys"
)

// These hold the calls to what the tools of the system say of the same files.

// output is what a tool prints, or a skipped test where there is none.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(err)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Skipf("%s %v: %v: %s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestStatEqualsTheTool(t *testing.T) {
	p := openHost(t).Init()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := p.WriteFile(file, make([]byte, 12345), 0o4751); err != nil {
		t.Fatal(err)
	}
	if err := p.Symlink("file", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	sock, err := net.Listen("unix", filepath.Join(dir, "sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close()
	paths := []string{dir, file, filepath.Join(dir, "link"), filepath.Join(dir, "sock"), "/dev/null", "/proc/cpuinfo"}
	if err := p.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err == nil {
		paths = append(paths, filepath.Join(dir, "fifo"))
	}
	for _, kind := range []fs.FileMode{fs.ModeDevice, fs.ModeDevice | fs.ModeCharDevice} {
		path := filepath.Join(dir, fmt.Sprint("dev", uint32(kind)))
		if err := p.Mknod(path, kind|0o600, sys.Device{Major: 250, Minor: 70000}); err != nil {
			t.Logf("%v", err)
			continue
		}
		paths = append(paths, path)
	}
	for _, path := range paths {
		st, err := p.Lstat(path)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		got := fmt.Sprintf("%d %o %d %d %d %d %d %d %x %x %d", st.Ino, sys.ModeBits(st.Mode), st.Nlink, st.UID, st.GID, st.Size,
			st.Blocks, st.Blksize, st.Rdev.Major, st.Rdev.Minor, st.Mtime.Unix())
		if want := output(t, "stat", "-c", "%i %a %h %u %g %s %b %o %t %T %Y", path); got != want {
			t.Errorf("%s: %s, and stat says %s", path, got, want)
		}
		if got, want := sys.FormatMode(st.Mode), output(t, "stat", "-c", "%A", path); got != want {
			t.Errorf("%s: mode %s, and stat says %s", path, got, want)
		}
	}
}

func TestStatfsEqualsTheTool(t *testing.T) {
	p := openHost(t).Init()
	for _, path := range []string{t.TempDir(), "/proc", "/sys", "/"} {
		st, err := p.Statfs(path)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		got := fmt.Sprintf("%d %d %d %d %d", st.Bsize, st.Frsize, st.Blocks, st.Files, st.NameMax)
		if want := output(t, "stat", "-f", "-c", "%s %S %b %c %l", path); got != want {
			t.Errorf("%s: %s, and stat -f says %s", path, got, want)
		}
		kind := output(t, "stat", "-f", "-c", "%T", path)
		if kind = strings.TrimPrefix(kind, "ext2/"); kind == "ext3" {
			kind = "ext4" // one number for the three
		}
		if st.Type != kind {
			t.Errorf("%s: %s, and stat -f says %s", path, st.Type, kind)
		}
	}
}

func TestPathconfEqualsTheTool(t *testing.T) {
	p := openHost(t).Init()
	dir := t.TempDir()
	for v := sys.PC_LINK_MAX; v <= sys.PC_VDISABLE; v++ {
		name := strings.TrimPrefix(v.String(), "PC_")
		if v >= sys.PC_CHOWN_RESTRICTED {
			name = "_POSIX_" + name
		}
		got, err := p.Pathconf(dir, v)
		if want := output(t, "getconf", name, dir); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%v is %d, %v, and getconf says %s", v, got, err, want)
		}
	}
}

// TestDroppedFilesClose counts this process's descriptors.
func TestDroppedFilesClose(t *testing.T) {
	p := openHost(t).Init()
	count := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(list)
	}
	before := count()
	func() {
		for range 1000 {
			if _, err := p.Open("/dev/null", sys.O_RDONLY|sys.O_CLOEXEC, 0); err != nil {
				t.Fatal(err)
			}
		}
	}()
	for range 100 {
		runtime.GC()
		if count() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d descriptors are open, and %d were before 1000 files were dropped", count(), before)
}

// TestProcFiles reads files that say that they are empty.
func TestProcFiles(t *testing.T) {
	p := openHost(t).Init()
	want, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skip(err)
	}
	if got, err := p.ReadFile("/proc/cpuinfo"); err != nil || len(got) < len(want)/2 {
		t.Errorf("/proc/cpuinfo has %d bytes, %v, and package os reads %d", len(got), err, len(want))
	}
	dst := filepath.Join(t.TempDir(), "copy")
	if err := p.CopyFile(dst, "/proc/version"); err != nil {
		t.Fatal(err)
	}
	version, _ := os.ReadFile("/proc/version")
	if got, err := p.ReadFile(dst); err != nil || string(got) != string(version) {
		t.Errorf("the copy of /proc/version is %q, %v", got, err)
	}
}
