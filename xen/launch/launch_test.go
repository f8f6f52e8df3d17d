package launch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/anykernel/anykernel/images"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// guestProgram is testdata/guest, compiled once.
var guestProgram = sync.OnceValues(func() ([]byte, error) {
	return images.Compile(context.Background(), "./testdata/guest")
})

func needQEMU(t testing.TB) {
	t.Helper()
	if _, err := (&Config{}).findQEMU(); err != nil {
		t.Skip(err)
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the go command is not here")
	}
}

// writeImage makes an image of the test's guest.
func writeImage(t testing.TB, c images.Config) string {
	t.Helper()
	program, err := guestProgram()
	if err != nil {
		t.Fatal(err)
	}
	c.Program = program
	b, err := images.Build(c)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "test.img")
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// guestTime bounds one guest on a slow and busy machine.
const guestTime = 2 * time.Minute

// run runs the test's guest with arguments, and returns its status and what it
// printed.
func run(t testing.TB, c Config, args ...string) (int, string) {
	t.Helper()
	needQEMU(t)
	var console bytes.Buffer
	if c.Image == "" {
		c.Image = writeImage(t, images.Config{})
	}
	c.CommandLine += " -- " + strings.Join(args, " ")
	c.Console = &console
	ctx, cancel := context.WithTimeout(t.Context(), guestTime)
	defer cancel()
	status, err := Run(ctx, c)
	if err != nil {
		t.Fatalf("%v; the console said\n%s", err, console.String())
	}
	return status, strings.ReplaceAll(console.String(), "\r", "")
}

// succeed is run where the guest has to end well and say something.
func succeed(t testing.TB, c Config, want string, args ...string) string {
	t.Helper()
	status, out := run(t, c, args...)
	if status != 0 || !strings.Contains(out, want) {
		t.Fatalf("status %d, want 0 and %q; the console said\n%s", status, want, out)
	}
	return out
}

func TestHello(t *testing.T) {
	if out := succeed(t, Config{MemoryMiB: 24}, "hello", "hello"); out != "hello\n" {
		t.Errorf("the console said %q: the shim has to be silent", out)
	}
}

func TestExitStatus(t *testing.T) {
	for _, want := range []int{0, 1, 42, 127, 128, 255} {
		if got, out := run(t, Config{}, "exit", strconv.Itoa(want)); got != want {
			t.Errorf("status %d, want %d; the console said\n%s", got, want, out)
		}
	}
}

func TestArgumentsAndEnvironment(t *testing.T) {
	c := Config{Image: writeImage(t, images.Config{CommandLine: `NAME="a b" dotted.name=x`})}
	succeed(t, c, `a b [NAME x=y z]`, "env", "NAME", "x=y", "z")
}

func TestFiles(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 4096)
	c := Config{Image: writeImage(t, images.Config{Files: fstest.MapFS{
		"etc/motd":  {Data: []byte("welcome\n")},
		"etc/link":  {Data: []byte("../etc/motd"), Mode: os.ModeSymlink | 0o777},
		"etc/large": {Data: large},
	}})}
	succeed(t, c, `/etc/motd: "welcome\n"`, "cat", "/etc/motd")
	succeed(t, c, `etc/../etc//link: "welcome\n"`, "cat", "etc/../etc//link")
	out := succeed(t, c, "motd 8", "list", "/etc")
	if want := fmt.Sprintf("---------- large %d\nL--------- link 11\n---------- motd 8\n", len(large)); out != want {
		t.Errorf("the directory is\n%swant\n%s", out, want)
	}
	if status, out := run(t, c, "cat", "/etc/missing"); status != 1 || !strings.Contains(out, "no such file") {
		t.Errorf("status %d, and the console said\n%s", status, out)
	}
}

// TestCalls: what programs ask of an operating system, on one processor and
// on two.
func TestCalls(t *testing.T) {
	for _, cpus := range []int{1, 2} {
		for name, memory := range map[string]int{
			"runtime": 0, "protection": 0, "memory": 40, "memfd": 40, "pipes": 0, "masks": 0, "hostile": 0,
		} {
			t.Run(fmt.Sprintf("%s/%d", name, cpus), func(t *testing.T) {
				succeed(t, Config{MemoryMiB: memory, CPUs: cpus}, name+" ok", name)
			})
		}
	}
}

func TestMemoryAbove4GiB(t *testing.T) {
	if testing.Short() {
		t.Skip("reserves 5 GiB of address space")
	}
	succeed(t, Config{MemoryMiB: 5 << 10}, "memory ok", "memory")
}

func TestTime(t *testing.T) {
	before := time.Now().Unix()
	out := succeed(t, Config{}, "time ok", "time")
	number := func(label string) int64 {
		m := regexp.MustCompile(label + ` (\d+)`).FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("no %q in\n%s", label, out)
		}
		n, _ := strconv.ParseInt(m[1], 10, 64)
		return n
	}
	if now := number("unix"); now < before-2 || now > time.Now().Unix()+2 {
		t.Errorf("the guest's date is %d, ours %d", now, before)
	}
	if ms := number("ten ticks of 10ms"); ms < 90 || ms > 5000 {
		t.Errorf("ten ticks of 10 ms took %d ms", ms)
	}
}

// noRandom is a processor without an instruction for random numbers.
const noRandom = "max,-rdrand,-rdseed"

// TestRandom: whichever source there is, bytes are never those of another boot.
func TestRandom(t *testing.T) {
	name := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(name, make([]byte, 4096), 0o644); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range []Config{
		{}, {},
		{CPU: noRandom}, {CPU: noRandom},
		{CPU: noRandom, Disks: []Disk{{Path: name, ReadOnly: true}}}, // and drivers find what is theirs
	} {
		out := succeed(t, c, "random ok", "random", strconv.Itoa(len(c.Disks)))
		bytes := regexp.MustCompile(`bytes [0-9a-f]{64}`).FindString(out)
		if bytes == "" || seen[bytes] {
			t.Errorf("with processor %q: the same bytes again, or none:\n%s", c.CPU, out)
		}
		seen[bytes] = true
	}
}

// TestSeed: the host's seed is a source, and the same one gives the same bytes.
func TestSeed(t *testing.T) {
	boot := func(digit string) string {
		c := Config{CPU: noRandom, NoRNG: true, CommandLine: "anykernel.seed=" + strings.Repeat(digit, 64)}
		return regexp.MustCompile(`key [0-9a-f]{32}`).FindString(succeed(t, c, "key ", "auxv"))
	}
	one, again, other := boot("1"), boot("1"), boot("2")
	if one == "" || one != again || one == other {
		t.Errorf("one seed gave %q and %q, another %q", one, again, other)
	}
}

func TestNoRandom(t *testing.T) {
	status, out := run(t, Config{CPU: noRandom, NoRNG: true}, "random", "0")
	if status != StatusRefused || !strings.Contains(out, "no source of randomness: give the processor RDRAND or the guest a virtio-rng") {
		t.Errorf("status %d; the console said\n%s", status, out)
	}
}

func TestDisk(t *testing.T) {
	needQEMU(t)
	name := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(name, make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	succeed(t, Config{Disks: []Disk{{Path: name}}}, "disk ok", "disk")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 1, 511, 100_000, 1<<20 - 1} {
		if b[i] != byte(i*7>>3) {
			t.Errorf("byte %d of the disk's file is %d, want %d", i, b[i], byte(i*7>>3))
		}
	}
	copy(b, "other")
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	succeed(t, Config{Disks: []Disk{{Path: name, ReadOnly: true}}}, `disk holds "other"`, "disk")
}

func TestConsoleInput(t *testing.T) {
	c := Config{Stdin: strings.NewReader("one\ntwo\nend\n")}
	succeed(t, c, "got one\ngot two\n", "echo")
}

func TestCrashDump(t *testing.T) {
	status, out := run(t, Config{}, "crash")
	if status != 128+6 { // SIGABRT, from Go's runtime
		t.Errorf("status %d, want 134", status)
	}
	for _, want := range []string{"nil pointer dereference", "shim: the program died of signal 6", "rip ", "stack\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("the console does not say %q:\n%s", want, out)
		}
	}
}

func TestOutOfMemory(t *testing.T) {
	status, out := run(t, Config{MemoryMiB: 32}, "oom")
	if status != 128+9 && status != 2 || !strings.Contains(out, "out of memory") {
		t.Errorf("status %d; the console said\n%s", status, out)
	}
}

func TestRefusals(t *testing.T) {
	needQEMU(t)
	junk := filepath.Join(t.TempDir(), "junk")
	if err := os.WriteFile(junk, []byte("no image"), 0o644); err != nil {
		t.Fatal(err)
	}
	image := writeImage(t, images.Config{})
	for name, tc := range map[string]struct {
		c    Config
		want string
	}{
		"no image":      {Config{}, "no image"},
		"missing image": {Config{Image: "/nonexistent"}, "no such file"},
		"junk":          {Config{Image: junk, Accel: "tcg"}, "QEMU"},
		"no QEMU":       {Config{Image: image, QEMU: "qemu-system-none"}, "apt-get install"},
		"no memory":     {Config{Image: image, MemoryMiB: 1}, "1 MiB"},
		"accelerator":   {Config{Image: image, Accel: "warp"}, "want kvm or tcg"},
		"two kinds":     {Config{Image: image, Networks: []Network{{User: true, Tap: "t"}}}, "one of"},
		"processor":     {Config{Image: image, CPU: "warp", Accel: "tcg"}, "warp"},
		"processors":    {Config{Image: image, CPUs: 17}, "1 to 16"},
		"an option":     {Config{Image: image, CPU: "-S"}, "want a model"},
		"a vif":         {Config{Image: image, Accel: "tcg", Networks: []Network{{Vif: "bridge=xenbr0"}}}, "one of Xen's"},
		"many devices":  {Config{Image: image, Networks: make([]Network, 9)}, "up to 8"},
		"no disk":       {Config{Image: image, Accel: "tcg", Disks: []Disk{{Path: "/nonexistent"}}}, "No such file"},
	} {
		_, err := Run(t.Context(), tc.c)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, tc.want)
		}
	}
}

// TestDamagedImage: the shim itself finds damage that the boot loader does not.
func TestDamagedImage(t *testing.T) {
	image := writeImage(t, images.Config{})
	b, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-100] ^= 1
	if err := os.WriteFile(image, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if status, out := run(t, Config{Image: image}, "hello"); status != StatusRefused || !strings.Contains(out, "checksum") {
		t.Errorf("status %d; the console said\n%s", status, out)
	}
}

func TestTooLittleMemory(t *testing.T) {
	image := writeImage(t, images.Config{Files: fstest.MapFS{"large": {Data: make([]byte, 6<<20)}}})
	if status, out := run(t, Config{Image: image, MemoryMiB: 8}, "hello"); status != StatusRefused || !strings.Contains(out, "memory") {
		t.Errorf("status %d; the console said\n%s", status, out)
	}
}

func TestKill(t *testing.T) {
	needQEMU(t)
	r, w := io.Pipe()
	g, err := Start(t.Context(), Config{Image: writeImage(t, images.Config{}), CommandLine: "sleep", Console: w})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-g.Done()
		w.Close()
	}()
	line := make([]byte, 8)
	if _, err := io.ReadFull(r, line); err != nil || string(line) != "sleeping" {
		t.Fatalf("%q, %v", line, err)
	}
	go io.Copy(io.Discard, r)
	if err := g.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Wait(); err == nil {
		t.Error("a killed guest has a status")
	}
}

func TestContextEndsGuest(t *testing.T) {
	needQEMU(t)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := Run(ctx, Config{Image: writeImage(t, images.Config{}), CommandLine: "sleep", Accel: "tcg"})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want the context's", err)
	}
}

func TestParseNetwork(t *testing.T) {
	for text, want := range map[string]string{
		"user":                               "user,id=n",
		"user,tcp:8080:80":                   "user,id=n,hostfwd=tcp:127.0.0.1:8080-:80",
		"user,udp:0.0.0.0:53:53,tcp:1:2":     "user,id=n,hostfwd=udp:0.0.0.0:53-:53,hostfwd=tcp:127.0.0.1:1-:2",
		"tap:tap0":                           "tap,id=n,script=no,downscript=no,ifname=tap0",
		"tap:a,b":                            "tap,id=n,script=no,downscript=no,ifname=a,,b",
		"stream:/run/x":                      "stream,id=n,server=off,addr.type=unix,addr.path=/run/x",
		"bridge:xenbr0":                      `"bridge=xenbr0" is one of Xen's`,
		"":                                   "want user",
		"tap:":                               "want user",
		"user,tcp:80":                        "want tcp:PORT",
		"user,tcp:x:80":                      "want tcp:PORT",
		"user,sctp:1:2":                      "want tcp:PORT",
		"user,tcp:70000:80":                  "want tcp:PORT",
		"user,tcp:80:0":                      "want tcp:PORT",
		"user,tcp:[::1]:80:80":               "IPv4",
		"user,tcp:8080:80,hostfwd=tcp::1-:2": "want tcp:PORT",
	} {
		n, err := ParseNetwork(text)
		got := ""
		if err == nil {
			got, err = n.netdev("n")
		}
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("network %q: %q, want %q", text, got, want)
		}
	}
}

func TestParseDisk(t *testing.T) {
	if d, err := ParseDisk("a.img,ro"); err != nil || d != (Disk{"a.img", true}) {
		t.Errorf("%+v, %v", d, err)
	}
	for _, s := range []string{"", ",ro", "a.img,rw", "a,b,ro"} {
		if _, err := ParseDisk(s); err == nil {
			t.Errorf("disk %q was accepted", s)
		}
	}
}

// BenchmarkBoot measures from exec to the end of hello, under software
// emulation.
func BenchmarkBoot(b *testing.B) {
	needQEMU(b)
	image := writeImage(b, images.Config{})
	for b.Loop() {
		if _, err := Run(b.Context(), Config{Image: image, CommandLine: "hello", Accel: "tcg", MemoryMiB: 24}); err != nil {
			b.Fatal(err)
		}
	}
}
