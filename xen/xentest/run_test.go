package xentest

import (
	"strings"
	"testing"

	"github.com/anykernel/anykernel/images"
	"github.com/anykernel/anykernel/images/stock"
)

// TestRun runs the command in dom0, which has guests run by xl: bare ones, and
// one with a stock Linux kernel.
func TestRun(t *testing.T) {
	needXen(t)
	program := compile(t, "../launch/testdata/guest")
	kernel, err := stock.Find(t.Context(), stock.Auto)
	if err != nil {
		t.Fatal(err)
	}
	linux, err := images.BuildLinux(t.Context(), images.Config{Program: program}, kernel)
	if err != nil {
		t.Fatal(err)
	}
	b := Bed{
		Files: map[string][]byte{
			"anykernel": compile(t, "../../cmd/anykernel"),
			"guest.img": image(t, images.Config{Program: program, CommandLine: "NAME=value"}),
			"kernel":    linux.Kernel, "initramfs": linux.Initramfs, "cmdline": []byte("\n"),
		},
		Script: `
cd /guests
dd if=/dev/zero of=/tmp/disk bs=1M count=1 2>/dev/null
run() {
	name=$1
	shift
	echo "== $name"
	./anykernel run "$@"
	echo "status $?"
	echo "-- $name"
}
run hello guest.img --on xen -v -- hello
run exit guest.img --on xen --mem 64 -- exit 7
run crash guest.img --on xen -- crash
run env guest.img --on xen -e OTHER=one -- env OTHER two
run disk guest.img --on xen --disk /tmp/disk -- disk
run missing guest.img --on xen --disk /tmp/missing -- hello
printf 'one\nend\n' | run echo guest.img --on xen -- echo
mkdir linux
mv kernel initramfs cmdline linux
run linux linux --on xen --mem 256 -- exit 5
echo "== left"
xl list
echo "-- left"
cd /
`,
	}
	out := run(t, b)
	expect(t, out, map[string][]string{
		"hello":   {"hello\n", "status 0\n", "command=\"/bin/xl create -q -F -c ", `type = "pvh"`},
		"exit":    {"shim: exit status 7\n", "\nstatus 7\n"},
		"crash":   {"nil pointer dereference", "\nstatus 134\n"},
		"env":     {"one [OTHER two]\n", "status 0\n"},
		"disk":    {"disk ok", "status 0\n"},
		"missing": {"/tmp/missing", "status 1\n"},
		"linux":   {"init: exit status 5\n", "\nstatus 5\n"},
		"echo":    {"got one", "status 0\n"},
	})
	if left := section(t, out, "left"); strings.Contains(left, "anykernel-") {
		t.Errorf("guests are left behind:\n%s", left)
	}
}
