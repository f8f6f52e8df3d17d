package launch

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/anykernel/anykernel/images"
	"github.com/anykernel/anykernel/images/stock"
)

var stockKernel = struct {
	sync.Once
	kernel images.LinuxKernel
	err    error
}{}

// linuxImage makes an image of a program on Debian's kernel, and returns what
// boots it.
func linuxImage(t testing.TB, program []byte, c images.Config) Config {
	t.Helper()
	stockKernel.Do(func() { stockKernel.kernel, stockKernel.err = stock.Find(t.Context(), stock.Auto) })
	if stockKernel.err != nil {
		t.Skip("no stock kernel: ", stockKernel.err)
	}
	c.Program = program
	im, err := images.BuildLinux(t.Context(), c, stockKernel.kernel)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "test.linux")
	if err := im.Write(dir); err != nil {
		t.Fatal(err)
	}
	return Config{Image: filepath.Join(dir, "kernel"), Initramfs: filepath.Join(dir, "initramfs"), CommandLine: im.CommandLine}
}

func guestOnLinux(t testing.TB, c images.Config) Config {
	t.Helper()
	needQEMU(t)
	if testing.Short() {
		t.Skip("boots Linux")
	}
	program, err := guestProgram()
	if err != nil {
		t.Fatal(err)
	}
	return linuxImage(t, program, c)
}

func TestLinuxHello(t *testing.T) {
	if out := succeed(t, guestOnLinux(t, images.Config{}), "hello", "hello"); out != "hello\n" {
		t.Errorf("the console said %q: Linux and init have to be silent", out)
	}
}

// TestLinuxPasses: status, arguments, environment and files are those that the
// program has in a bare guest.
func TestLinuxPasses(t *testing.T) {
	c := guestOnLinux(t, images.Config{
		CommandLine: `NAME="a b" dotted.name=x`,
		Files:       fstest.MapFS{"etc/motd": {Data: []byte("welcome\n")}},
	})
	succeed(t, c, `a b [NAME x=y z]`, "env", "NAME", "x=y", "z")
	succeed(t, c, `/etc/motd: "welcome\n"`, "cat", "/etc/motd")
	if status, out := run(t, c, "exit", "42"); status != 42 {
		t.Errorf("status %d, want 42; the console said\n%s", status, out)
	}
	if status, out := run(t, c, "crash"); status != 2 && status != 134 || !strings.Contains(out, "nil pointer dereference") {
		t.Errorf("status %d of a crash; the console said\n%s", status, out)
	}
}

// TestLinuxTooLittleMemory: the kernel itself says so, and the guest ends.
func TestLinuxTooLittleMemory(t *testing.T) {
	c := guestOnLinux(t, images.Config{})
	c.MemoryMiB = 40
	if _, err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "without a status") {
		t.Errorf("error %v", err)
	}
}

// TestLinuxNetwork: init brings the network up, as the word ip= says.
func TestLinuxNetwork(t *testing.T) {
	c := guestOnLinux(t, images.Config{})
	c.Networks = []Network{{User: true}}
	if out := succeed(t, c, "10.0.2.15/24", "addresses"); !strings.Contains(out, "nameserver 10.0.2.3") || !strings.Contains(out, "127.0.0.1/8") {
		t.Errorf("with DHCP the guest says\n%s", out)
	}
	c.CommandLine = "ip=10.0.2.77::10.0.2.2:255.255.0.0::::10.0.2.4"
	if out := succeed(t, c, "10.0.2.77/16", "addresses"); !strings.Contains(out, "nameserver 10.0.2.4") {
		t.Errorf("with a word the guest says\n%s", out)
	}
}

// TestLinuxDisk: drivers of what the guest has are loaded.
func TestLinuxDisk(t *testing.T) {
	c := guestOnLinux(t, images.Config{})
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(disk, []byte(strings.Repeat("a disk\n", 1<<10)), 0o644); err != nil {
		t.Fatal(err)
	}
	c.Disks = []Disk{{Path: disk, ReadOnly: true}}
	succeed(t, c, `/dev/vda: "a disk\na disk\n`, "cat", "/dev/vda")
}
