//go:build linux && (amd64 || arm64)

package sentry_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/sentry"
)

// TestLog has gVisor warn of a mount option that makes no sense.
func TestLog(t *testing.T) {
	var got bytes.Buffer
	k := bootConfig(t, sentry.Options{}, backends.Config{Log: hclog.New(&hclog.LoggerOptions{Output: &got, Level: hclog.Warn})})
	s := callerOf(k.Init())
	if _, err := s(unix.SYS_MOUNT, text("none"), text("/mnt"), text("devpts"), num(0), text("nosuch=1")); !isErrno(err, unix.EINVAL) {
		t.Fatalf("mount with a bad option: %v, want EINVAL", err)
	}
	if !strings.Contains(got.String(), "gvisor") || !strings.Contains(got.String(), "nosuch") {
		t.Errorf("the log has %q", got.String())
	}
}
