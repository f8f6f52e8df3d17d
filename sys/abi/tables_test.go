package abi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/darwin"
	"github.com/anykernel/anykernel/sys/abi/freebsd"
	"github.com/anykernel/anykernel/sys/abi/linux"
	"github.com/anykernel/anykernel/sys/abi/netbsd"
	"github.com/anykernel/anykernel/sys/abi/openbsd"
)

var all = []*abi.ABI{
	linux.I386, linux.AMD64, linux.ARM, linux.ARM64, linux.LOONG64, linux.MIPS, linux.MIPSLE,
	linux.MIPS64, linux.MIPS64LE, linux.PPC, linux.PPC64, linux.PPC64LE, linux.RISCV64, linux.S390X, linux.SPARC64,
	netbsd.I386, netbsd.AMD64, netbsd.ARM, netbsd.ARM64,
	freebsd.I386, freebsd.AMD64, freebsd.ARM, freebsd.ARM64, freebsd.RISCV64,
	openbsd.I386, openbsd.AMD64, openbsd.ARM, openbsd.ARM64, openbsd.MIPS64, openbsd.PPC64, openbsd.RISCV64,
	darwin.AMD64, darwin.ARM64,
}

// TestTables: what holds for every ABI.
func TestTables(t *testing.T) {
	for _, a := range all {
		t.Run(a.OS+"/"+a.Arch, func(t *testing.T) {
			sorted(t, "calls", a.Calls(), func(n abi.Number) string { return n.Name })
			sorted(t, "constants", a.Consts(), func(n abi.Number) string { return n.Name })
			sorted(t, "errnos", a.Errnos(), func(e abi.ErrnoInfo) abi.Errno { return e.Errno })
			sorted(t, "layouts", a.Layouts(), func(l abi.Layout) string { return l.Name })
			for _, c := range a.Calls() {
				if v, ok := a.Call(c.Name); !ok || int64(v) != c.Value {
					t.Errorf("call %s: %d, %v", c.Name, v, ok)
				}
			}
			for _, c := range a.Consts() {
				if v, ok := a.Const(c.Name); !ok || v != c.Value {
					t.Errorf("constant %s: %#x, %v", c.Name, v, ok)
				}
			}
			for _, e := range a.Errnos() {
				if info, ok := a.Errno(e.Errno); !ok || info != e || e.Name == "" || e.Message == "" {
					t.Errorf("errno %d: %+v, %v", e.Errno, info, ok)
				}
				if v, ok := a.Const(e.Name); !ok || v != int64(e.Errno) {
					t.Errorf("constant %s is %d, not %d", e.Name, v, e.Errno)
				}
			}
			sorted(t, "signals", a.Signals(), func(s abi.SignalInfo) int { return s.Signal })
			for _, s := range a.Signals() {
				if v, ok := a.Const(s.Name); !ok || v != int64(s.Signal) || s.Message == "" {
					t.Errorf("signal %+v: constant %d, %v", s, v, ok)
				}
				if info, ok := a.Signal(s.Signal); !ok || info != s {
					t.Errorf("signal %d: %+v, %v", s.Signal, info, ok)
				}
			}
			for _, l := range a.Layouts() {
				checkLayout(t, a, &l)
			}
		})
	}
}

func sorted[E any, K int | string | abi.Errno](t *testing.T, what string, list []E, key func(E) K) {
	t.Helper()
	if len(list) == 0 {
		t.Errorf("no %s", what)
	}
	for i := 1; i < len(list); i++ {
		if key(list[i-1]) >= key(list[i]) {
			t.Errorf("%s: %v before %v", what, key(list[i-1]), key(list[i]))
		}
	}
}

func checkLayout(t *testing.T, a *abi.ABI, l *abi.Layout) {
	if got := a.Layout(l.Name); got == nil || got.Size != l.Size {
		t.Errorf("layout %s: %+v", l.Name, got)
	}
	if l.Size < 1 || l.Align < 1 || l.Size%l.Align != 0 {
		t.Errorf("%s: size %d, alignment %d", l.Name, l.Size, l.Align)
	}
	names := map[string]bool{}
	for _, f := range l.Fields {
		if names[f.Name] {
			t.Errorf("%s.%s is there twice", l.Name, f.Name)
		}
		names[f.Name] = true
		if f.Offset < 0 || f.Size < 0 || f.Offset+f.Size > l.Size {
			t.Errorf("%s.%s: offset %d, size %d in a structure of %d", l.Name, f.Name, f.Offset, f.Size, l.Size)
		}
	}
}

// TestCount: no table is lost. The numbers are those of the generated tables
// of amd64, rounded down.
func TestCount(t *testing.T) {
	for _, c := range []struct {
		abi                                     *abi.ABI
		calls, prefixes, consts, errnos, layout int
	}{
		{linux.AMD64, 380, 200, 9400, 132, 260},
		{netbsd.AMD64, 300, 55, 1700, 98, 65},
		{freebsd.AMD64, 380, 60, 1800, 97, 60},
		{openbsd.AMD64, 200, 60, 1600, 95, 45},
		{darwin.AMD64, 420, 60, 1700, 106, 70},
	} {
		for _, n := range []struct {
			what      string
			got, want int
		}{
			{"calls", len(c.abi.Calls()), c.calls},
			{"prefixes", len(c.abi.Prefixes()), c.prefixes},
			{"constants", len(c.abi.Consts()), c.consts},
			{"errnos", len(c.abi.Errnos()), c.errnos},
			{"layouts", len(c.abi.Layouts()), c.layout},
		} {
			t.Logf("%s: %d %s", c.abi.OS, n.got, n.what)
			if n.got < n.want {
				t.Errorf("%s has %d %s, want %d", c.abi.OS, n.got, n.what, n.want)
			}
		}
	}
}

func TestTable(t *testing.T) {
	table := linux.AMD64.Table("O_")
	if len(table) < 20 || table[0].Name != "O_ACCMODE" {
		t.Errorf("O_ has %d constants: %v", len(table), table)
	}
	for _, c := range table {
		if !strings.HasPrefix(c.Name, "O_") {
			t.Errorf("%s is in the table O_", c.Name)
		}
	}
	if got := linux.AMD64.Table("NO SUCH"); len(got) != 0 {
		t.Errorf("a table that is not there: %v", got)
	}
	prefixes := linux.AMD64.Prefixes()
	for _, p := range []string{"O_", "AF_", "SO_", "EPOLL_", "MAP_", "CLONE_"} {
		if !slices.Contains(prefixes, p) {
			t.Errorf("no table %s", p)
		}
	}
	total := 0
	for _, p := range prefixes {
		if n := len(linux.AMD64.Table(p)); n < 2 {
			t.Errorf("table %s has %d constants", p, n)
		} else {
			total += n
		}
	}
	if total > len(linux.AMD64.Consts()) {
		t.Errorf("the tables have %d constants of %d: they overlap", total, len(linux.AMD64.Consts()))
	}
}

func BenchmarkConst(b *testing.B) {
	for b.Loop() {
		linux.AMD64.Const("O_CREAT")
	}
}
