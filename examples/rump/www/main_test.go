package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/internal/fsimages"
)

func TestRun(t *testing.T) {
	kerneltest.NeedKernel(t, "rump")
	tree := fsimages.Tree(t)
	image := fsimages.Kinds[0].Make(t, tree) // FFS
	want, err := os.ReadFile(filepath.Join(tree, "sub", "numbers"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := run(t.Context(), &b, image, "/sub/numbers"); err != nil || b.String() != string(want) {
		t.Errorf("%d bytes came, %v, want %d", b.Len(), err, len(want))
	}
	if err := run(t.Context(), &b, image, "/nothing"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a page that is not there: %v", err)
	}
}
