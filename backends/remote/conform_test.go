package remote_test

import (
	"testing"

	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/backends/remote/server"
)

// slow reads 300,000 bytes one by one, and makes 10,000 files: each is a message
// there and one back.
var slow = []string{"io/fs over the kernel", "directories of 10,000 entries"}

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
