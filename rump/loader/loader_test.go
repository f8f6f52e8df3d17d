//go:build linux

package loader

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// word is a variable of an image.
func word(t testing.TB, im *Image, name string) uintptr {
	t.Helper()
	v := im.Variable(name)
	if len(v) != 8 {
		t.Fatalf("variable %s has %d bytes", name, len(v))
	}
	return uintptr(binary.NativeEndian.Uint64(v))
}

var (
	upper = source{name: "upper", code: `
		extern long shared;
		long *to_shared = &shared;
		long strong(void) { return 2; }
		long (*which)(void) = strong;
		static long own;
		long *to_own = &own;
		extern long nobody(void);
		extern long weak_nobody(void) __attribute__((weak));
		long (*to_nobody)(void) = nobody;
		long (*to_weak)(void) = weak_nobody;
		extern long host(void);
		long (*to_host)(void) = host;
		long big[4096] = { 1, 2, 3 };
		long zeroes[4096];`}
	lower = source{name: "lower", code: `
		long shared = 42;
		__attribute__((weak)) long strong(void) { return 1; }
		long (*lower_which)(void) = strong;
		__attribute__((visibility("hidden"))) long hidden = 7;
		long *to_hidden = &hidden;`}
)

var hostSymbols = Options{
	Host: func(name string) (uintptr, bool) { return 0x123000, name == "host" },
	Trap: 0x456000,
}

func TestSymbols(t *testing.T) {
	libs := compile(t, upper, lower)
	im := load(t, hostSymbols, libs...)
	addr := func(name string) uintptr { a, _ := im.Symbol(name); return a }
	for _, tc := range []struct {
		pointer string
		want    uintptr
	}{
		{"to_shared", addr("shared")},
		{"which", addr("strong")},
		{"lower_which", addr("strong")}, // the upper library's, not its own weak one
		{"to_weak", 0},
		{"to_host", 0x123000},
	} {
		if got := word(t, im, tc.pointer); got != tc.want {
			t.Errorf("%s is %#x, want %#x", tc.pointer, got, tc.want)
		}
	}
	if s := im.Describe(addr("strong")); !strings.HasPrefix(s, "libupper strong") {
		t.Errorf("strong is in %q", s)
	}
	if word(t, im, "to_hidden") == 0 || word(t, im, "to_own") == 0 {
		t.Error("a pointer to a hidden variable is null")
	}
	if im.Variable("hidden") != nil {
		t.Error("a hidden symbol is visible")
	}
	if v := im.Variable("big"); len(v) != 32768 || v[0] != 1 || v[8] != 2 || v[24] != 0 {
		t.Errorf("big has %d bytes", len(v))
	}
	if missing := im.prog.Missing(); !slices.Equal(missing, []string{"nobody"}) {
		t.Errorf("missing are %q", missing)
	}
	start, end := im.Bounds()
	if p := word(t, im, "to_nobody"); p == 0 || p >= start && p < end {
		t.Errorf("a function that nobody has is at %#x", p)
	}
}

func TestMissingSymbol(t *testing.T) {
	libs := compile(t, upper, lower)
	_, err := Link(libs, Options{Host: hostSymbols.Host})
	if err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("without a trap, a missing symbol gave %v", err)
	}
}

func TestImagesArePrivate(t *testing.T) {
	libs := compile(t, lower)
	a, b := load(t, hostSymbols, libs...), load(t, hostSymbols, libs...)
	a.Variable("shared")[0] = 1
	if got := word(t, b, "shared"); got != 42 {
		t.Errorf("a change in one image is seen in another: %d", got)
	}
	if word(t, a, "to_hidden") == word(t, b, "to_hidden") {
		t.Error("two images point to one variable")
	}
}

// TestProtection reads what the kernel says of an image's pages.
func TestProtection(t *testing.T) {
	im := load(t, hostSymbols, compile(t, upper, lower)...)
	start, end := im.Bounds()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Skip(err)
	}
	var code, data int
	for line := range strings.Lines(string(maps)) {
		var lo, hi uintptr
		var prot string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &lo, &hi, &prot); err != nil || lo < start || hi > end {
			continue
		}
		w, x := prot[1] == 'w', prot[2] == 'x'
		if w && x {
			t.Errorf("pages are writable and executable: %s", line)
		}
		if x {
			code++
			if prot[3] != 's' {
				t.Errorf("code is not shared: %s", line)
			}
		}
		if w {
			data++
		}
	}
	if code != 2 || data == 0 {
		t.Errorf("the image has %d mappings of code and %d of data", code, data)
	}
}

func TestConstructors(t *testing.T) {
	ctor := func(name string) source {
		return source{name: name, code: fmt.Sprintf(`
			static void one(void) {} static void two(void) {}
			void (*%[1]s_one)(void) = one; void (*%[1]s_two)(void) = two;
			__attribute__((section(".init_array"), used)) static void (*list[])(void) = { one, two };`, name)}
	}
	im := load(t, Options{}, compile(t, ctor("up"), ctor("down"))...)
	want := []uintptr{word(t, im, "down_one"), word(t, im, "down_two"), word(t, im, "up_one"), word(t, im, "up_two")}
	if got := im.Constructors(); !slices.Equal(got, want) {
		t.Errorf("constructors are %#x, want %#x: lower library first", got, want)
	}
}

// netbsdTraits makes a library as NetBSD's own release builds are: link sets
// whose bounds are in the dynamic symbol table, a note of NetBSD's, and
// libraries in DT_NEEDED that are not there.
func netbsdTraits(name string, entries int) source {
	code := `
		__asm__(".section .note.netbsd.ident,\"a\",@note\n.long 7,4,1\n.ascii \"NetBSD\\0\\0\"\n.long 1000000000\n.previous");
		extern long __start_link_set_things[], __stop_link_set_things[];
		long *` + name + `_start = __start_link_set_things, *` + name + `_stop = __stop_link_set_things;`
	for i := range entries {
		code += fmt.Sprintf("static long thing%[1]d; __attribute__((section(\"link_set_things\"), used)) static long *entry%[1]d = &thing%[1]d;\n", i)
	}
	script := "-Wl,--defsym=__start_link_set_things=ADDR(link_set_things),--defsym=__stop_link_set_things=ADDR(link_set_things)+SIZEOF(link_set_things)"
	return source{name: name, code: code, args: []string{script}}
}

func TestLinkSets(t *testing.T) {
	libs := compile(t, netbsdTraits("top", 2), netbsdTraits("bottom", 3))
	if notes := libs[0].Notes(); !slices.Contains(notes, "NetBSD") {
		t.Errorf("the notes are of %q", notes)
	}
	im := load(t, Options{}, libs...)
	sets := im.LinkSets("things")
	if len(sets) != 2 {
		t.Fatalf("%d libraries have a link set, want 2", len(sets))
	}
	for i, lib := range []struct {
		name string
		n    uintptr
	}{{"bottom", 3}, {"top", 2}} {
		if n := (sets[i].End - sets[i].Start) / 8; n != lib.n {
			t.Errorf("the link set of %s has %d entries, want %d", lib.name, n, lib.n)
		}
		// A library's own reference is to its own set.
		if start := word(t, im, lib.name+"_start"); start != sets[i].Start {
			t.Errorf("%s sees its link set at %#x, it is at %#x", lib.name, start, sets[i].Start)
		}
	}
	if len(im.LinkSets("nothing")) != 0 {
		t.Error("a link set is there that no library has")
	}
}

func TestThreadLocal(t *testing.T) {
	libs := compile(t,
		source{name: "other", code: `__thread long a; long get_a(void) { return a; }`},
		source{name: "tls", code: `__thread long b; long get(void) { return b; }`},
		source{name: "user", code: `extern __thread long b; long use(void) { return b; }`})
	p, err := Link(libs, Options{
		Host:      func(name string) (uintptr, bool) { return 0x1000, name == "__tls_get_addr" },
		TLSModule: 77,
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.TLSSize() != 16 {
		t.Errorf("%d bytes of thread-local storage, want 16", p.TLSSize())
	}
	// Both libraries ask for the same module and offset.
	var found int
	for _, l := range p.libs {
		for _, d := range l.data {
			for i := 0; i+16 <= len(d.bytes); i += 8 {
				if le64(d.bytes[i:]) == 77 && le64(d.bytes[i+8:]) == 8 {
					found++
				}
			}
		}
	}
	if found != 2 {
		t.Errorf("%d libraries refer to the variable, want 2", found)
	}
	initial := source{name: "init", code: `__thread long a = 1; long get(void) { return a; }`}
	if _, err := compileOne(t, initial); err == nil || !strings.Contains(err.Error(), "initial values") {
		t.Errorf("a thread-local variable with a value: %v", err)
	}
}

func TestOpenFS(t *testing.T) {
	if _, err := OpenFS(os.DirFS(t.TempDir()), "nothing.so"); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
	for name, data := range map[string]string{"empty": "", "text": "no library\n", "header": "\x7fELF\x02\x01\x01"} {
		if _, err := Parse(name, []byte(data)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
