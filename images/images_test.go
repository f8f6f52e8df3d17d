package images

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/u-root/u-root/pkg/cpio"

	"github.com/anykernel/anykernel/xen/shim"
)

// tinyProgram is a static executable of one segment that holds code.
func tinyProgram(code ...byte) []byte {
	const address = 0x400000
	h := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Entry: address + ehdrSize + phdrSize,
		Phoff: ehdrSize, Ehsize: ehdrSize, Phentsize: phdrSize, Phnum: 1,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	size := uint64(ehdrSize + phdrSize + len(code))
	p := elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: address, Filesz: size, Memsz: size, Align: pageSize}
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, h)
	binary.Write(&b, binary.LittleEndian, p)
	b.Write(code)
	return b.Bytes()
}

func build(t testing.TB, c Config) []byte {
	t.Helper()
	b, err := Build(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func testConfig() Config {
	return Config{
		Program:     tinyProgram(0xf4),
		CommandLine: "NAME=value -- one two",
		Files: fstest.MapFS{
			"etc/motd":     {Data: []byte("hello\n"), Mode: 0o640},
			"etc/empty":    {Mode: 0o600},
			"www/current":  {Data: []byte("../etc"), Mode: fs.ModeSymlink | 0o777},
			"www/absolute": {Data: []byte("/etc/motd"), Mode: fs.ModeSymlink | 0o777},
		},
	}
}

func TestBuildAndParse(t *testing.T) {
	c := testConfig()
	b := build(t, c)
	im, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if im.CommandLine != c.CommandLine || im.Program.Size != int64(len(c.Program)) || im.Size != int64(len(b)) {
		t.Errorf("parsed %+v", im)
	}
	var got []string
	for _, f := range im.Files {
		got = append(got, strings.TrimSpace(f.Mode.String()+" "+f.Path+" "+f.Target))
	}
	want := []string{"dr-xr-xr-x etc", "-rw------- etc/empty", "-rw-r----- etc/motd",
		"dr-xr-xr-x www", "Lrwxrwxrwx www/absolute /etc/motd", "Lrwxrwxrwx www/current ../etc"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("files are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestProgramBeginsAtAPage(t *testing.T) {
	c := testConfig()
	b := build(t, c)
	at := bytes.Index(b, c.Program)
	if at < 0 || at%pageSize != 0 {
		t.Errorf("the program is at byte %d of the image, want a multiple of %d", at, pageSize)
	}
}

func TestSameInputsSameBytes(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b", "a/c"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := Config{Program: tinyProgram(1), Files: os.DirFS(dir)}
	first := build(t, c)
	if err := os.Chtimes(filepath.Join(dir, "b"), time.Unix(1, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, build(t, c)) {
		t.Error("two builds differ")
	}
}

func TestBuildRefuses(t *testing.T) {
	ok := tinyProgram(0xf4)
	patched := func(at int, b byte) []byte {
		p := bytes.Clone(ok)
		p[at] = b
		return p
	}
	dynamic := bytes.Clone(ok)
	binary.LittleEndian.PutUint32(dynamic[ehdrSize:], uint32(elf.PT_INTERP))
	file := func(name string, f *fstest.MapFile) Config {
		return Config{Program: ok, Files: fstest.MapFS{name: f}}
	}
	link := func(target string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink}
	}
	for name, tc := range map[string]struct {
		c    Config
		want string
	}{
		"no program":         {Config{}, "not an ELF"},
		"another machine":    {Config{Program: patched(18, byte(elf.EM_AARCH64))}, "GOARCH=amd64"},
		"an object":          {Config{Program: patched(16, byte(elf.ET_REL))}, "ET_REL"},
		"dynamic":            {Config{Program: dynamic}, "CGO_ENABLED=0"},
		"cut short":          {Config{Program: ok[:len(ok)-1]}, "cut short"},
		"long command line":  {Config{Program: ok, CommandLine: strings.Repeat("x", MaxCommandLine+1)}, "the most"},
		"control character":  {Config{Program: ok, CommandLine: "a\nb"}, "control character"},
		"open quote":         {Config{Program: ok, CommandLine: `a "b`}, "not closed"},
		"init":               {file("init", &fstest.MapFile{}), "the program's place"},
		"link out":           {file("a/b", link("../../etc/passwd")), "outside"},
		"link out by detour": {file("b", link("x/../../y")), "outside"},
		"absolute link out":  {file("b", link("/../y")), "outside"},
		"empty link":         {file("b", link("")), "a link"},
		"device":             {file("b", &fstest.MapFile{Mode: fs.ModeDevice}), "not D"},
		"fifo":               {file("b", &fstest.MapFile{Mode: fs.ModeNamedPipe}), "not p"},
		"trailer":            {file("TRAILER!!!", &fstest.MapFile{}), "ends an archive"},
	} {
		if _, err := Build(tc.c); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, tc.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	image := build(t, testConfig())
	payload, _, err := findPayload(image)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(image, payload)
	flip := func(i int) []byte {
		b := bytes.Clone(image)
		b[i] ^= 1
		return b
	}
	for name, tc := range map[string]struct {
		image []byte
		want  string
	}{
		"nothing":        {nil, "EOF"},
		"text":           {[]byte(strings.Repeat("no image\n", 100)), "bad magic"},
		"another ELF":    {tinyProgram(1), "not an image of anykernel"},
		"bare shim":      {shim.Bytes(), "nothing to run"},
		"cut short":      {image[:len(image)-8], "cut short"},
		"damaged file":   {flip(len(image) - 9), "checksum"},
		"damaged line":   {flip(at + payloadHeader), "checksum"},
		"damaged header": {flip(at + 8), "says that it has"},
		"damaged magic":  {flip(at), "no header"},
	} {
		if _, err := Parse(tc.image); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, tc.want)
		}
	}
}

// archiveOf writes records as they are, without the checks of Build.
func archiveOf(t testing.TB, records ...cpio.Record) []byte {
	t.Helper()
	var b bytes.Buffer
	w := cpio.Newc.Writer(&b)
	if err := cpio.WriteRecords(w, records); err != nil {
		t.Fatal(err)
	}
	if err := cpio.WriteTrailer(w); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHostileArchives(t *testing.T) {
	good := archiveOf(t, cpio.StaticFile("name", "contents", 0o644))
	patched := func(field int, hex string) []byte {
		b := bytes.Clone(good)
		copy(b[6+8*field:], hex)
		return b
	}
	escape := bytes.Replace(archiveOf(t, cpio.StaticFile("aa/pass", "", 0o644)), []byte("aa/pass"), []byte("../pass"), 1)
	absolute := bytes.Replace(archiveOf(t, cpio.StaticFile("aetc", "", 0o644)), []byte("aetc"), []byte("/etc"), 1)
	for name, tc := range map[string]struct {
		archive []byte
		want    string
	}{
		"empty":          {nil, "no header"},
		"no trailer":     {good[:len(good)-124], "no header"},
		"huge file":      {patched(newcFileSize, "FFFFFFFF"), "has only"},
		"huge name":      {patched(newcNameSize, "FFFFFFFF"), "a name of"},
		"no name":        {patched(newcNameSize, "00000000"), "a name of"},
		"not hex":        {patched(newcFileSize, "xxxxxxxx"), "not a number"},
		"escape":         {escape, "not a path from the root"},
		"absolute":       {absolute, "not a path from the root"},
		"link out":       {archiveOf(t, cpio.Symlink("a", "../x")), "outside"},
		"huge link":      {archiveOf(t, cpio.Symlink("a", strings.Repeat("x", 5000))), "a link of"},
		"device":         {archiveOf(t, cpio.CharDev("a", 0o600, 1, 3)), "not mode"},
		"duplicate":      {append(good[:len(good)-124:len(good)-124], good...), "two entries"},
		"too many files": {bytes.Repeat(archiveOf(t, cpio.Directory("a", 0o755))[:112], MaxFiles+2), "more than"},
	} {
		if _, err := readArchive(tc.archive); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, tc.want)
		}
	}
}

func TestCompile(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	program, err := Compile(t.Context(), "./testdata/hello")
	if err != nil {
		t.Fatal(err)
	}
	image := build(t, Config{Program: program})
	if len(image) > 3<<20 {
		t.Errorf("the image of hello has %d bytes, want less than 3 MiB", len(image))
	}
	im, err := Parse(image)
	if err != nil {
		t.Fatal(err)
	}
	if im.Program.Build == nil || !strings.HasSuffix(im.Program.Build.Path, "testdata/hello") {
		t.Errorf("the program's build information is %+v", im.Program.Build)
	}
	if _, err := Compile(t.Context(), "./testdata/library"); err == nil || !strings.Contains(err.Error(), "not a program") {
		t.Errorf("compiling a library: %v", err)
	}
	if _, err := Compile(t.Context(), "./testdata/missing"); err == nil {
		t.Error("compiling a missing package succeeded")
	}
}

func TestXLConfig(t *testing.T) {
	for _, n := range []int{-1, 17} {
		if err := (XLConfig{Name: "web", Image: "web.img", MemoryMiB: 64, VCPUs: n}).Check(); err == nil || !strings.Contains(err.Error(), "1 to 16") {
			t.Errorf("%d virtual processors: %v", n, err)
		}
	}
	if s := (XLConfig{VCPUs: 3}).String(); !strings.Contains(s, "vcpus = 3\n") {
		t.Errorf("three virtual processors are\n%s", s)
	}
	c := XLConfig{Name: "web", Image: "/srv/web.img", MemoryMiB: 64, CommandLine: `A="b c"`, Vifs: []string{"bridge=xenbr0"}}
	want := `name = "web"
type = "pvh"
kernel = "/srv/web.img"
memory = 64
vcpus = 1
cmdline = 'A="b c"'
vif = [ "bridge=xenbr0" ]
on_poweroff = "destroy"
on_reboot = "restart"
on_crash = "destroy"
`
	if got := c.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	c.CommandLine = "a\nb"
	if err := c.Check(); err == nil {
		t.Error("a newline is let through")
	}
}

func FuzzParse(f *testing.F) {
	image := build(f, testConfig())
	f.Add(image)
	f.Add(shim.Bytes())
	f.Add(tinyProgram(1))
	f.Add(image[:len(image)/2])
	f.Fuzz(func(t *testing.T, b []byte) { Parse(b) })
}

func FuzzArchive(f *testing.F) {
	f.Add(archiveOf(f, cpio.StaticFile("name", "contents", 0o644), cpio.Directory("d", 0o755), cpio.Symlink("d/l", "../name")))
	f.Fuzz(func(t *testing.T, b []byte) {
		records, err := readArchive(b)
		if err != nil {
			return
		}
		for _, r := range records {
			if r.FileSize > uint64(len(b)) {
				t.Errorf("%q has %d bytes in an archive of %d", r.Name, r.FileSize, len(b))
			}
		}
	})
}

func FuzzPayload(f *testing.F) {
	f.Add("line", []byte("archive"))
	f.Fuzz(func(t *testing.T, line string, archive []byte) {
		if len(line) > MaxCommandLine {
			return
		}
		gotLine, gotArchive, err := splitPayload(joinPayload(line, archive))
		if err != nil || gotLine != line || !bytes.Equal(gotArchive, archive) {
			t.Errorf("got %q, %q, %v", gotLine, gotArchive, err)
		}
	})
}
