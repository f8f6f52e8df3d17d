package tour

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/anykernel/anykernel/backends"
	_ "github.com/anykernel/anykernel/backends/all"
	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/sys"
)

// files is a folder with what is easily got wrong: empty files, names that
// URLs escape, index.html, and what is not taken along.
var files = fstest.MapFS{
	"index.html":       {Data: []byte("<p>hello")},
	"empty":            {},
	"a dir/50% off?#x": {Data: []byte(strings.Repeat("data", 100000))},
	".git/config":      {Data: []byte("secret")},
	"sub/.hidden":      {Data: []byte("dot")},
}

func TestReadFolder(t *testing.T) {
	f, err := ReadFolder(files, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a dir/50% off?#x", "empty", "index.html", "sub/.hidden"}; !slices.Equal(f.Names(), want) {
		t.Errorf("the folder has %q, want %q", f.Names(), want)
	}
	if f.Bytes != 400011 || f.Sums["empty"] != sha256.Sum256(nil) {
		t.Errorf("the folder has %d bytes", f.Bytes)
	}
	if _, err := ReadFolder(files, 1000); err == nil {
		t.Error("a folder over the limit is accepted")
	}
	if _, err := ReadFolder(fstest.MapFS{}, 1000); err == nil {
		t.Error("an empty folder is accepted")
	}
}

type silent struct{}

func (silent) Begin(string)    {}
func (silent) At(int64, int64) {}

func TestRun(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
		kerneltest.Need(t, k, backends.TCP)
		f, err := ReadFolder(files, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Run(t.Context(), k.Name(), backends.Config{}, f, silent{})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Differs) != 0 || r.Files != 4 || r.Boot <= 0 || r.Getpid <= 0 || r.HTTP <= 0 || r.Uname == "" {
			t.Errorf("the report is %+v", r)
		}
	})
}

// TestRunFindsDifferences: a file that comes back other than it should is
// named.
func TestRunFindsDifferences(t *testing.T) {
	f, err := ReadFolder(files, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	f.Sums["index.html"] = sha256.Sum256([]byte("other"))
	r, err := Run(t.Context(), "sentry", backends.Config{}, f, silent{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"index.html"}; !slices.Equal(r.Differs, want) {
		t.Errorf("%q differ, want %q", r.Differs, want)
	}
}

func TestRunIsInterrupted(t *testing.T) {
	f, err := ReadFolder(files, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := Run(ctx, "sentry", backends.Config{}, f, silent{}); err == nil {
		t.Error("a tour whose context ended succeeded")
	}
}
