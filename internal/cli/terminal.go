package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"slices"

	"golang.org/x/term"

	"github.com/anykernel/anykernel/shell"
)

// A terminal edits lines on the terminal of this process. It is in raw mode
// only while a line is being edited.
type terminal struct {
	in   *input
	file *os.File
	keys *keys
	edit *term.Terminal
}

func newTerminal(in *input, file, out *os.File, complete func(line string, pos int) (string, int, bool)) *terminal {
	t := &terminal{in: in, file: file, keys: &keys{}}
	t.edit = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{t.keys, out}, "")
	t.edit.History = &history{}
	t.edit.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) {
		if key != '\t' {
			return "", 0, false
		}
		return complete(line, pos)
	}
	return t
}

// ReadLine implements [shell.Terminal].
func (t *terminal) ReadLine(ctx context.Context, prompt string) (string, error) {
	old, err := term.MakeRaw(int(t.file.Fd()))
	if err != nil {
		return "", err
	}
	defer term.Restore(int(t.file.Fd()), old)
	if width, height, err := term.GetSize(int(t.file.Fd())); err == nil && width > 0 {
		_ = t.edit.SetSize(width, height)
	}
	t.keys.r, t.keys.interrupted = t.in.with(ctx), false
	t.edit.SetPrompt(prompt)
	line, err := t.edit.ReadLine()
	if t.keys.interrupted {
		return "", shell.ErrInterrupt
	}
	return line, err
}

// Input implements [shell.Terminal].
func (t *terminal) Input(ctx context.Context) io.Reader { return t.in.with(ctx) }

// Interruptible implements [shell.Terminal].
func (t *terminal) Interruptible(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, os.Interrupt)
	go func() {
		select {
		case <-signals:
			cancel()
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
	}
}

// A history is the lines that the arrow keys recall: not empty ones, and none
// twice in a row.
type history struct{ lines []string }

// maxHistory bounds the lines that are kept.
const maxHistory = 1000

// Add implements [term.History].
func (h *history) Add(line string) {
	if line == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	if len(h.lines) == maxHistory {
		h.lines = slices.Delete(h.lines, 0, 1)
	}
	h.lines = append(h.lines, line)
}

// Len implements [term.History].
func (h *history) Len() int { return len(h.lines) }

// At implements [term.History]: 0 is the newest line.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }

// keys is what is typed. Ctrl-C, which would end the editor with the line
// still in it, becomes keys that empty the line and end it.
type keys struct {
	r           io.Reader
	rest        []byte
	interrupted bool
}

const (
	ctrlC     = 0x03
	emptyLine = "\x05\x15\r" // to the end, delete to the beginning, enter
)

func (k *keys) Read(b []byte) (int, error) {
	if len(k.rest) == 0 {
		var buf [256]byte
		n, err := k.r.Read(buf[:])
		if err != nil {
			return 0, err
		}
		k.rest = k.translate(buf[:n])
	}
	n := copy(b, k.rest)
	k.rest = k.rest[n:]
	return n, nil
}

func (k *keys) translate(typed []byte) []byte {
	var out []byte
	for _, c := range typed {
		if c == ctrlC {
			k.interrupted = true
			out = append(out, emptyLine...)
		} else {
			out = append(out, c)
		}
	}
	return out
}
