package xentest

import (
	"context"
	"crypto/md5"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/anykernel/anykernel/images"
)

var onXen = flag.Bool("xen", false, "run the tests that boot Xen under QEMU; the first time they download 300 MB of packages")

// run runs a bed for as long as the test may take (go test's -timeout, of 10
// minutes where nothing is said), so that what was said until then is shown.
func run(t *testing.T, b Bed) string {
	t.Helper()
	ctx := t.Context()
	if deadline, ok := t.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-20*time.Second))
		defer cancel()
	}
	out, err := b.Run(ctx)
	t.Logf("dom0 said\n%s", out)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// expect checks what guests said.
func expect(t *testing.T, out string, wanted map[string][]string) {
	t.Helper()
	for name, want := range wanted {
		said := section(t, out, name)
		for _, w := range want {
			if !strings.Contains(said, w) {
				t.Errorf("guest %s does not say %q, but\n%s", name, w, said)
			}
		}
	}
}

func needXen(t *testing.T) {
	t.Helper()
	if !*onXen {
		t.Skip("boots Xen under QEMU: go test ./xen/xentest -xen")
	}
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		t.Fatal("QEMU is not here: apt-get install qemu-system-x86")
	}
}

func compile(t *testing.T, pkg string) []byte {
	t.Helper()
	b, err := images.Compile(t.Context(), pkg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// image is an image of a program.
func image(t *testing.T, c images.Config) []byte {
	t.Helper()
	b, err := images.Build(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// config is the configuration of a guest on one of the images in /guests.
func config(t *testing.T, c images.XLConfig) []byte {
	t.Helper()
	c.Image, c.MemoryMiB = "/guests/"+c.Image, 128
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	// Under nested emulation, an emulated TSC would be slower still.
	return []byte(c.String() + "tsc_mode = \"native\"\n")
}

// section is what a guest's console said.
func section(t *testing.T, out, name string) string {
	t.Helper()
	_, after, ok1 := strings.Cut(out, "== "+name+"\n")
	said, _, ok2 := strings.Cut(after, "-- "+name+"\n")
	if !ok1 || !ok2 {
		t.Fatalf("nothing of guest %s in\n%s", name, out)
	}
	return said
}

// diskContents is what the guest "disk" leaves on its disk.
func diskContents() []byte {
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	clear(b[4096:8192]) // discarded
	return b
}

// TestGuests boots Xen once, and on it a guest for each thing that a guest
// can do.
func TestGuests(t *testing.T) {
	needXen(t)
	program := compile(t, "../launch/testdata/guest")
	web := compile(t, "../../examples/xenweb")
	b := Bed{
		Files: map[string][]byte{
			"guest.img":      image(t, images.Config{Program: program}),
			"web.img":        image(t, images.Config{Program: web, Files: os.DirFS("../../examples/xenweb/site")}),
			"get":            compile(t, "./testdata/get"),
			"hello.cfg":      config(t, images.XLConfig{Name: "hello", Image: "guest.img", CommandLine: "-- hello"}),
			"runtime.cfg":    config(t, images.XLConfig{Name: "runtime", Image: "guest.img", CommandLine: "-- runtime"}),
			"time.cfg":       config(t, images.XLConfig{Name: "time", Image: "guest.img", CommandLine: "-- time"}),
			"processors.cfg": config(t, images.XLConfig{Name: "processors", Image: "guest.img", VCPUs: 2, CommandLine: "anykernel.verbose=1 -- processors 2"}),
			"hammer.cfg":     config(t, images.XLConfig{Name: "hammer", Image: "guest.img", VCPUs: 2, CommandLine: "-- hammer 5"}),
			"crash.cfg":      config(t, images.XLConfig{Name: "crash", Image: "guest.img", CommandLine: "-- crash"}),
			"exit.cfg":       config(t, images.XLConfig{Name: "exit", Image: "guest.img", CommandLine: "-- exit 7"}),
			"echo.cfg":       config(t, images.XLConfig{Name: "echo", Image: "guest.img", CommandLine: "-- echo"}),
			"watch.cfg":      config(t, images.XLConfig{Name: "watch", Image: "guest.img", CommandLine: "-- watch"}),
			"terminate.cfg":  config(t, images.XLConfig{Name: "terminate", Image: "guest.img", CommandLine: "-- terminate"}),
			"disk.cfg": config(t, images.XLConfig{Name: "disk", Image: "guest.img", CommandLine: "-- disk",
				Disks: []string{"/tmp/disk,raw,xvda,rw"}}),
			"speed.cfg": config(t, images.XLConfig{Name: "speed", Image: "guest.img", CommandLine: "-- speed",
				Disks: []string{"/tmp/disk3,raw,xvda,rw"}}),
			"web.cfg": config(t, images.XLConfig{Name: "web", Image: "web.img",
				Vifs: []string{"mac=00:16:3e:00:00:01,script=vif-test"}}),
		},
		Script: `
dd if=/dev/zero of=/tmp/disk bs=1M count=1 2>/dev/null
for g in hello runtime time processors hammer crash exit disk; do guest $g; done
echo "disk's sum $(md5sum </tmp/disk)"
dd if=/dev/zero of=/tmp/disk3 bs=1M count=16 2>/dev/null
guest speed
start echo
tty=$(xenstore-read /local/domain/$id/console/tty)
for line in one two end; do echo $line >$tty; done
finish echo
start watch
await watch watching
xenstore-write /local/domain/$id/data/question 6x7
await watch changed
xenstore-read /local/domain/$id/data/answer
xenstore-write /local/domain/$id/data/question end
finish watch
start terminate
await terminate waiting
xl shutdown terminate
finish terminate
start web
await web serving
/guests/get http://10.9.0.2/
ping -c 20 -i 0.2 10.9.0.2 | tail -2
xl destroy web
finish web
`,
	}
	out := run(t, b)
	if want := fmt.Sprintf("disk's sum %x", md5.Sum(diskContents())); !strings.Contains(out, want) {
		t.Errorf("dom0 does not say %q of what the guest wrote", want)
	}
	expect(t, out, map[string][]string{
		"hello":      {"hello\n"},
		"runtime":    {"runtime ok"},
		"time":       {"time ok"},
		"processors": {"2 processors", "processors ok"},
		"hammer":     {"hammer ok"},
		"crash":      {"nil pointer dereference", "shim: the program died of signal 6", "exit status 134"},
		"exit":       {"shim: exit status 7"},
		"echo":       {"got one", "got two"},
		"watch":      {"changed to 6x7", "\n42\n", "watch ok"},
		"terminate":  {"ends by itself"},
		"disk":       {"disk 1048576 512 false", "disk ok"},
		"speed":      {"speed ok"},
		"web":        {"serving on 10.9.0.2/24", "This page came out of a bare guest", " 0% packet loss"},
	})
}

// TestMoves saves guests and restores them in new domains, where they go on: with
// a disk, and with a connection that is open meanwhile.
func TestMoves(t *testing.T) {
	needXen(t)
	out := run(t, Bed{
		Files: map[string][]byte{
			"guest.img": image(t, images.Config{Program: compile(t, "../launch/testdata/guest")}),
			"web.img":   image(t, images.Config{Program: compile(t, "../../examples/xenweb"), Files: os.DirFS("../../examples/xenweb/site")}),
			"get":       compile(t, "./testdata/get"),
			"suspend.cfg": config(t, images.XLConfig{Name: "suspend", Image: "guest.img", VCPUs: 2, CommandLine: "-- suspend",
				Disks: []string{"/tmp/disk,raw,xvda,rw"}}),
			"web.cfg": config(t, images.XLConfig{Name: "web", Image: "web.img",
				Vifs: []string{"mac=00:16:3e:00:00:01,script=vif-test"}}),
		},
		Script: `
dd if=/dev/zero of=/tmp/disk bs=1M count=1 2>/dev/null
start suspend
await suspend working
move suspend
await suspend "goes on in domain $id"
xenstore-write /local/domain/$id/data/end 1
finish suspend
start web
await web serving
for file in /tmp/first /tmp/second; do
/guests/get http://10.9.0.2/ $file &
until [ -e $file ] || ! kill -0 $!; do sleep 0.2; done
move web
rm $file
wait $!
done
xl destroy web
finish web
`,
	})
	expect(t, out, map[string][]string{"suspend": {"goes on in domain", "suspend ok"}, "web": {"serving on"}})
	// Twice: the second time from a domain that has been restored itself.
	if n := strings.Count(section(t, out, "web"), "the connection goes on"); n != 2 {
		t.Errorf("a connection went on in a new domain %d times, want 2", n)
	}
}
