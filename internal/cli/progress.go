package cli

import (
	"fmt"
	"io"
	"sync"
	"time"
	"unicode/utf8"
)

// A progress shows what goes on: on a terminal in one line that changes, else
// as one line for each step.
type progress struct {
	w    io.Writer
	live bool

	mu    sync.Mutex
	shown int // runes in the line that stands there
	last  time.Time
	step  string
}

// redraw bounds how often the line changes.
const redraw = 50 * time.Millisecond

func (e *env) progress() *progress { return &progress{w: e.stderr, live: isTerminal(e.stderr)} }

// Begin starts a step.
func (p *progress) Begin(step string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.step = step
	if p.live {
		p.draw(step)
	} else {
		fmt.Fprintln(p.w, step)
	}
}

// At says how far the step is.
func (p *progress) At(done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.live || total <= 0 || time.Since(p.last) < redraw {
		return
	}
	p.draw(fmt.Sprintf("%s %d%%", p.step, 100*done/total))
}

// end takes the line away.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live {
		p.draw("")
		io.WriteString(p.w, "\r")
	}
}

// draw replaces the line. mu is held.
func (p *progress) draw(line string) {
	n := utf8.RuneCountInString(line)
	fmt.Fprintf(p.w, "\r%s%*s", line, max(0, p.shown-n), "")
	p.shown, p.last = n, time.Now()
}
