package remote_test

import (
	"testing"

	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/backends/remote/server"
)

// slow are cases that -short leaves out: they make 10,000 files, each a message
// there and one back, or wait for Go's garbage collector again and again.
var slow = []string{"directories of 10,000 entries", "descriptors close once"}

// TestConformance runs the suite against kernels that a server in this process
// offers. Every case is a client of its own; the kernel is one.
func TestConformance(t *testing.T) {
	for _, spec := range []string{"rump", "sentry"} {
		t.Run(spec, func(t *testing.T) {
			k := openServed(t, spec)
			path := serve(t, k, server.Options{Name: spec})
			kerneltest.Conform(t, "remote:unix://"+path, slow...)
		})
	}
}
