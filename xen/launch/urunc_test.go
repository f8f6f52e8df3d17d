package launch

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/images"
)

// TestAsUruncDoes boots what is in a container image by the command line that
// urunc makes for guests of type "linux", but for KVM: QEMU's machine for PCs,
// and words of urunc's own in front of the container's environment and command.
func TestAsUruncDoes(t *testing.T) {
	needQEMU(t)
	program, err := guestProgram()
	if err != nil {
		t.Fatal(err)
	}
	o, err := images.BuildOCI("guest", images.Config{Program: program, CommandLine: "A=b -- env A one"})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "layout")
	if err := o.Write(dir); err != nil {
		t.Fatal(err)
	}
	im, err := images.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	kernel, _, err := im.OCI.WriteBoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), guestTime)
	defer cancel()
	command := strings.TrimPrefix(im.OCI.Annotations["com.urunc.unikernel.cmdline"], "/init ")
	out, err := exec.CommandContext(ctx, DefaultQEMU, "-m", "256M", "-cpu", "max", "-nographic", "-vga", "none",
		"-kernel", kernel, "-nic", "none", "-no-reboot", "-serial", "stdio", "-nodefaults",
		"-append", "panic=-1 console=ttyS0 PATH=/bin init=/init -- "+command).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "b [A one]") {
		t.Errorf("%v; it said\n%s", err, out)
	}
}
