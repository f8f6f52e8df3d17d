package kerneltest

import (
	"bytes"
	"errors"
	"maps"
	"slices"

	"github.com/anykernel/anykernel/sys"
)

func testXattrs(t T, k *sys.Kernel) {
	p := k.Init()
	path := tempDir(t, p) + "/file"
	f := create(t, p, path, nil)
	x := p.Xattrs(path)
	must(t, x.Set("user.a", []byte("one"), 0), f.Xattrs().Set("user.b", nil, sys.XATTR_CREATE))
	if err := x.Set("user.a", nil, sys.XATTR_CREATE); !errors.Is(err, sys.EEXIST) {
		t.Errorf("creating an attribute that exists: %v, want EEXIST", err)
	}
	if err := x.Set("user.c", nil, sys.XATTR_REPLACE); !isNoAttribute(err) {
		t.Errorf("replacing an attribute that does not exist: %v, want ENODATA", err)
	}
	if v, err := f.Xattrs().Get("user.a"); string(v) != "one" || err != nil {
		t.Errorf("user.a is %q, %v", v, err)
	}
	if _, err := x.Get("user.none"); !isNoAttribute(err) {
		t.Errorf("an attribute that does not exist: %v, want ENODATA", err)
	}
	want := map[string][]byte{"user.a": []byte("1"), "user.new": pattern(2000)}
	must(t, x.Replace(want))
	got, err := p.Lxattrs(path).Map()
	userOnly(got)
	if err != nil || !maps.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("after Replace there are %q, %v", slices.Sorted(maps.Keys(got)), err)
	}
	must(t, x.Remove("user.a"))
	if names, err := x.List(); err != nil || slices.Contains(names, "user.a") || !slices.Contains(names, "user.new") {
		t.Errorf("after removing user.a there are %q, %v", names, err)
	}
	large := pattern(60 << 10)
	switch err := x.Set("user.large", large, 0); {
	case errors.Is(err, sys.ENOSPC) || errors.Is(err, sys.E2BIG) || errors.Is(err, sys.ERANGE):
		t.Logf("the file system has no room for 60 KiB: %v", err)
	case err != nil:
		t.Errorf("60 KiB: %v", err)
	default:
		if v, err := x.Get("user.large"); err != nil || !bytes.Equal(v, large) {
			t.Errorf("60 KiB read back as %d bytes, %v", len(v), err)
		}
	}
}

func isNoAttribute(err error) bool { return errors.Is(err, sys.ENODATA) || errors.Is(err, sys.ENOATTR) }

// userOnly drops attributes that the system put there, such as labels.
func userOnly(m map[string][]byte) {
	maps.DeleteFunc(m, func(name string, _ []byte) bool { return !bytes.HasPrefix([]byte(name), []byte("user.")) })
}
