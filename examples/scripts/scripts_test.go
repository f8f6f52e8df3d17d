package scripts_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/anykernel/anykernel/backends/all"
	"github.com/anykernel/anykernel/backends/kerneltest"
)

// binary is the command, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "scripts")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "anykernel")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/anykernel").CombinedOutput(); err != nil {
		panic(string(out))
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// run runs the command, and is what it writes.
func run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	timeout := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer timeout.Stop()
	err := cmd.Run()
	t.Logf("anykernel %s\n%s%v", strings.Join(args, " "), out.Bytes(), err)
	return out.String()
}

// sh runs a program of the shell on a kernel with a script.
func sh(t *testing.T, kernel, script, program string, more ...string) string {
	t.Helper()
	kerneltest.NeedKernel(t, kernel)
	return run(t, append([]string{"sh", "-k", kernel, "--script", script, "-c", program}, more...)...)
}

func has(t *testing.T, out string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(out, want) {
			t.Errorf("there is no %q", want)
		}
	}
}

// image makes an FFS of 4 MiB with a file of 2 MiB.
func image(t *testing.T) string {
	t.Helper()
	kerneltest.NeedKernel(t, "rump")
	if _, err := exec.LookPath("makefs"); err != nil {
		t.Skip("no makefs (remedy: apt-get install makefs)")
	}
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(filepath.Join(dir, "file"), bytes.Repeat([]byte("0123456789abcdef"), 128<<10), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("makefs", "-t", "ffs", "-o", "version=2", "-f", "50", "-s", "4m", file, dir).CombinedOutput(); err != nil {
		t.Fatalf("makefs: %v: %s", err, out)
	}
	return file
}

const sum = "sha256sum /mnt/file"

// want is what sum prints of a whole file.
func want(t *testing.T, disk string) string {
	t.Helper()
	line := run(t, "exec", "-k", "rump", "--mount", disk+":/mnt", "--", "sha256sum", "/mnt/file")
	digest, _, _ := strings.Cut(line, " ")
	return digest
}

func TestSlowDisk(t *testing.T) {
	disk := image(t)
	digest := want(t, disk)
	start := time.Now()
	out := sh(t, "rump", "slow-disk.star", sum, "--mount", disk+":/mnt")
	has(t, out, digest, " transfers")
	if took := time.Since(start); took < 32*6*time.Millisecond { // transfers of 64 KiB
		t.Errorf("it took %v", took)
	}
}

func TestDiskFull(t *testing.T) {
	out := sh(t, "rump", "disk-full.star", "dd if=/dev/zero of=/mnt/more bs=64k; sync", "--mount", image(t)+":/mnt")
	has(t, out, "full: a write at ")
}

// TestTornWrite has what was written before the power failed be there.
func TestTornWrite(t *testing.T) {
	disk := image(t)
	out := sh(t, "rump", "torn-write.star", "for i in 1 2 3 4 5 6 7 8 9; do echo $i >/mnt/$i && sync && echo wrote $i; done", "--mount", disk+":/mnt")
	has(t, out, "the power fails at ", "the power has failed", "wrote 1")
	if strings.Contains(out, "wrote 9") {
		t.Error("all was written")
	}
	has(t, run(t, "exec", "-k", "rump", "--mount", disk+":/mnt", "--", "cat", "/mnt/1"), "1\n")
}

func TestBadSectors(t *testing.T) {
	disk := image(t)
	digest := want(t, disk)
	out := sh(t, "rump", "bad-sectors.star", sum, "--mount", disk+":/mnt", "--script-seed", "2")
	has(t, out, "no block ", "Input/output error")
	if strings.Contains(out, digest) {
		t.Error("the whole file was read")
	}
}

func TestLossyLink(t *testing.T) {
	for _, kernel := range []string{"sentry", "rump"} {
		t.Run(kernel, func(t *testing.T) {
			kerneltest.NeedKernel(t, kernel)
			out := run(t, "net", "--kernel", kernel, "--script", "lossy-link.star", "client--server",
				"-c", "server httpd -l :80 -n 1 /etc & sleep 0.5; client fetch http://server/hosts; wait")
			has(t, out, "10.0.0.2\tserver", "lost: ")
		})
	}
}

func TestClockJump(t *testing.T) {
	for _, kernel := range []string{"sentry", "rump"} {
		t.Run(kernel, func(t *testing.T) {
			out := sh(t, kernel, "clock-jump.star",
				"a=$(date +%s); i=0; while test $i -lt 40 && test $(($(date +%s) - a)) -lt 3600; do sleep 0.5; i=$((i+1)); done; echo $(($(date +%s) - a)) | grep -q '^36' && echo an hour later")
			has(t, out, "the clock jumps", "an hour later")
		})
	}
}

func TestNoRandomness(t *testing.T) {
	out := sh(t, "sentry", "no-randomness.star", "head -c 1024 /dev/urandom | wc -c; head -c 4096 /dev/urandom | wc -c")
	has(t, out, "1024\n", "no more randomness after ", "Input/output error")
}

func TestOutOfMemory(t *testing.T) {
	program := "sync; for i in 1 2 3 4 5 6 7 8; do dd if=/dev/zero of=/file$i bs=64k count=8 || break; done; echo the end"
	has(t, sh(t, "sentry", "out-of-memory.star", program), "no memory for ", "No space left on device", "the end")
	t.Run("rump", func(t *testing.T) {
		// NetBSD asks again.
		has(t, sh(t, "rump", "out-of-memory.star", program), "no memory for ", "the end")
	})
}
