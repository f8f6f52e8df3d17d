package sim

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A worker is a child process of a pool. Cases go to its file 3 and records
// come from its file 4, a line each: what it prints is its own.
type worker struct {
	cmd     *exec.Cmd
	cases   *os.File
	records *bufio.Reader
	output  *os.File
	errors  tail
}

const (
	// workerVariable is set in the environment of a worker.
	workerVariable = "ANYKERNEL_SIM_WORKER"
	// maxRecord bounds a line that a worker sends.
	maxRecord = 16 << 20
)

// IsWorker reports whether this process is a child of a Pool, and is to call
// Work.
func IsWorker() bool { return os.Getenv(workerVariable) != "" }

// Work is the child's part of a Pool: it runs cases until there are no more. A
// world has one turn at a time, so that one processor is enough, and goroutines
// of kernels that run beside it come in an order that differs less.
func Work(run func(Case) Result) error {
	runtime.GOMAXPROCS(1)
	in, out := os.NewFile(3, "cases"), os.NewFile(4, "records")
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxRecord)
	for lines.Scan() {
		c, err := ParseCase(lines.Text())
		if err != nil {
			return err
		}
		start := time.Now()
		line, err := json.Marshal(NewRecord(c, run(c), time.Since(start)))
		if err != nil {
			return err
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (p *Pool) start(ctx context.Context) (*worker, error) {
	casesIn, casesOut, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer casesIn.Close()
	recordsIn, recordsOut, err := os.Pipe()
	if err != nil {
		casesOut.Close()
		return nil, err
	}
	defer recordsOut.Close()
	w := &worker{cmd: p.Command(ctx), cases: casesOut, records: bufio.NewReader(recordsIn), output: recordsIn}
	w.cmd.ExtraFiles = []*os.File{casesIn, recordsOut}
	w.cmd.Env = append(w.cmd.Environ(), workerVariable+"=1")
	if w.cmd.Stderr == nil {
		w.cmd.Stderr = &w.errors
	} else {
		w.cmd.Stderr = io.MultiWriter(w.cmd.Stderr, &w.errors)
	}
	if err := w.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("a process for runs: %w", err), casesOut.Close(), recordsIn.Close())
	}
	return w, nil
}

// run runs a case in the child. After an error the child is of no use.
func (w *worker) run(c Case, timeout time.Duration) (Record, error) {
	var late atomic.Bool
	timer := time.AfterFunc(timeout, func() {
		late.Store(true)
		w.cmd.Process.Kill()
	})
	_, err := fmt.Fprintln(w.cases, c)
	var line []byte
	if err == nil {
		line, err = readLine(w.records)
	}
	timer.Stop()
	if err != nil {
		w.cases.Close()
		state := w.cmd.Wait()
		w.cmd = nil
		if late.Load() {
			return Record{}, fmt.Errorf("no end within %v", timeout)
		}
		return Record{}, fmt.Errorf("the process of the run ended: %v\n%s", state, w.errors.text())
	}
	var r Record
	if err := json.Unmarshal(line, &r); err != nil {
		return Record{}, fmt.Errorf("the process of the run sent no record: %w", err)
	}
	return r, nil
}

func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		piece, err := r.ReadSlice('\n')
		line = append(line, piece...)
		switch {
		case err == nil:
			return line, nil
		case err != bufio.ErrBufferFull:
			return nil, err
		case len(line) > maxRecord:
			return nil, fmt.Errorf("a record of more than %d bytes", maxRecord)
		}
	}
}

// close ends the child. A nil worker has none.
func (w *worker) close() {
	if w == nil {
		return
	}
	w.cases.Close()
	w.output.Close()
	if w.cmd != nil {
		w.cmd.Process.Kill()
		_ = w.cmd.Wait() // it was killed
	}
}

// A tail keeps the end of what is written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const maxTail = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b...)
	if over := len(t.b) - maxTail; over > 0 {
		t.b = bytes.Clone(t.b[over:])
	}
	return len(b), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.b))
}
