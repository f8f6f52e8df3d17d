package main

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/anykernel/anykernel/backends"
)

// TestTransfer has each stack repeat what the link loses.
func TestTransfer(t *testing.T) {
	kernels := []string{"sentry"}
	if b, err := backends.Lookup("rump"); err == nil && b.Ready() == nil {
		kernels = append(kernels, "rump")
	}
	for _, from := range kernels {
		for _, to := range kernels {
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			var out bytes.Buffer
			if err := transfer(ctx, &out, from, to, 400_000); err != nil {
				t.Fatal(err)
			}
			var a, b string
			var whole, frames, lost int
			if _, err := fmt.Sscanf(out.String(), "%s to %s %d bytes are whole; of %d frames %d were lost", &a, &b, &whole, &frames, &lost); err != nil || lost == 0 || whole != 400_000 {
				t.Errorf("it says %q, %v", out.String(), err)
			}
			t.Log(out.String())
		}
	}
}
