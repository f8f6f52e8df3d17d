package sys

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/sys/abi"
)

// flagTables are the tables whose flags combine freely.
var flagTables = []*flagTable{
	&openFlags, &atFlags, &renameFlags, &xattrFlags, &flockOps, &modeNames, &accessModes,
}

// nameTables are those whose names exclude each other.
var nameTables = []*flagTable{&adviceNames, &pathVariables, &lockTypes, &lockfCommands}

// TestFlagTexts writes every flag in every form, and random sets of them.
func TestFlagTexts(t *testing.T) {
	for _, table := range append(flagTables, nameTables...) {
		for _, f := range table.flags {
			for _, text := range []string{
				f.name, strings.ToLower(f.name), table.prefix + f.name, strings.ToLower(table.prefix + f.name), " , " + f.name + "|\t",
			} {
				if v, err := table.parse(text); err != nil || v != f.value {
					t.Errorf("%s: %q is %#x, %v, want %#x", table.name, text, v, err, f.value)
				}
			}
		}
	}
	for _, table := range flagTables {
		for range 100 {
			var names []string
			var want uint64
			for _, i := range rand.Perm(len(table.flags))[:1+rand.IntN(len(table.flags))] {
				names = append(names, strings.ToLower(table.flags[i].name))
				want = want&^table.flags[i].bits() | table.flags[i].value
			}
			text := strings.Join(names, ", ")
			got, err := table.parse(text)
			if err != nil || got != want {
				t.Errorf("%s: %q is %#x, %v, want %#x", table.name, text, got, err, want)
			}
			if again, err := table.parse(table.format(got)); err != nil || again != got {
				t.Errorf("%s: %#x prints as %q, which is %#x, %v", table.name, got, table.format(got), again, err)
			}
		}
	}
}

func TestFlagAlgebra(t *testing.T) {
	f, err := ParseOpenFlags("rdwr, nonblock, append, ~nonblock")
	if err != nil || f != O_RDWR|O_APPEND {
		t.Errorf("a removed flag leaves %v, %v", f, err)
	}
	if f, err := ParseOpenFlags("rdwr, 0x40"); err != nil || f != O_RDWR|O_CREAT {
		t.Errorf("a number gives %v, %v", f, err)
	}
	_, err = ParseOpenFlags("rdwr, nosuch")
	var e *NameError
	if !errors.As(err, &e) || e.Table != "open flags" || e.Name != "nosuch" {
		t.Errorf("an unknown flag: %v", err)
	}
	if s := (O_RDWR | O_SYNC).String(); s != "O_RDWR|O_SYNC" {
		t.Errorf("prints as %q", s)
	}
}

func TestFlagCacheIsBounded(t *testing.T) {
	table := flagTable{name: "x", flags: []flag{{name: "a", value: 1}}}
	for i := range 10 * maxFlagCache {
		if _, err := table.parse("a" + strings.Repeat(" ", i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(*table.cache.Load()); n > maxFlagCache {
		t.Errorf("the cache has %d texts", n)
	}
}

func TestAccessModes(t *testing.T) {
	for text, want := range map[string]AccessMode{"rw": 6, "rwx": 7, "x": 1, "f": 0, "": 0, "r_ok, x_ok": 5, "RW": 6} {
		if m, err := ParseAccessMode(text); err != nil || m != want {
			t.Errorf("ParseAccessMode(%q) = %v, %v, want %v", text, m, err, want)
		}
	}
	if _, err := ParseAccessMode("rq"); err == nil {
		t.Error(`"rq" was taken`)
	}
}

// TestFlagsThroughABIs translates each flag to every ABI that has it and back.
func TestFlagsThroughABIs(t *testing.T) {
	for _, a := range testABIs {
		for _, table := range []*flagTable{&openFlags, &atFlags, &renameFlags, &xattrFlags} {
			checkTranslation(t, a, table)
		}
	}
}

func checkTranslation(t *testing.T, a *abi.ABI, table *flagTable) {
	tr := table.translation(a)
	for _, f := range table.flags {
		native, err := tr.native(f.value)
		if _, has := constant(a, table.prefix+f.name); !has {
			if f.value != 0 && !errors.Is(err, ErrNotSupported) {
				t.Errorf("%s: %s%s, which it lacks: %#x, %v", a.OS, table.prefix, f.name, native, err)
			}
			continue
		}
		if want, _ := constant(a, table.prefix+f.name); err != nil || native != uint64(want) {
			t.Errorf("%s: %s%s is %#x, %v, want %#x", a.OS, table.prefix, f.name, native, err, want)
		}
	}
}

func FuzzOpenFlags(f *testing.F) {
	for _, s := range []string{"rdwr, creat", "O_RDWR|O_CREAT", "~append", "0x7", "rdonly excl", "~0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := ParseOpenFlags(text)
		if err != nil {
			return
		}
		if again, err := ParseOpenFlags(v.String()); err != nil || again != v {
			t.Fatalf("%q is %v, which reads back as %v, %v", text, v, again, err)
		}
	})
}

func BenchmarkParseCached(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseOpenFlags("rdwr, creat, cloexec"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestParseCachedDoesNotAllocate(t *testing.T) {
	table := flagTable{name: openFlags.name, prefix: openFlags.prefix, flags: openFlags.flags}
	n := testing.AllocsPerRun(100, func() { _, _ = table.parse("rdwr, creat") })
	if n != 0 {
		t.Errorf("parsing a text seen before allocates %v times", n)
	}
}
