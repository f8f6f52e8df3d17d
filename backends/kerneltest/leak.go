package kerneltest

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// leaks looks for what kernels leave behind, between the moment when the
// first of a set of overlapping kernels opens and the one when the last has
// closed.
var leaks leakCheck

type leakCheck struct {
	mu     sync.Mutex
	open   int
	before goleak.Option
	files  map[string]string
}

// settle bounds how long what a closed kernel still has to put away may take.
const settle = 5 * time.Second

func (c *leakCheck) enter() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open++; c.open > 1 {
		return
	}
	c.before = goleak.IgnoreCurrent()
	c.files = openFiles()
}

func (c *leakCheck) leave(t testing.TB) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open--; c.open > 0 {
		return
	}
	if err := c.find(); err != nil {
		t.Errorf("the kernel left something behind: %v", err)
	}
}

// find waits until nothing is left, or says what is.
func (c *leakCheck) find() error {
	deadline := time.Now().Add(settle)
	for wait := time.Millisecond; ; wait *= 2 {
		err := c.leftFiles()
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			return err
		}
		time.Sleep(wait)
	}
	// Tests of the standard testing package run one beside the other only
	// with t.Parallel; such a test's goroutine waits in tRunner or in Run.
	return goleak.Find(c.before,
		goleak.IgnoreAnyFunction("testing.tRunner"),
		goleak.IgnoreAnyFunction("testing.(*T).Run"),
		goleak.IgnoreAnyFunction("testing.(*F).Fuzz.func1"),
		goleak.IgnoreAnyFunction("internal/poll.runtime_pollWait"))
}

func (c *leakCheck) leftFiles() error {
	var left []string
	for fd, target := range openFiles() {
		if before, had := c.files[fd]; (!had || before != target) && !runtimeOwned(target) {
			left = append(left, fmt.Sprintf("descriptor %s (%s)", fd, target))
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("%s", strings.Join(left, ", "))
	}
	return nil
}

// runtimeOwned reports whether a descriptor is one that Go's runtime opens
// when it is first needed and keeps.
func runtimeOwned(target string) bool {
	return target == "anon_inode:[eventpoll]" || target == "anon_inode:[eventfd]"
}

// openFiles is this process's descriptors with what they refer to; nil where
// the system does not tell.
func openFiles() map[string]string {
	const dir = "/proc/self/fd/"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	files := map[string]string{}
	for _, e := range entries {
		if target, err := os.Readlink(dir + e.Name()); err == nil {
			files[e.Name()] = target
		}
	}
	return files
}
