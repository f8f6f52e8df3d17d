package fsimages

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A Kind is a way to make an image.
type Kind struct {
	Name  string // of the kind
	Type  string // as mount(2) of NetBSD calls the file system
	Empty bool   // the tool makes an image without files
	Links bool   // it has symbolic links
	Write bool   // NetBSD writes it

	make func(m *maker)
}

// Kinds is all of them.
var Kinds = []Kind{
	{"ffs1", "ffs", false, true, true, func(m *maker) { m.run("makefs", "-t", "ffs", "-s", "4m", m.image, m.tree) }},
	{"ffs2", "ffs", false, true, true, func(m *maker) {
		m.run("makefs", "-t", "ffs", "-o", "version=2", "-s", "4m", m.image, m.tree)
	}},
	{"ffs1-bigendian", "ffs", false, true, true, func(m *maker) {
		m.run("makefs", "-t", "ffs", "-B", "be", "-s", "4m", m.image, m.tree)
	}},
	{"ext2", "ext2fs", false, true, true, func(m *maker) {
		m.size(4 << 20)
		m.run("mkfs.ext2", "-q", "-O", "none", "-I", "128", "-d", m.tree, m.image)
	}},
	{"fat12", "msdos", false, false, true, func(m *maker) { m.fat(1440 << 10) }},
	{"fat16", "msdos", false, false, true, func(m *maker) { m.fat(16 << 20) }},
	{"fat32", "msdos", false, false, true, func(m *maker) { m.fat(64 << 20) }},
	{"rockridge", "cd9660", false, true, false, func(m *maker) { m.run("makefs", "-t", "cd9660", "-o", "rockridge", m.image, m.tree) }},
	{"joliet", "cd9660", false, false, false, func(m *maker) { m.run("genisoimage", "-quiet", "-J", "-o", m.image, m.tree) }},
	{"ntfs", "ntfs", true, false, false, func(m *maker) { m.size(4 << 20); m.run("mkntfs", "-q", "-F", m.image) }},
	{"udf-512", "udf", true, true, true, func(m *maker) { m.run("mkudffs", "-b", "512", "--new-file", m.image, "20000") }},
	{"udf-2048", "udf", true, true, true, func(m *maker) { m.run("mkudffs", "-b", "2048", "--new-file", m.image, "5000") }},
	{"bfs", "sysvbfs", true, false, true, func(m *maker) { m.size(1 << 20); m.run("mkfs.bfs", m.image) }},
	{"v7", "v7fs", true, true, true, func(m *maker) { m.write(V7(2048)) }},
}

// packages is where a tool comes from.
var packages = map[string]string{
	"makefs": "makefs", "mkfs.ext2": "e2fsprogs", "mkfs.ext4": "e2fsprogs", "mkfs.fat": "dosfstools", "mcopy": "mtools", "genisoimage": "genisoimage",
	"mkntfs": "ntfs-3g", "mkudffs": "udftools", "mkfs.bfs": "util-linux",
}

// Make makes an image of the folder tree, whose links it leaves out where the
// kind has none, and returns its name.
func (k *Kind) Make(t testing.TB, tree string) string {
	t.Helper()
	m := &maker{t, filepath.Join(t.TempDir(), k.Name+".img"), tree}
	if !k.Links && !k.Empty {
		m.tree = t.TempDir()
		if err := os.CopyFS(m.tree, withoutLinks{os.DirFS(tree)}); err != nil {
			t.Fatal(err)
		}
	}
	k.make(m)
	return m.image
}

// Ext4 makes an ext4 of a folder, with features as mkfs.ext4(8) has them.
func Ext4(t testing.TB, tree, features string) string {
	t.Helper()
	m := &maker{t, filepath.Join(t.TempDir(), "ext4.img"), tree}
	m.size(16 << 20)
	m.run("mkfs.ext4", "-q", "-O", features, "-d", tree, m.image)
	return m.image
}

type maker struct {
	t     testing.TB
	image string
	tree  string
}

// run runs a tool, which may be where only root looks.
func (m *maker) run(name string, args ...string) {
	m.t.Helper()
	tool, err := exec.LookPath(name)
	for _, dir := range []string{"/usr/sbin/", "/sbin/"} {
		if err != nil {
			tool, err = exec.LookPath(dir + name)
		}
	}
	if err != nil {
		m.t.Skipf("%s is not here (remedy: apt-get install %s)", name, packages[name])
	}
	if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
		m.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// size makes the image, of zeros.
func (m *maker) size(n int64) {
	m.t.Helper()
	m.write(nil)
	if err := os.Truncate(m.image, n); err != nil {
		m.t.Fatal(err)
	}
}

func (m *maker) write(b []byte) {
	m.t.Helper()
	if err := os.WriteFile(m.image, b, 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m *maker) fat(size int64) {
	m.t.Helper()
	m.size(size)
	m.run("mkfs.fat", m.image)
	entries, err := os.ReadDir(m.tree)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, e := range entries {
		m.run("mcopy", "-i", m.image, "-s", filepath.Join(m.tree, e.Name()), "::")
	}
}
