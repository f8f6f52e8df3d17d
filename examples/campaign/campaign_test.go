package campaign_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/backends/kerneltest"
	_ "github.com/anykernel/anykernel/backends/rump"
	"github.com/anykernel/anykernel/sim"
)

const scenario = "../sim/ledger.star"

// command builds the command into a folder, and is an environment that finds it.
func command(t *testing.T) []string {
	t.Helper()
	kerneltest.NeedKernel(t, "rump")
	dir := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "../../cmd/anykernel").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// records runs a program, and is the records that it writes, by seed.
func records(t *testing.T, cmd *exec.Cmd) []sim.Record {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output() // the status tells of failures
	var all []sim.Record
	for line := range bytes.Lines(out) {
		var r sim.Record
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		t.Fatalf("%v: %s", err, stderr.Bytes())
	}
	slices.SortFunc(all, func(a, b sim.Record) int { return int(a.Seed) - int(b.Seed) })
	return all
}

// same has records be those of seeds that are run in one piece.
func same(t *testing.T, environ []string, got []sim.Record, seeds string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "anykernel", "sim", "--seeds", seeds, scenario)
	cmd.Path, cmd.Err = lookPath(t, environ), nil
	cmd.Env = environ
	want := records(t, cmd)
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Seed != want[i].Seed || got[i].Trace != want[i].Trace || got[i].Failed != want[i].Failed {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
}

func lookPath(t *testing.T, environ []string) string {
	t.Helper()
	dir, _, _ := strings.Cut(strings.TrimPrefix(environ[len(environ)-1], "PATH="), string(os.PathListSeparator))
	return filepath.Join(dir, "anykernel")
}

// TestJob runs what two pods of the job run.
func TestJob(t *testing.T) {
	environ := command(t)
	text, err := os.ReadFile("job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "            - |\n")
	program, _, found := strings.Cut(after, "          resources:")
	if !found {
		t.Fatal("job.yaml has no program in front of resources")
	}
	program = strings.ReplaceAll(program, "/campaign/scenario.star", scenario)
	var got []sim.Record
	for _, index := range []string{"2", "3"} {
		cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", program)
		cmd.Env = append(environ, "JOB_COMPLETION_INDEX="+index, "SEEDS=15")
		got = append(got, records(t, cmd)...)
	}
	same(t, environ, got, "30..59")
}

// TestParallel runs a campaign by GNU parallel.
func TestParallel(t *testing.T) {
	if _, err := exec.LookPath("parallel"); err != nil {
		t.Skip("no GNU parallel (remedy: apt-get install parallel)")
	}
	environ := command(t)
	script, err := filepath.Abs("campaign.sh")
	if err != nil {
		t.Fatal(err)
	}
	file, err := filepath.Abs(scenario)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), script, file, "3", "10")
	cmd.Env, cmd.Dir = environ, t.TempDir() // for its log
	same(t, environ, records(t, cmd), "0..29")
}
