package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/anykernel/anykernel/sys/abi"
)

// TestCommitted: the committed files are what the generator writes.
func TestCommitted(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if err := compare(root, files); err != nil {
		t.Error(err)
	}
	files["linux/zamd64.go"] = []byte("package linux\n")
	if err := compare(root, files); err == nil {
		t.Error("a file that differs is not noticed")
	}
	delete(files, "linux/zamd64.go")
	if err := compare(root, files); err == nil {
		t.Error("a file too many is not noticed")
	}
}

func TestExtras(t *testing.T) {
	const text = `
# a comment
const ONE 0x1 : arm 386
const ONE -1
call read 3
struct inner
	u8 a
	u64 b
struct outer
	u16 x : arm
	i32 x
	inner in
	union {
		u8 c[3]
		struct {
			i16 d
			long e|f
		}
	}
	u8 tail[0]
struct tight packed
	u8 a
	u64 b
`
	list, err := parseExtras("test", text)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		arch  string
		one   int64
		outer abi.Layout
	}{
		{"amd64", -1, abi.Layout{Name: "outer", Size: 40, Align: 8, Fields: []abi.Field{
			{Name: "x", Size: 4, Signed: true},
			{Name: "in", Offset: 8, Size: 16},
			{Name: "in.a", Offset: 8, Size: 1},
			{Name: "in.b", Offset: 16, Size: 8},
			{Name: "c", Offset: 24, Size: 3},
			{Name: "d", Offset: 24, Size: 2, Signed: true},
			{Name: "e", Offset: 32, Size: 8, Signed: true},
			{Name: "f", Offset: 32, Size: 8, Signed: true},
			{Name: "tail", Offset: 40, Size: 0},
		}}},
		{"386", 1, abi.Layout{Name: "outer", Size: 24, Align: 4, Fields: []abi.Field{
			{Name: "x", Size: 4, Signed: true},
			{Name: "in", Offset: 4, Size: 12},
			{Name: "in.a", Offset: 4, Size: 1},
			{Name: "in.b", Offset: 8, Size: 8},
			{Name: "c", Offset: 16, Size: 3},
			{Name: "d", Offset: 16, Size: 2, Signed: true},
			{Name: "e", Offset: 20, Size: 4, Signed: true},
			{Name: "f", Offset: 20, Size: 4, Signed: true},
			{Name: "tail", Offset: 24, Size: 0},
		}}},
		{"arm", 1, abi.Layout{Name: "outer", Size: 32, Align: 8, Fields: []abi.Field{
			{Name: "x", Size: 2},
			{Name: "in", Offset: 8, Size: 16},
			{Name: "in.a", Offset: 8, Size: 1},
			{Name: "in.b", Offset: 16, Size: 8},
			{Name: "c", Offset: 24, Size: 3},
			{Name: "d", Offset: 24, Size: 2, Signed: true},
			{Name: "e", Offset: 28, Size: 4, Signed: true},
			{Name: "f", Offset: 28, Size: 4, Signed: true},
			{Name: "tail", Offset: 32, Size: 0},
		}}},
	} {
		target := target{"linux", c.arch}
		layouts := map[string]abi.Layout{}
		if err := layoutExtras(target, list, layouts); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.outer, layouts["outer"]); diff != "" {
			t.Errorf("%s: %s", c.arch, diff)
		}
		if tight := layouts["tight"]; tight.Size != 9 || tight.Align != 1 {
			t.Errorf("%s: packed: %+v", c.arch, tight)
		}
		consts := map[string]int64{}
		if err := addNumbers(target, list, "const", consts); err != nil || consts["ONE"] != c.one || len(consts) != 1 {
			t.Errorf("%s: %v, %v", c.arch, consts, err)
		}
		if err := addNumbers(target, list, "const", consts); err == nil {
			t.Errorf("%s: a constant that x/sys has is not noticed", c.arch)
		}
	}
}

func TestExtrasMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"u8 a":                              "outside a structure",
		"struct":                            "not understood",
		"struct a b":                        "not understood",
		"const A x":                         "invalid syntax",
		"const A":                           "not understood",
		"errno A 1":                         "not understood",
		"errno A x message":                 "invalid syntax",
		"struct a\n\tunion {\n\t\tu8 b":     "not closed",
		"struct a\n\tunion {\nstruct b":     "not closed",
		"struct a\n\t}":                     "not understood",
		"struct a\n\tu8 b[x]":               "no count",
		"struct a\n\tu8 b[-1]":              "no count",
		"struct a\n\tu8 b c":                "not understood",
		"struct a\n\tenum {\n\t\tu8 b\n\t}": "not understood",
	} {
		if _, err := parseExtras("test", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
	for _, typ := range []string{"u7", "u", "x32", "i128", "nothing"} {
		list, err := parseExtras("test", "struct a\n\t"+typ+" b")
		if err == nil {
			err = layoutExtras(target{"linux", "amd64"}, list, map[string]abi.Layout{})
		}
		if err == nil || !strings.Contains(err.Error(), "no type") {
			t.Errorf("type %s: error %v", typ, err)
		}
	}
}

func FuzzExtras(f *testing.F) {
	f.Add("const A 1 : arm\nstruct a packed\n\tu8 b[3] : arm\n\tunion {\n\t\tlong c|d\n\t}\n")
	f.Add("struct a\n\ta a\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseExtras("fuzz", text)
		if err != nil {
			return
		}
		layouts := map[string]abi.Layout{}
		if err := layoutExtras(target{"linux", "386"}, list, layouts); err != nil {
			return
		}
		for _, l := range layouts {
			if l.Size < 0 || l.Align < 1 || l.Size%l.Align != 0 {
				t.Fatalf("%q: %+v", text, l)
			}
		}
	})
}

func TestNames(t *testing.T) {
	n, err := parseNames("test", `
my_stat = stat
any = -
regs = user_regs
regs@arm = arm_regs
WALL = __WALL
GONE = -
errno.ELAST EPROTO
stat st_
stat.Sample a|b
stat.Fd data:8
stat.Pad -
stat@arm align u64
`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ got, want string }{
		{n.structure("my_stat", "amd64"), "stat"},
		{n.structure("struct_any", "amd64"), ""},
		{n.structure("struct_my_other", "amd64"), "other"},
		{n.structure("regs", "amd64"), "user_regs"},
		{n.structure("regs", "arm"), "arm_regs"},
		{n.constant("WALL"), "__WALL"},
		{n.constant("GONE"), ""},
		{n.constant("ELSE"), "ELSE"},
		{n.errno("ELAST"), "EPROTO"},
		{n.errno("EIO"), "EIO"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
	for goName, want := range map[string]fieldName{
		"Mode":      {names: []string{"st_mode"}},
		"X__spare":  {names: []string{"__spare"}},
		"Sample":    {names: []string{"a", "b"}},
		"Fd":        {names: []string{"data"}, size: 8},
		"Pad":       {},
		"_":         {},
		"Pad_cgo_0": {},
	} {
		got, err := n.field("stat", goName)
		if err != nil || !cmp.Equal(got, want, cmp.AllowUnexported(fieldName{})) {
			t.Errorf("%s is %+v, %v, want %+v", goName, got, err, want)
		}
	}
	if typ, ok := n.align("stat", "arm"); !ok || typ != "u64" {
		t.Errorf("alignment %s, %v", typ, ok)
	}
	if _, ok := n.align("stat", "amd64"); ok {
		t.Error("alignment of another architecture")
	}
	if left := n.unused(); len(left) != 0 {
		t.Errorf("unused: %v", left)
	}
	if _, err := parseNames("test", "a b c d"); err == nil {
		t.Error("a line of four words is accepted")
	}
}

// TestShare: a table and its base have what the table had, for every
// architecture.
func TestShare(t *testing.T) {
	tables := func() []*abi.Data {
		return []*abi.Data{
			{Consts: []abi.Number{{Name: "A", Value: 1}, {Name: "B", Value: 2}, {Name: "C", Value: 3}}},
			{Consts: []abi.Number{{Name: "A", Value: 1}, {Name: "B", Value: 2}}},
			{Consts: []abi.Number{{Name: "A", Value: 1}, {Name: "B", Value: 9}, {Name: "C", Value: 3}}},
		}
	}
	all := tables()
	base := share(all)
	if want := []abi.Number{{Name: "A", Value: 1}, {Name: "B", Value: 2}}; !cmp.Equal(base.Consts, want) {
		t.Errorf("base has %v, want %v", base.Consts, want)
	}
	for i, d := range all {
		d.Base = base
		got := abi.New(abi.ABI{}, d).Consts()
		if want := tables()[i].Consts; !cmp.Equal(got, want) {
			t.Errorf("table %d has %v, want %v", i, got, want)
		}
	}
}
