package kerneltest

import (
	"bytes"
	"sync"
	"testing"
)

// A logWriter writes a kernel's console to a test's log, line by line.
type logWriter struct {
	mu   sync.Mutex
	t    testing.TB
	line []byte
	done bool // the test has ended: its log may not be written any more
}

// maxLine bounds what is kept of a line that does not end.
const maxLine = 4096

func newLogWriter(t testing.TB) *logWriter {
	w := &logWriter{t: t}
	t.Cleanup(w.end)
	return w
}

func (w *logWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.line = append(w.line, b...)
	for {
		line, rest, found := bytes.Cut(w.line, []byte("\n"))
		if !found && len(w.line) < maxLine {
			return len(b), nil
		}
		w.log(line)
		w.line = rest
	}
}

func (w *logWriter) log(line []byte) {
	if !w.done {
		w.t.Logf("console: %s", bytes.TrimRight(line, "\r"))
	}
}

func (w *logWriter) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.line) > 0 {
		w.log(w.line)
	}
	w.done = true
}
