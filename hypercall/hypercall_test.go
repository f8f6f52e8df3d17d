package hypercall_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/hypercall"
)

// counting is middleware that counts what goes by.
type counting struct {
	hypercall.Block
	name string
	log  *[]string
}

func (c counting) Stat(path string) (hypercall.FileInfo, error) {
	*c.log = append(*c.log, c.name)
	return c.Block.Stat(path)
}

func TestWrap(t *testing.T) {
	var log []string
	count := func(name string) hypercall.Middleware {
		return func(h hypercall.Host) hypercall.Host {
			h.Block = counting{h.Block, name, &log}
			return h
		}
	}
	h := hypercall.Wrap(hypercall.POSIX(), count("outer"), count("inner"))
	if _, err := h.Block.Stat(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if s := strings.Join(log, " "); s != "outer inner" {
		t.Errorf("a request went by %q, want the first middleware first", s)
	}
	if h.Clock != nil || h.Memory != nil || h.Random == nil {
		t.Errorf("the host is %+v", h)
	}
}

func TestPOSIX(t *testing.T) {
	b := hypercall.POSIX().Block
	path := filepath.Join(t.TempDir(), "file")
	if _, err := b.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of a file that is not there: %v", err)
	}
	if _, err := b.Open(path, hypercall.Read|hypercall.Write); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open of a file that is not there: %v", err)
	}
	if _, err := b.Open(path, hypercall.Create); err == nil {
		t.Error("a file was opened neither for reading nor for writing")
	}
	f, err := b.Open(path, hypercall.Read|hypercall.Write|hypercall.Create|hypercall.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := f.WriteAt([]byte("disk"), 510); n != 4 || err != nil {
		t.Errorf("write: %d, %v", n, err)
	}
	buf := make([]byte, 4)
	if _, err := f.ReadAt(buf, 510); string(buf) != "disk" || err != nil {
		t.Errorf("read: %q, %v", buf, err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		t.Error(err)
	}
	if info, err := b.Stat(path); info.Size != 514 || !info.Mode.IsRegular() || err != nil {
		t.Errorf("stat: %+v, %v", info, err)
	}
	if _, err := b.Open(path, hypercall.Write|hypercall.Create|hypercall.Exclusive); !errors.Is(err, fs.ErrExist) {
		t.Errorf("exclusive open of a file that is there: %v", err)
	}
	if info, err := b.Stat(filepath.Dir(path)); !info.Mode.IsDir() || err != nil {
		t.Errorf("stat of a folder: %+v, %v", info, err)
	}
	a, c := make([]byte, 32), make([]byte, 32)
	r := hypercall.POSIX().Random
	if n, err := r.Read(a); n != 32 || err != nil {
		t.Errorf("random: %d, %v", n, err)
	}
	if r.Read(c); string(a) == string(c) {
		t.Error("random bytes came twice")
	}
}

// disk is a file of the program's own.
type disk struct {
	hypercall.File
	closed bool
}

func (d *disk) Size() int64  { return 4096 }
func (d *disk) Close() error { d.closed = true; return nil }

func ExampleFiles() {
	b := hypercall.Files(map[string]hypercall.File{"my disk": &disk{}})
	info, err := b.Stat("my disk")
	fmt.Println(info.Size, err)
	// Output: 4096 <nil>
}

func TestFiles(t *testing.T) {
	d := &disk{}
	b := hypercall.Files(map[string]hypercall.File{"disk": d})
	f, err := b.Open("disk", hypercall.Read)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil || d.closed {
		t.Errorf("a file of the program's was closed by the kernel: %v", err)
	}
	if _, err := b.Stat(os.DevNull); err != nil {
		t.Errorf("files of the host are not there any more: %v", err)
	}
}

func TestOver(t *testing.T) {
	full := hypercall.System()
	full.Scheduler = struct{ hypercall.Scheduler }{}
	for _, host := range []hypercall.Host{full.Over(hypercall.Host{}), hypercall.Host{}.Over(full)} {
		v := reflect.ValueOf(host)
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if v.Field(i).IsNil() {
				t.Errorf("System has no %s, or Over leaves it out", name)
			}
		}
	}
}
