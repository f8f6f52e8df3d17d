//go:build amd64 || arm64

package host_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/linux"
)

func isErrno(err error, want syscall.Errno) bool {
	var e abi.Errno
	return errors.As(err, &e) && syscall.Errno(e) == want
}

// statusField is a field of /proc/PID/status.
func statusField(t *testing.T, pid int, field string) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	t.Fatalf("/proc/%d/status has no %s", pid, field)
	return ""
}

func itoa(n int) string { return strconv.Itoa(n) }

// prctlOf asks for the signal that a process gets at its parent's death.
func prctlOf(p *sys.Process, signal *int) error {
	b := make([]byte, 4)
	_, err := linux.Prctl(p, "PR_GET_PDEATHSIG", backends.Mem(b, backends.Out))
	*signal = int(binary.NativeEndian.Uint32(b))
	return err
}

func readLine(r io.Reader) (string, error) {
	var line []byte
	for {
		var b [1]byte
		if _, err := r.Read(b[:]); err != nil {
			return "", err
		}
		if b[0] == '\n' {
			return string(line), nil
		}
		line = append(line, b[0])
	}
}

// waitGone waits until a process has ended, though nobody may have waited for
// it.
func waitGone(t *testing.T, pid string) {
	t.Helper()
	for range 500 {
		b, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.Contains(string(b), ") Z ") || strings.Contains(string(b), ") X ") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %s outlives its program", pid)
}
