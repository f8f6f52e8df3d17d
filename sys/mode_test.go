package sys

import (
	"errors"
	"io/fs"
	"testing"
)

// TestParseMode holds the text forms together: all 12 bits, in each form.
func TestParseMode(t *testing.T) {
	for _, tc := range []struct {
		octal, names, symbolic string
	}{
		{"0644", "rusr, wusr, rgrp, roth", "u=rw,go=r"},
		{"0755", "rwxu|rgrp|xgrp|roth|xoth", "u=rwx,go=rx"},
		{"07777", "S_ISUID|S_ISGID|S_ISVTX|S_IRWXU|S_IRWXG|S_IRWXO", "a=rwxst"},
		{"4711", "suid rwxu xgrp xoth", "u=rwxs,go=x"},
		{"2070", "SGID,RWXG", "g=rwxs"},
		{"01777", "svtx, rwxu, rwxg, rwxo", "=rwxt"},
		{"0o600", "RUSR WUSR", "u+r,u+w"},
		{"0", "", "a="},
	} {
		want, err := ParseMode(tc.octal)
		if err != nil {
			t.Errorf("ParseMode(%q): %v", tc.octal, err)
		}
		for _, form := range []string{tc.names, tc.symbolic} {
			if got, err := ParseMode(form); err != nil || got != want {
				t.Errorf("ParseMode(%q) = %v, %v, want %v as %q gives", form, got, err, want, tc.octal)
			}
		}
		if bits := modeBits(want); modeOf(bits|0o100000) != want {
			t.Errorf("mode %v is %#o and comes back as %v", want, bits, modeOf(bits|0o100000))
		}
	}
	for bit := range 12 {
		if m := modeOf(0o100000 | 1<<bit); modeBits(m) != 1<<bit {
			t.Errorf("bit %#o comes back as %#o", 1<<bit, modeBits(m))
		}
	}
}

func TestChangeMode(t *testing.T) {
	for _, tc := range []struct {
		old  fs.FileMode
		text string
		want fs.FileMode
	}{
		{0o644, "+x", 0o755},
		{0o755, "go-rx", 0o700},
		{0o644, "a+X", 0o644},
		{0o744, "a+X", 0o755},
		{fs.ModeDir | 0o644, "a+X", fs.ModeDir | 0o755},
		{0o640, "o=g", 0o644},
		{0o751, "u=o,g+u", 0o151},
		{0o755, "u+s,g+s,+t", 0o755 | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky},
		{0o755 | fs.ModeSetuid, "u=rw", 0o655},
		{0o777, "u-x+s", 0o677 | fs.ModeSetuid},
		{fs.ModeDir | 0o777, "0700", fs.ModeDir | 0o700},
	} {
		if got, err := ChangeMode(tc.old, tc.text); err != nil || got != tc.want {
			t.Errorf("ChangeMode(%v, %q) = %v, %v, want %v", tc.old, tc.text, got, err, tc.want)
		}
	}
	for _, text := range []string{"0888", "010000", "-1", "u=q", "z+x", "rwx", "u", "0x1ff", "u+r,"} {
		_, err := ChangeMode(0, text)
		var e *NameError
		if !errors.As(err, &e) {
			t.Errorf("ChangeMode(%q): %v, want a *NameError", text, err)
		}
	}
}

func TestFormatMode(t *testing.T) {
	for mode, want := range map[fs.FileMode]string{
		0o644:                                   "-rw-r--r--",
		fs.ModeDir | fs.ModeSticky | 0o777:      "drwxrwxrwt",
		fs.ModeDir | fs.ModeSticky | 0o770:      "drwxrwx--T",
		fs.ModeSetuid | 0o755:                   "-rwsr-xr-x",
		fs.ModeSetgid | 0o644:                   "-rw-r-Sr--",
		fs.ModeSymlink | 0o777:                  "lrwxrwxrwx",
		fs.ModeDevice | fs.ModeCharDevice | 0o6: "c------rw-",
		fs.ModeDevice | 0o600:                   "brw-------",
		fs.ModeSocket | 0o111:                   "s--x--x--x",
		fs.ModeNamedPipe:                        "p---------",
	} {
		if got := FormatMode(mode); got != want {
			t.Errorf("FormatMode(%v) = %q, want %q", mode, got, want)
		}
	}
}

func FuzzParseMode(f *testing.F) {
	for _, s := range []string{"0644", "rwxu, rgrp", "u=rw,g=r", "a+X", "u+s-x=w", "S_IRWXU", "~rusr", ",", "="} {
		f.Add(uint32(0o640), s)
	}
	f.Fuzz(func(t *testing.T, old uint32, text string) {
		m, err := ChangeMode(modeOf(old), text)
		if err == nil && m.Type() != modeOf(old).Type() {
			t.Fatalf("%q changed the type of %v to %v", text, modeOf(old), m)
		}
		if err == nil && modeOf(modeBits(m)|0o100000) != m&^fs.ModeType {
			t.Fatalf("%q gives %v, which does not come back", text, m)
		}
	})
}
