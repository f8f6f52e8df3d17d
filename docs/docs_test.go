package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/backends/kerneltest"
)

const root = ".."

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// documents is the Markdown files of the tree.
func documents(t *testing.T) []string {
	t.Helper()
	return files(t, ".md")
}

func files(t *testing.T, suffix string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(name, suffix):
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

var goBlock = regexp.MustCompile("(?s)```go\n(package main\n.*?)```")

func TestReadmeShowsTheExample(t *testing.T) {
	m := goBlock.FindStringSubmatch(read(t, "README.md"))
	if m == nil {
		t.Fatal("the README has no program")
	}
	example := read(t, "examples/hello/main.go")
	if _, code, found := strings.Cut(example, "\npackage main\n"); found { // without the doc comment
		example = "package main\n" + code
	}
	if m[1] != example {
		t.Errorf("the README's program is not examples/hello/main.go, which is:\n%s", example)
	}
}

var link = regexp.MustCompile(`\]\(([^)#: ]+)(#[^)]*)?\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, doc := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, doc), -1) {
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(doc), m[1])); err != nil {
				t.Errorf("%s: %v", doc, err)
			}
		}
	}
}

var testName = regexp.MustCompile("`((?:Test|Fuzz|Benchmark|Example)[A-Za-z0-9_]+)`")

func TestTestsThatDocumentsNameExist(t *testing.T) {
	var code strings.Builder
	for _, name := range files(t, "_test.go") {
		code.WriteString(read(t, name))
	}
	for _, doc := range documents(t) {
		for _, m := range testName.FindAllStringSubmatch(read(t, doc), -1) {
			if !strings.Contains(code.String(), "\nfunc "+m[1]+"(") {
				t.Errorf("%s names %s, which is nowhere", doc, m[1])
			}
		}
	}
}

var caseName = regexp.MustCompile(`\*([a-z][^*|]+)\*`)

func TestCasesThatDocumentsNameExist(t *testing.T) {
	known := map[string]bool{}
	for _, c := range kerneltest.Cases() {
		known[c.Name] = true
	}
	for _, m := range caseName.FindAllStringSubmatch(read(t, "docs/ljsyscall.md"), -1) {
		if !known[m[1]] {
			t.Errorf("docs/ljsyscall.md names the case %q, which is nowhere", m[1])
		}
	}
}

func TestReadmeHasTheConformanceTable(t *testing.T) {
	readme := read(t, "README.md")
	for _, c := range kerneltest.Cases() {
		if !strings.Contains(readme, "\n| "+c.Name+" | "+string(c.Needs)+" |") {
			t.Errorf("the README's table lacks %q: anykernel conform -k host,sentry,rump --markdown prints it", c.Name)
		}
	}
}
