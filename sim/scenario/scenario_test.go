package scenario_test

import (
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/anykernel/anykernel/backends/all"
	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/sim"
	"github.com/anykernel/anykernel/sim/scenario"
)

func load(t *testing.T, text string) *scenario.Scenario {
	t.Helper()
	s, err := scenario.Load("test.star", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// runs runs a scenario, whose prints are joined.
func runs(t *testing.T, text string) (string, error) {
	t.Helper()
	var out []string
	r := load(t, text).Run(sim.Case{Seed: 1}, sim.Options{}, func(line string) { out = append(out, line) })
	return strings.Join(out, "\n"), r.Err
}

func TestLoad(t *testing.T) {
	for text, want := range map[string]string{
		"x = 1":                                   "no function scenario of 1 parameters",
		"def scenario(): pass":                    "no function scenario of 1 parameters",
		"def scenario(w):":                        "test.star:1:",
		"def scenario(w): nothing()":              "undefined: nothing",
		"def scenario(w): pass\ndef on_x(): pass": `no event is called "on_x"`,
		"x = 1 // 0\ndef scenario(w): pass":       "test.star:1:7: floored division by zero",
	} {
		_, err := scenario.Load("test.star", strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestWorld is what a scenario can do without a kernel.
func TestWorld(t *testing.T) {
	out, err := runs(t, `
def scenario(w):
    a, b = w.go(count, w, "a", 3), w.go(count, w, "b", 2)
    print(a.wait(), b.wait(), w.now() // s)
    print(w.int("n", 4, 4), w.fault("never", 0), w.fault("always", 1.0), w.seed)
    w.note("here")

def count(w, name, n):
    for i in range(n):
        w.sleep("1s")
    return name * n
`)
	if want := "aaa bb 3\n4 False True 1"; err != nil || out != want {
		t.Errorf("%q, %v, want %q", out, err, want)
	}
	for body, want := range map[string]string{
		`check(False, "as it should be")`:   "test.star:2:23: as it should be",
		`w.sleep("never")`:                  `"never" is no duration`,
		`w.fault("x", 2)`:                   "no probability",
		`w.int("n", 2, 1)`:                  "n is from 2 to 1",
		`w.go(1)`:                           "want a function of the scenario",
		`w.go(len, 1)`:                      "want a function of the scenario",
		`w.lab("a--a")`:                     `a link from "a" to itself`,
		`w.kernel("k", "nothing")`:          "no kernel",
		`w.missing()`:                       "world has no .missing",
		`w.go(other).wait()`:                "test.star:1:23: floored division by zero",
		`attempt(check, False, "mistake")`:  "mistake", // no kernel refused it
		"\n  for i in range(1 << 40): pass": "steps",
	} {
		_, err := runs(t, "def other(): return 1 // 0\ndef scenario(w): "+body)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}

// each runs a test for scenarios on each kernel that can be in a world.
func each(t *testing.T, test func(t *testing.T, kernel string)) {
	for _, kernel := range []string{"rump", "sentry"} {
		t.Run(kernel, func(t *testing.T) {
			kerneltest.NeedKernel(t, kernel)
			test(t, kernel)
		})
	}
}

func TestKernels(t *testing.T) { each(t, testKernels) }

func testKernels(t *testing.T, kernel string) {
	out, err := runs(t, `
def scenario(w):
    k = w.kernel("box", "`+kernel+`")
    k.mkdir("/d/e")
    k.write("/d/e/f", "one\n")
    k.append("/d/e/f", b"two\n")
    k.sync("/d/e/f")
    print(k.name, k.read("/d/e/f"), k.list("/d"))
    print(k.fork().run("cat", "/d/e/f"))
    k.remove("/d")
    print(attempt(k.read, "/d/e/f"))
    print(attempt(k.dial, "tcp", "127.0.0.1:9"))
`)
	want := `box one
two
 ["e"]
(0, "one\ntwo\n")
(None, "ENOENT")
(None, "ECONNREFUSED")`
	if err != nil || out != want {
		t.Errorf("%s, %v, want %s", out, err, want)
	}
	for body, want := range map[string]string{
		`k.read("/nothing")`:     "test.star:3:11: ", // and the kernel's own words
		`k.run("httpd")`:         "goroutines of its own",
		`k.run("nothing")`:       `no applet is called "nothing"`,
		`k.write("/x", 1)`:       "want bytes or a string",
		`k.close(); k.read("/")`: "closed",
	} {
		_, err := runs(t, "def scenario(w):\n    k = w.kernel(\"k\", \""+kernel+"\")\n    "+body)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}

// TestBugIsFound has the bug of examples/sim/ledger.star be found on gVisor's
// kernel, too, by one of a hundred seeds.
func TestBugIsFound(t *testing.T) {
	s, err := scenario.Open("../../examples/sim/ledger.star")
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(100) {
		r := s.Run(sim.Case{Seed: seed}, sim.Options{Kernel: "sentry"}, nil)
		if r.Err != nil {
			if !strings.Contains(r.Err.Error(), "the balance is") {
				t.Errorf("seed %d: %v", seed, r.Err)
			}
			return
		}
	}
	t.Error("no seed found it")
}

func TestNetwork(t *testing.T) { each(t, testNetwork) }

func testNetwork(t *testing.T, kernel string) {
	out, err := runs(t, `
def scenario(w):
    net = w.lab("a--b delay=1s; a: `+kernel+`; b: `+kernel+`")
    a, b = net.node("a"), net.node("b")
    server = b.packet("udp", ":53")
    w.go(answer, server)
    client = a.packet("udp", ":0")
    client.timeout("10s")
    client.send("question", "b:53")
    data, source = client.receive()
    print(data, source, w.now() // s)
    net.link("a->b", "down")
    client.send("lost", "b:53")
    print(attempt(client.receive))
    print(w.now() // s)

def answer(server):
    data, source = server.receive()
    server.send(data + b"!", source)

def on_frame(ev):
    if ev.match(payload="question"):
        count("questions on " + ev.kernel)
        print("%s at %d s" % (ev.kernel, ev.time // s))
`)
	if err != nil || !strings.Contains(out, "question! 10.0.0.2:53 ") || !strings.Contains(out, `(None, "ETIMEDOUT")`) || !strings.Contains(out, "a at ") {
		t.Errorf("%s, %v", out, err)
	}
}

// TestExamples runs the scenarios of examples/sim, of which one fails.
func TestExamples(t *testing.T) {
	kerneltest.NeedKernel(t, "rump")
	files, err := filepath.Glob("../../examples/sim/*.star")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		s, err := scenario.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		var first sim.Result
		for run := range 2 {
			r := s.Run(sim.Case{Seed: 1}, sim.Options{}, nil)
			if failed := r.Err != nil; failed != (name == "ledger.star") {
				t.Errorf("%s: %v", name, r.Err)
			}
			if run == 1 && r.Trace != first.Trace {
				t.Errorf("%s has the traces %016x and %016x", name, first.Trace, r.Trace)
			}
			first = r
		}
	}
}
