//go:build (linux && (amd64 || arm64)) || darwin || freebsd || netbsd || openbsd

package host_test

import (
	"testing"

	_ "github.com/anykernel/anykernel/backends/host"
	"github.com/anykernel/anykernel/backends/kerneltest"
)

func TestConform(t *testing.T) { kerneltest.Conform(t, "host") }
