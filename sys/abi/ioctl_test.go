package abi_test

import (
	"testing"

	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/darwin"
	"github.com/anykernel/anykernel/sys/abi/freebsd"
	"github.com/anykernel/anykernel/sys/abi/linux"
	"github.com/anykernel/anykernel/sys/abi/netbsd"
	"github.com/anykernel/anykernel/sys/abi/openbsd"
)

func TestIoctl(t *testing.T) {
	for _, c := range []struct {
		abi  *abi.ABI
		want abi.Ioctl
	}{
		{linux.AMD64, abi.Ioctl{Name: "TIOCGWINSZ", Number: 0x5413, Dir: abi.IoctlOut, Arg: "winsize", Size: 8}},
		{linux.MIPS, abi.Ioctl{Name: "TIOCGWINSZ", Number: 0x40087468, Dir: abi.IoctlOut, Arg: "winsize", Size: 8}},
		{linux.AMD64, abi.Ioctl{Name: "TCGETS", Number: 0x5401, Dir: abi.IoctlOut, Arg: "termios", Size: 36}},
		{linux.AMD64, abi.Ioctl{Name: "SIOCGIFFLAGS", Number: 0x8913, Dir: abi.IoctlInOut, Arg: "ifreq", Size: 40}},
		{linux.I386, abi.Ioctl{Name: "SIOCGIFFLAGS", Number: 0x8913, Dir: abi.IoctlInOut, Arg: "ifreq", Size: 32}},
		{linux.AMD64, abi.Ioctl{Name: "TUNSETIFF", Number: 0x400454ca, Dir: abi.IoctlInOut, Arg: "ifreq", Size: 40}},
		{linux.AMD64, abi.Ioctl{Name: "BLKGETSIZE64", Number: 0x80081272, Dir: abi.IoctlOut, Arg: "u64", Size: 8}},
		{linux.I386, abi.Ioctl{Name: "BLKGETSIZE64", Number: 0x80041272, Dir: abi.IoctlOut, Arg: "u64", Size: 8}},
		{linux.AMD64, abi.Ioctl{Name: "FICLONE", Number: 0x40049409, Dir: abi.IoctlValue, Arg: "i32", Size: 4}},
		{linux.AMD64, abi.Ioctl{Name: "BLKDISCARD", Number: 0x1277, Dir: abi.IoctlIn, Arg: "u64[2]", Size: 16}},
		{linux.AMD64, abi.Ioctl{Name: "NS_GET_USERNS", Number: 0xb701}},
		{netbsd.AMD64, abi.Ioctl{Name: "SIOCGIFFLAGS", Number: 0xc0906911, Dir: abi.IoctlInOut, Arg: "ifreq", Size: 144}},
		{netbsd.AMD64, abi.Ioctl{Name: "TIOCSETA", Number: 0x802c7414, Dir: abi.IoctlIn, Arg: "termios", Size: 44}},
		{netbsd.AMD64, abi.Ioctl{Name: "FIONBIO", Number: 0x8004667e, Dir: abi.IoctlIn, Arg: "i32", Size: 4}},
		{netbsd.AMD64, abi.Ioctl{Name: "TIOCSCTTY", Number: 0x20007461}},
		{netbsd.AMD64, abi.Ioctl{Name: "SIOCAIFADDR", Number: 0x8040691a, Dir: abi.IoctlIn, Arg: "ifaliasreq", Size: 64}},
		{freebsd.AMD64, abi.Ioctl{Name: "TIOCSIG", Number: 0x2004745f, Dir: abi.IoctlValue, Arg: "i32", Size: 4}},
		{openbsd.AMD64, abi.Ioctl{Name: "TIOCGTSTAMP", Number: 0x4010745b, Dir: abi.IoctlOut, Arg: "timeval", Size: 16}},
		{openbsd.AMD64, abi.Ioctl{Name: "TIOCSTSTAMP", Number: 0x8008745a, Dir: abi.IoctlIn, Size: 8}},
		{darwin.ARM64, abi.Ioctl{Name: "SIOCGIFCONF", Number: 0xc00c6924, Dir: abi.IoctlInOut, Arg: "ifconf", Size: 12}},
		{darwin.AMD64, abi.Ioctl{Name: "TIOCSTI", Number: 0x80017472, Dir: abi.IoctlIn, Arg: "u8", Size: 1}},
	} {
		if got, ok := c.abi.Ioctl(c.want.Name); !ok || got != c.want {
			t.Errorf("%s/%s: %+v, %v, want %+v", c.abi.OS, c.abi.Arch, got, ok, c.want)
		}
		if got := c.abi.IoctlNumber(c.want.Number); got != c.want {
			t.Errorf("%s/%s: number %#x is %+v, want %+v", c.abi.OS, c.abi.Arch, c.want.Number, got, c.want)
		}
	}
	if r, ok := linux.AMD64.Ioctl("NO_SUCH"); ok {
		t.Errorf("a request that is not there: %+v", r)
	}
}

// TestIoctlNumber: numbers that no table has.
func TestIoctlNumber(t *testing.T) {
	for _, c := range []struct {
		abi    *abi.ABI
		number uint32
		dir    abi.Direction
		size   int
	}{
		{linux.AMD64, 0x80105a01, abi.IoctlOut, 16},
		{linux.AMD64, 0x7fff5a01, abi.IoctlIn, 16383},
		{linux.AMD64, 0xc0015a01, abi.IoctlInOut, 1},
		{linux.AMD64, 0x00005a01, abi.IoctlNone, 0},
		{linux.AMD64, 0x00105a01, abi.IoctlNone, 0},
		{linux.PPC64LE, 0x80105a01, abi.IoctlIn, 16},
		{linux.PPC64LE, 0x5fff5a01, abi.IoctlOut, 8191},
		{linux.PPC64LE, 0x20005a01, abi.IoctlNone, 0},
		{freebsd.AMD64, 0x80105a01, abi.IoctlIn, 16},
		{freebsd.AMD64, 0x40105a01, abi.IoctlOut, 16},
		{freebsd.AMD64, 0xc0105a01, abi.IoctlInOut, 16},
		{freebsd.AMD64, 0x20005a01, abi.IoctlNone, 0},
		{freebsd.AMD64, 0x20045a01, abi.IoctlValue, 4},
		{freebsd.AMD64, 0x00045a01, abi.IoctlNone, 0},
	} {
		got := c.abi.IoctlNumber(c.number)
		if want := (abi.Ioctl{Number: c.number, Dir: c.dir, Size: c.size}); got != want {
			t.Errorf("%s/%s: %#x is %+v, want %+v", c.abi.OS, c.abi.Arch, c.number, got, want)
		}
	}
}

func TestIoctls(t *testing.T) {
	least := map[string]int{"linux": 300, "netbsd": 150, "freebsd": 120, "openbsd": 170, "darwin": 120}
	for _, a := range all {
		list := a.Ioctls()
		if len(list) < least[a.OS]*9/10 {
			t.Errorf("%s/%s has %d ioctls", a.OS, a.Arch, len(list))
		}
		for i, r := range list {
			if i > 0 && list[i-1].Number > r.Number {
				t.Errorf("%s/%s: %s is before %s", a.OS, a.Arch, list[i-1].Name, r.Name)
			}
			if (r.Dir == abi.IoctlNone) != (r.Size == 0) {
				t.Errorf("%s/%s: %+v", a.OS, a.Arch, r)
			}
			if size, ok := a.SizeOf(r.Arg); ok && size != r.Size {
				t.Errorf("%s/%s: %+v, but the type has %d bytes", a.OS, a.Arch, r, size)
			}
		}
	}
	for _, a := range []*abi.ABI{linux.AMD64, netbsd.AMD64, freebsd.AMD64, openbsd.AMD64, darwin.AMD64} {
		typed := 0
		for _, r := range a.Ioctls() {
			if r.Arg != "" || r.Dir == abi.IoctlNone {
				typed++
			}
		}
		t.Logf("%s: %d ioctls, %d with a known argument", a.OS, len(a.Ioctls()), typed)
	}
}

func TestSizeOf(t *testing.T) {
	for typ, want := range map[string]int{
		"i8": 1, "u16": 2, "i32": 4, "u64": 8, "long": 4, "ptr": 4, "u64[2]": 16, "timespec": 8, "u8[0]": 0,
		"u128": -1, "": -1, "u8[": -1, "u8[-1]": -1, "u8[99999999]": -1, "none[2]": -1, "u8[2]x": -1, "u8[2": -1, "[2]": -1,
	} {
		size, ok := linux.ARM.SizeOf(typ)
		if want < 0 && ok || want >= 0 && (!ok || size != want) {
			t.Errorf("%q: %d, %v, want %d", typ, size, ok, want)
		}
	}
}

// FuzzSizeOf: no type makes it panic or gives a size below zero.
func FuzzSizeOf(f *testing.F) {
	f.Add("u8[16]")
	f.Add("u8[1][")
	f.Fuzz(func(t *testing.T, typ string) {
		if size, ok := linux.AMD64.SizeOf(typ); ok && size < 0 {
			t.Errorf("%q: %d", typ, size)
		}
	})
}
