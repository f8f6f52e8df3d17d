package shell_test

import (
	"flag"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/anykernel/anykernel/applets"
	"github.com/anykernel/anykernel/backends"
	_ "github.com/anykernel/anykernel/backends/all"
	"github.com/anykernel/anykernel/backends/kerneltest"
	"github.com/anykernel/anykernel/shell"
	"github.com/anykernel/anykernel/sys"
)

// update writes what the scripts say on the embedded kernel into their files.
var update = flag.Bool("update", false, "write the output on sentry into testdata")

// TestGolden runs every script in testdata on every kernel that is ready, in
// a directory of its own. The output must be the same everywhere: each file
// holds a script "run", what it writes, "stdout", and, where that is not
// nothing, "stderr". Its comment may say "needs CAPABILITY...". Where it uses
// PORT1 and PORT2, they are free ports, and the output has their names instead.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts in testdata", err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
				kerneltest.Need(t, k, needs(string(a.Comment))...)
				golden(t, k, a)
				if *update && k.Name() == "sentry" {
					if err := os.WriteFile(file, txtar.Format(a), 0o666); err != nil {
						t.Fatal(err)
					}
				}
			})
		})
	}
}

// needs is the capabilities that a comment names.
func needs(comment string) (caps []backends.Capability) {
	for line := range strings.Lines(comment) {
		if words := strings.Fields(line); len(words) > 0 && words[0] == "needs" {
			for _, w := range words[1:] {
				caps = append(caps, backends.Capability(w))
			}
		}
	}
	return caps
}

func golden(t *testing.T, k *sys.Kernel, a *txtar.Archive) {
	var stdout, stderr strings.Builder
	environ := []string{"HOME=/root", "PATH=/bin"}
	named := func(text string) string { return text }
	if run := section(a, "run"); strings.Contains(run, "$PORT") {
		ports := freePorts(t, k)
		environ = append(environ, "PORT1="+ports[0], "PORT2="+ports[1])
		named = strings.NewReplacer(":"+ports[0], ":PORT1", ":"+ports[1], ":PORT2").Replace
	}
	sh, err := shell.New(&applets.Env{
		Process: k.Init(), Stdout: &stdout, Stderr: &stderr, Dir: tempDir(t, k),
		Environ: environ,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sh.Run(t.Context(), "run", strings.NewReader(section(a, "run"))); err != nil {
		t.Fatal(err)
	}
	if *update {
		a.Files = []txtar.File{
			{Name: "run", Data: []byte(section(a, "run"))},
			{Name: "stdout", Data: []byte(named(stdout.String()))},
			{Name: "stderr", Data: []byte(named(stderr.String()))},
		}
		return
	}
	if d := cmp.Diff(section(a, "stdout"), named(stdout.String())); d != "" {
		t.Errorf("standard output, - want, + got:\n%s", d)
	}
	if d := cmp.Diff(section(a, "stderr"), named(stderr.String())); d != "" {
		t.Errorf("standard error, - want, + got:\n%s", d)
	}
}

// freePorts is two ports that nobody uses now.
func freePorts(t *testing.T, k *sys.Kernel) (ports [2]string) {
	for i := range ports {
		l, err := k.Init().Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // only then, lest both be the same
		_, ports[i], _ = net.SplitHostPort(l.Addr().String())
	}
	return ports
}

func section(a *txtar.Archive, name string) string {
	i := slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == name })
	if i < 0 {
		return ""
	}
	return string(a.Files[i].Data)
}

// tempDir is a directory of k that goes with the test.
func tempDir(t *testing.T, k *sys.Kernel) string {
	dir, err := k.Init().MkdirTemp("/tmp", "shell-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Init().RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
