//go:build linux

package kit

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// sources are components of the tests' own, which depend on each other as
// NetBSD's do.
var sources = map[string]string{
	"librump.so": `
		extern int rumpuser_init(int, const void *);
		int rump_init(void) { return rumpuser_init(17, 0); }
		int rump_syscall(void) { return 0; }
		__attribute__((weak)) int rump_stub(void) { return 0; }
		int rump_user(void) { return rump_stub(); }`,
	"librumpvfs.so":         `extern int rump_init(void); int rump_vfs(void) { return rump_init(); } int rump_stub(void) { return 1; }`,
	"librumpfs_one.so":      `extern int rump_vfs(void); int rump_fs_one(void) { return rump_vfs(); }`,
	"librumpnet.so":         `extern int rump_init(void); int rump_net(void) { return rump_init(); }`,
	"librumpnet_net.so":     `extern int rump_net(void); int rump_sockets(void) { return rump_net(); }`,
	"librumpnet_sockin.so":  `extern int rump_net(void); int rump_sockets(void) { return rump_net(); }`,
	"librumpnet_inet.so":    `extern int rump_sockets(void); int rump_inet(void) { return rump_sockets(); }`,
	"librumpdev_disk.so":    `extern int rump_init(void), rump_nobody(void); int rump_disk(void) { return rump_init() + rump_nobody(); }`,
	"librumpnet_one.so":     `extern int rump_net(void); int rump_net_one(void) { return rump_net(); }`,
	"librumpuser.so.0.1":    `int rumpuser_init(int v, const void *p) { return 0; }`,
	"librumpkern_old.so.1":  `extern int rump_init(void); int rump_old(void) { return rump_init(); }`,
	"librumpkern_old.so.10": `extern int rump_init(void); int rump_old(void) { return rump_init() + 1; }`,
}

var ownKit = struct {
	sync.Once
	dir string
}{}

// built is the folder of the sources' libraries, which is made once.
func built(t *testing.T) string {
	t.Helper()
	ownKit.Do(func() {
		dir, err := os.MkdirTemp("", "kit")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(dir, os.DirFS(build(t, sources))); err != nil {
			t.Fatal(err)
		}
		ownKit.dir = dir
	})
	if ownKit.dir == "" {
		t.Skip("the libraries could not be made")
	}
	return ownKit.dir
}

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(ownKit.dir)
	os.Exit(code)
}

// build makes a folder of libraries.
func build(t *testing.T, sources map[string]string) string {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("gcc is not here (remedy: apt-get install gcc)")
	}
	dir := t.TempDir()
	for name, code := range sources {
		in := filepath.Join(t.TempDir(), "in.c")
		if err := os.WriteFile(in, []byte(code), 0o644); err != nil {
			t.Fatal(err)
		}
		if msg, err := exec.Command(gcc, "-shared", "-fPIC", "-nostdlib", "-o", filepath.Join(dir, name), in).CombinedOutput(); err != nil {
			t.Fatalf("gcc: %v\n%s", err, msg)
		}
	}
	return dir
}

func TestResolve(t *testing.T) {
	k, err := Open(built(t))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"dev_disk", "fs_one", "kern_old", "net", "net_inet", "net_net", "net_one", "net_sockin", "rump", "vfs"}; !slices.Equal(k.Names(), want) {
		t.Errorf("the components are %q, want %q", k.Names(), want)
	}
	for _, tc := range []struct {
		names, want string
		err         string
	}{
		{"", "rump", ""},
		{"fs_one", "fs_one vfs rump", ""},
		{"rump fs_one vfs", "fs_one vfs rump", ""},
		{"inet", "net_inet net_net net rump", ""},
		{"librumpnet_inet.so.0 rumpfs_one", "net_inet net_net fs_one vfs net rump", ""},
		{"net_sockin", "net_sockin net rump", ""},
		{"dev_disk", "dev_disk rump", ""}, // what nobody has is left open
		{"net_sockin net_net", "", "exclude each other"},
		{"inet net_sockin", "net_inet net_sockin net rump", ""}, // it has what inet needs
		{"one", "", "fs_one or net_one"},
		{"nothing", "", k.Dir()},
		{"disc", "", "no component"},
		{"dev_dis", "", "it has dev_disk"},
	} {
		list, err := k.Resolve(strings.Fields(tc.names)...)
		var got []string
		for _, c := range list {
			got = append(got, c.Name)
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("Resolve(%q) is %q, want %q", tc.names, got, tc.want)
		}
		if (err != nil) != (tc.err != "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("Resolve(%q): error %v, want one that says %q", tc.names, err, tc.err)
		}
	}
}

func TestList(t *testing.T) {
	list, err := List(built(t))
	if err != nil || len(list) != 10 {
		t.Fatalf("%d components, %v", len(list), err)
	}
	for _, c := range list {
		if c.Size == 0 || c.File == "" {
			t.Errorf("%+v", c)
		}
		if c.Name == "fs_one" && (c.Kind != FileSystem || c.Gives != "one") || c.Name == "rump" && (c.Kind != Base || c.Gives != "") {
			t.Errorf("%+v", c)
		}
	}
}

func TestNoKit(t *testing.T) {
	for _, dir := range []string{t.TempDir(), "/nonexistent", ""} {
		if _, err := Open(dir); !errors.Is(err, ErrNoKit) {
			t.Errorf("a kit in %q: %v", dir, err)
		}
	}
	t.Setenv(Env, "/here")
	if dir := DefaultDir(); dir != "/here" {
		t.Errorf("the default is %q, want what $%s says", dir, Env)
	}
	t.Setenv(Env, "")
	t.Setenv("XDG_DATA_HOME", "/data")
	if dir := DefaultDir(); dir != "/data/anykernel/kit" {
		t.Errorf("the default is %q", dir)
	}
}

// install runs the installer and returns what it said.
func install(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("sh", append([]string{"../../scripts/buildrump.sh"}, args...)...)
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// set packs the libraries in dir as NetBSD's base set.
func set(t *testing.T, dir, name, compress string) string {
	t.Helper()
	root := t.TempDir()
	lib := filepath.Join(root, "root/usr/lib")
	if err := errors.Join(os.MkdirAll(lib, 0o755), os.CopyFS(lib, os.DirFS(dir)), os.WriteFile(filepath.Join(lib, "libc.so.12"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(root, name)
	if msg, err := exec.Command("tar", compress, "-cf", archive, "-C", filepath.Join(root, "root"), ".").CombinedOutput(); err != nil {
		t.Skipf("tar %s: %v\n%s", compress, err, msg)
	}
	return archive
}

func TestInstall(t *testing.T) {
	libs := built(t)
	tgz, txz := set(t, libs, "base.tgz", "-z"), set(t, libs, "base.tar.xz", "-J")
	for _, args := range [][]string{
		{"--from", libs},
		{"--sets", tgz}, {"--sets", filepath.Dir(tgz)},
		{"--sets", txz}, {"--sets", "file://" + txz}, {"--sets", "file://" + filepath.Dir(txz)},
	} {
		prefix := filepath.Join(t.TempDir(), "new folder", "kit")
		out, err := install(t, append(args, "--prefix", prefix)...)
		if err != nil || !strings.Contains(out, "installed 10 components") {
			t.Errorf("%q: %v\n%s", args, err, out)
			continue
		}
		if !strings.Contains(out, "rump_nobody, wanted by dev_disk") {
			t.Errorf("%q does not say what is missing:\n%s", args, out)
		}
		k, err := Open(prefix)
		if err != nil || len(k.Names()) != 10 {
			t.Errorf("%q: the kit is not one: %v", args, err)
		}
		if out, err := install(t, append(args, "--prefix", prefix)...); err != nil || !strings.Contains(out, "already has") {
			t.Errorf("%q, once more: %v\n%s", args, err, out)
		}
		checkManifest(t, prefix)
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(prefix), ".kit*")); len(left) > 0 {
			t.Errorf("%q left %q behind", args, left)
		}
	}
}

func checkManifest(t *testing.T, prefix string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(prefix, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Rumpuser   int
		Components []struct {
			Name, File, SHA512, Gives string
			Size                      int
			Needs                     []string
		}
	}
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	if m.Rumpuser != 17 || len(m.Components) != 10 {
		t.Errorf("the manifest is of revision %d and %d components", m.Rumpuser, len(m.Components))
	}
	for _, c := range m.Components {
		if len(c.SHA512) != 128 || c.Size == 0 || c.Gives == "" {
			t.Errorf("component %+v", c)
		}
		if c.Name == "fs_one" && !slices.Equal(c.Needs, []string{"vfs"}) {
			t.Errorf("fs_one needs %q", c.Needs)
		}
	}
}

// TestInstallRefuses makes sure that a kit which is there outlives every
// failure.
func TestInstallRefuses(t *testing.T) {
	libs := built(t)
	prefix := filepath.Join(t.TempDir(), "kit")
	if out, err := install(t, "--from", libs, "--prefix", prefix); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	before, err := os.ReadFile(filepath.Join(prefix, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	tgz := set(t, libs, "base.tgz", "-z")
	data, err := os.ReadFile(tgz)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	damaged := func(change func([]byte) []byte) string {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(libs)); err != nil {
			t.Fatal(err)
		}
		lib := filepath.Join(dir, "librumpvfs.so")
		b, err := os.ReadFile(lib)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(lib, change(b), 0o644); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	revised := map[string]string{"librump.so": sources["librump.so"] + "extern int rumpuser_new(void); int rump_new(void) { return rumpuser_new(); }"}
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"truncated":     {[]string{"--sets", write("base.tgz", data[:len(data)/2])}, "damaged"},
		"no archive":    {[]string{"--sets", write("base.tgz", []byte("text"))}, "damaged"},
		"other archive": {[]string{"--sets", set(t, t.TempDir(), "base.tgz", "-z")}, "no librump"},
		"other name":    {[]string{"--sets", write("base.zip", data)}, "neither"},
		"empty folder":  {[]string{"--from", t.TempDir()}, "no librump.so"},
		"no folder":     {[]string{"--from", "/nonexistent"}, "no folder"},
		"no set":        {[]string{"--sets", t.TempDir()}, "base.tgz"},
		"no network":    {[]string{"--sets", "http://127.0.0.1:9/base.tgz"}, "fetch"},
		"not ELF":       {[]string{"--from", damaged(func([]byte) []byte { return []byte("text") })}, "librumpvfs.so is not"},
		"32 bits":       {[]string{"--from", damaged(func(b []byte) []byte { b[4] = 1; return b })}, "64-bit"},
		"machine":       {[]string{"--from", damaged(func(b []byte) []byte { b[18] = 8; return b })}, "for this machine"},
		"machine named": {[]string{"--release", "10.1", "--machine", "vax"}, "vax"},
		"revision":      {[]string{"--from", build(t, revised)}, "rumpuser_new"},
		"no kernel":     {[]string{"--from", build(t, map[string]string{"librump.so": "int x;"})}, "rump_init"},
		"two sources":   {[]string{"--from", libs, "--sets", tgz}, "one of"},
		"no source":     {nil, "one of"},
		"unknown":       {[]string{"--frm", libs}, "--help"},
	} {
		if out, err := install(t, append(tc.args, "--prefix", prefix)...); err == nil || !strings.Contains(out, tc.want) {
			t.Errorf("%s: %v, want an error that says %q\n%s", name, err, tc.want, out)
		}
		if after, err := os.ReadFile(filepath.Join(prefix, "manifest.json")); string(after) != string(before) {
			t.Fatalf("%s: the kit is not as it was: %v", name, err)
		}
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "precious"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := install(t, "--from", libs, "--prefix", other); err == nil || !strings.Contains(out, "left alone") {
		t.Errorf("a folder that is no kit: %v\n%s", err, out)
	}
	if out, err := install(t, "--help"); err != nil || !strings.Contains(out, "--prefix") {
		t.Errorf("--help: %v\n%s", err, out)
	}
}
