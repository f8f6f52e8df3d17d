package images

import (
	"bytes"
	"compress/gzip"
	"context"
	"debug/elf"
	"encoding/binary"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/klauspost/compress/zstd"
	"github.com/u-root/u-root/pkg/cpio"
	"github.com/ulikunitz/xz"
)

// testKernel has a bzImage's header, and nothing to run.
func testKernel() []byte {
	b := make([]byte, 4096)
	copy(b[bzMagic:], "HdrS")
	binary.LittleEndian.PutUint16(b[bzProtocol:], 0x20f)
	binary.LittleEndian.PutUint16(b[bzXLoad:], bz64)
	binary.LittleEndian.PutUint16(b[bzVersion:], 1024)
	copy(b[1024+512:], "6.1.0-test (builder) #1 SMP")
	return b
}

// testModule is a module that says of itself what info has.
func testModule(info ...string) []byte {
	const names = "\x00.modinfo\x00.shstrtab\x00"
	modinfo := strings.Join(info, "\x00") + "\x00"
	h := elf.Header64{
		Type: uint16(elf.ET_REL), Machine: uint16(elf.EM_X86_64), Version: 1, Ehsize: ehdrSize,
		Shoff: uint64(ehdrSize + len(modinfo) + len(names)), Shentsize: 64, Shnum: 3, Shstrndx: 2,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, h)
	b.WriteString(modinfo + names)
	binary.Write(&b, binary.LittleEndian, []elf.Section64{
		{},
		{Name: 1, Type: uint32(elf.SHT_PROGBITS), Off: ehdrSize, Size: uint64(len(modinfo))},
		{Name: 10, Type: uint32(elf.SHT_STRTAB), Off: uint64(ehdrSize + len(modinfo)), Size: uint64(len(names))},
	})
	return b.Bytes()
}

func compressed(t testing.TB, b []byte, with func(io.Writer) (io.WriteCloser, error)) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := with(&out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// testModules are modules as distributions have them: with other names in files
// than in the kernel, and compressed in each way.
func testModules(t testing.TB) fs.FS {
	return fstest.MapFS{
		"kernel/drivers/virtio/virtio_mmio.ko":  {Data: testModule("alias=acpi*:LNRO0005:*", "depends=virtio,virtio_ring")},
		"kernel/drivers/virtio/virtio.ko.xz":    {Data: compressed(t, testModule("depends="), func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) })},
		"kernel/drivers/virtio/virtio_ring.ko":  {Data: testModule("name=virtio_ring")},
		"kernel/drivers/net/virtio_net.ko.zst":  {Data: compressed(t, testModule("alias=virtio:d1v*", "depends=net-failover"), func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) })},
		"kernel/drivers/net/net_failover.ko.gz": {Data: compressed(t, testModule("depends="), func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })},
		"kernel/drivers/net/xen-netfront.ko":    {Data: testModule("alias=xen:vif")},
		"kernel/drivers/net/other.ko":           {Data: []byte("not read")},
		"modules.builtin":                       {},
	}
}

func TestFindModules(t *testing.T) {
	found, err := findModules(testModules(t))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range found {
		names = append(names, m.name)
	}
	want := []string{"net_failover", "virtio", "virtio_mmio", "virtio_net", "virtio_ring", "xen_netfront"}
	if !slices.Equal(names, want) {
		t.Errorf("modules %q, want %q", names, want)
	}
	records := moduleRecords(found)
	table := make([]byte, records[len(records)-1].FileSize)
	records[len(records)-1].ReadAt(table, 0)
	for _, line := range []string{"virtio_mmio\tvirtio,virtio_ring\tacpi*:LNRO0005:*\n", "virtio_net\tnet_failover\tvirtio:d1v*\n", "virtio\t\n"} {
		if !strings.Contains(string(table), line) {
			t.Errorf("the table has no line %q:\n%s", line, table)
		}
	}
	for name, data := range map[string]string{"virtio_net.ko": "text", "virtio_net.ko.xz": "text", "virtio_net.ko.br": "", "virtio_blk.ko": string(tinyProgram(1))} {
		if _, err := findModules(fstest.MapFS{name: {Data: []byte(data)}}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("a bad module %s: %v", name, err)
		}
	}
}

func buildLinux(t *testing.T, c Config, k LinuxKernel) *LinuxImage {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the go command is not here")
	}
	im, err := BuildLinux(t.Context(), c, k)
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func TestLinuxImage(t *testing.T) {
	c, k := testConfig(), LinuxKernel{Image: testKernel(), Modules: testModules(t)}
	im := buildLinux(t, c, k)
	again := buildLinux(t, c, k)
	if !bytes.Equal(im.Initramfs, again.Initramfs) {
		t.Error("two builds differ")
	}
	dir := filepath.Join(t.TempDir(), "test.linux")
	for range 2 { // the second replaces the first
		if err := im.Write(dir); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got.Linux.Version != "6.1.0-test" || got.CommandLine != c.CommandLine || got.Program.Size != int64(len(c.Program)) || len(got.Files) != 6 {
		t.Errorf("parsed %+v, %+v", got, got.Linux)
	}
	if b, err := os.ReadFile(got.Linux.Kernel); err != nil || !bytes.Equal(b, k.Image) {
		t.Errorf("the kernel's file is another one, %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "notes"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := im.Write(dir); err == nil || !strings.Contains(err.Error(), "notes") {
		t.Errorf("a folder with other files was written to: %v", err)
	}
}

func TestLinuxVersionRefuses(t *testing.T) {
	patched := func(at int, v uint16) []byte {
		b := testKernel()
		binary.LittleEndian.PutUint16(b[at:], v)
		return b
	}
	for name, tc := range map[string]struct {
		kernel []byte
		want   string
	}{
		"nothing":     {nil, "no bzImage"},
		"an ELF":      {tinyProgram(1), "no bzImage"},
		"old":         {patched(bzProtocol, 0x204), "protocol 2.4"},
		"32 bits":     {patched(bzXLoad, 0), "32 bits"},
		"no version":  {patched(bzVersion, 0), "its version"},
		"far version": {patched(bzVersion, 0xffff), "its version"},
		"path":        {bytes.Replace(testKernel(), []byte("6.1.0-test"), []byte("../../../e"), 1), `version is "../../../e"`},
		"empty":       {patched(bzVersion, 2048), `version is ""`},
	} {
		if _, err := LinuxVersion(tc.kernel); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, tc.want)
		}
	}
}

func TestLinuxImageRefuses(t *testing.T) {
	good := archiveOf(t, cpio.StaticFile("init", "x", 0o755), cpio.Directory(linuxDir, 0o755), cpio.StaticFile(linuxProgram, string(tinyProgram(1)), 0o755))
	for name, tc := range map[string]struct {
		files map[string]string
		want  string
	}{
		"nothing":     {nil, "no such file"},
		"no kernel":   {map[string]string{linuxKernel: "text", linuxInitramfs: string(good), linuxCommandLine: ""}, "no bzImage"},
		"cut short":   {map[string]string{linuxKernel: string(testKernel()), linuxInitramfs: string(good[:len(good)/2]), linuxCommandLine: ""}, "archive"},
		"no program":  {map[string]string{linuxKernel: string(testKernel()), linuxInitramfs: string(archiveOf(t)), linuxCommandLine: ""}, "no program"},
		"two lines":   {map[string]string{linuxKernel: string(testKernel()), linuxInitramfs: string(good), linuxCommandLine: "a\nb\n"}, "control character"},
		"links out":   {map[string]string{linuxKernel: "->/etc/hostname", linuxInitramfs: string(good), linuxCommandLine: ""}, "escapes"},
		"not regular": {map[string]string{linuxKernel: "dir", linuxInitramfs: string(good), linuxCommandLine: ""}, "not a regular file"},
	} {
		dir := t.TempDir()
		for f, data := range tc.files {
			f := filepath.Join(dir, f)
			var err error
			if target, ok := strings.CutPrefix(data, "->"); ok {
				err = os.Symlink(target, f)
			} else if data == "dir" {
				err = os.Mkdir(f, 0o755)
			} else {
				err = os.WriteFile(f, []byte(data), 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, tc.want)
		}
	}
	reserved := fstest.MapFS{linuxProgram: {}}
	if _, err := BuildLinux(context.Background(), Config{Program: tinyProgram(1), Files: reserved}, LinuxKernel{Image: testKernel()}); err == nil || !strings.Contains(err.Error(), linuxDir) {
		t.Errorf("files in the place of ours: %v", err)
	}
}

func FuzzLinuxVersion(f *testing.F) {
	f.Add(testKernel())
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := LinuxVersion(b); err == nil && (v == "" || strings.Contains(v, "/")) {
			t.Errorf("version %q", v)
		}
	})
}

func FuzzModule(f *testing.F) {
	f.Add(testModule("alias=a*", "depends=b,c"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseModule(b)
		if err == nil && strings.ContainsAny(strings.Join(append(m.needs, m.aliases...), " "), "\t\n") {
			t.Errorf("a word of the table with a tab: %q %q", m.needs, m.aliases)
		}
	})
}
