package kerneltest

import (
	"os"
	"strings"
	"testing"
)

// leakRecorder is a test that only remembers what failed.
type leakRecorder struct {
	testing.TB
	failed string
}

func (r *leakRecorder) Helper()                      {}
func (r *leakRecorder) Errorf(f string, args ...any) { r.failed += f }

func TestLeaksAreFound(t *testing.T) {
	var c leakCheck
	c.enter()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if err := c.leftFiles(); err == nil || !strings.Contains(err.Error(), "pipe:") {
		t.Errorf("an open pipe is not found: %v", err)
	}
}

func TestNoLeakIsFoundWhereThereIsNone(t *testing.T) {
	var c leakCheck
	var rec leakRecorder
	c.enter()
	c.enter()
	c.leave(&rec)
	c.leave(&rec)
	if rec.failed != "" {
		t.Error(rec.failed)
	}
}
