package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/internal/cli"
	"github.com/anykernel/anykernel/rump/kit"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"anykernel": func() { os.Exit(cli.Main()) },
	})
}

// TestScripts runs the scripts in testdata.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true, Condition: condition,
		Cmds:  map[string]func(*testscript.TestScript, bool, []string){"certificates": certificates, "waitfor": waitFor},
		Setup: func(e *testscript.Env) error { e.Setenv("ANYKERNEL_KIT", kit.DefaultDir()); return nil },
	})
}

// condition is what scripts may ask for: "kit" is a kit of NetBSD's libraries,
// and a program that can use it.
func condition(name string) (bool, error) {
	if name != "kit" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	b, err := backends.Lookup("rump")
	return err == nil && b.Ready() == nil, err
}
