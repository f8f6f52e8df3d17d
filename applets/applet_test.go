package applets

import (
	"strings"
	"testing"
)

// result is what an applet left.
type result struct {
	stdout, stderr string
	status         int
}

// runOn runs an applet in env with that input.
func runOn(t *testing.T, env Env, stdin string, args ...string) result {
	t.Helper()
	var stdout, stderr strings.Builder
	env.Stdin, env.Stdout, env.Stderr = strings.NewReader(stdin), &stdout, &stderr
	status := Run(t.Context(), &env, args[0], args[1:]...)
	return result{stdout.String(), stderr.String(), status}
}

// TestFilters is about applets that need no kernel.
func TestFilters(t *testing.T) {
	const numbers = "10\n9\n-1.5\n9\nx\n"
	for _, tc := range []struct {
		args   string
		stdin  string
		stdout string
		status int
	}{
		{"cat", "a\nb", "a\nb", 0},
		{"cat -", "a", "a", 0},
		{"tee", "a", "a", 0},
		{"head -n 2", "a\nb\nc\n", "a\nb\n", 0},
		{"head -1", "a\nb\n", "a\n", 0},
		{"tail -1", "a\nb\n", "b\n", 0},
		{"head -n 5", "a\nb", "a\nb", 0},
		{"head -c 3", "abcdef", "abc", 0},
		{"tail -n 2", "a\nb\nc\n", "b\nc\n", 0},
		{"tail -n 0", "a\n", "", 0},
		{"tail", "a\nb\n", "a\nb\n", 0},
		{"wc", "one two\nthree", "1 3 13\n", 0},
		{"wc -l", "one two\nthree\n", "2\n", 0},
		{"wc -lc", "", "0 0\n", 0},
		{"sort", numbers, "-1.5\n10\n9\n9\nx\n", 0},
		{"sort -n", numbers, "-1.5\nx\n9\n9\n10\n", 0},
		{"sort -nru", numbers, "10\n9\nx\n-1.5\n", 0},
		{"grep b", "abc\ndef\n", "abc\n", 0},
		{"grep -v b", "abc\ndef\n", "def\n", 0},
		{"grep -c .", "abc\ndef\n", "2\n", 0},
		{"grep -F .", "a.c\ndef\n", "a.c\n", 0},
		{"grep -i B", "abc\n", "abc\n", 0},
		{"grep -q b", "abc\n", "", 0},
		{"grep z", "abc\n", "", 1},
		{"true --any", "", "", 0},
		{"false", "", "", 1},
		{"sha256sum", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  -\n", 0},
		{"dd bs=2 count=2", "abcdef", "abcd", 0},
		{"dd bs=1k", "abc", "abc", 0},
		{"dd bs=2 skip=1 count=1", "abcdef", "cd", 0},
		{"env", "", "A=1\nB=2\n", 0},
		{"env A=3 C= env", "", "B=2\nA=3\nC=\n", 0},
		{"env false", "", "", 1},
	} {
		got := runOn(t, Env{Environ: []string{"A=1", "B=2"}}, tc.stdin, strings.Fields(tc.args)...)
		if got.stdout != tc.stdout || got.status != tc.status {
			t.Errorf("%s: output %q, status %d, want %q, %d; it said %q",
				tc.args, got.stdout, got.status, tc.stdout, tc.status, got.stderr)
		}
	}
}

// TestUsage is about applets called in a wrong way: what is wrong, and how it
// would be right.
func TestUsage(t *testing.T) {
	for args, want := range map[string]string{
		"cat --nosuch":      "cat: unknown flag: --nosuch\nusage: cat [FILE...]\n",
		"head -n x":         `head: invalid argument "x" for "-n, --lines" flag`,
		"grep":              "grep: missing operand",
		"grep (":            "grep: error parsing regexp: missing closing )",
		"dd of":             `dd: operand "of" is not KEY=VALUE`,
		"dd bs=0":           "dd: bs: 0 is not between 1 and",
		"dd bs=9x":          `dd: bs: "9x" is no size`,
		"dd count=-1":       `dd: count: "-1" is no size`,
		"dd bs=9999999999t": `is no size`,
		"dd nosuch=1":       `dd: unknown operand "nosuch=1"`,
	} {
		got := runOn(t, Env{}, "", strings.Fields(args)...)
		if got.status != StatusUsage || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: status %d, it said %q, want 2 and %q", args, got.status, got.stderr, want)
		}
	}
	if got := runOn(t, Env{}, "", "nosuch"); got.status != StatusNotFound {
		t.Errorf("an applet that does not exist: status %d", got.status)
	}
}

// TestList holds every applet to what the list and the help show of it.
func TestList(t *testing.T) {
	for _, a := range List() {
		if a.Summary == "" || strings.HasSuffix(a.Summary, ".") || a.flags == nil {
			t.Errorf("%s: the summary is %q", a.Name, a.Summary)
		}
		got := runOn(t, Env{}, "", a.Name, "--help")
		if got.status != 0 || !strings.HasPrefix(got.stdout, "usage: "+a.Name) {
			t.Errorf("%s --help: status %d, output %q", a.Name, got.status, got.stdout)
		}
	}
}
