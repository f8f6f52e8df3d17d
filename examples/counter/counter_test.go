package counter

import (
	"errors"
	"testing"

	"github.com/anykernel/anykernel/backends/kerneltest"
	_ "github.com/anykernel/anykernel/backends/sentry"
	"github.com/anykernel/anykernel/sys"
)

// TestNext has a kernel of its own: what it writes is gone with it.
func TestNext(t *testing.T) {
	p := kerneltest.New(t, "sentry").Init()
	for want := 1; want <= 3; want++ {
		if n, err := Next(p, "/counter"); n != want || err != nil {
			t.Fatalf("Next is %d, %v, want %d", n, err, want)
		}
	}
}

// TestNextReadOnly mounts a file system as no test could do on the host
// without privileges.
func TestNextReadOnly(t *testing.T) {
	p := kerneltest.New(t, "sentry").Init()
	if err := p.Mkdir("/ro", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := p.Mount("none", "/ro", "tmpfs", sys.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := Next(p, "/ro/counter"); !errors.Is(err, sys.EROFS) {
		t.Errorf("Next on a read-only file system: %v", err)
	}
}
