package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// A Terminal is where a person types.
type Terminal interface {
	// ReadLine shows prompt and reads a line, without its newline. The error
	// is [ErrInterrupt] where the line was given up, and io.EOF at the end.
	ReadLine(ctx context.Context, prompt string) (string, error)
	// Input is the terminal as programs read it, at its end when ctx is.
	Input(ctx context.Context) io.Reader
	// Interruptible is ctx, ended when the person interrupts what runs. stop
	// ends the waiting for that, and not the context: what was started in the
	// background goes on.
	Interruptible(ctx context.Context) (c context.Context, stop func())
}

// ErrInterrupt says that a person gave up a line, as with Ctrl-C.
var ErrInterrupt = errors.New("interrupted")

// Interact runs what a person types until the shell exits or the terminal is
// at its end, and returns the exit status of the last program. The error says
// why the kernel has ended.
func (s *Shell) Interact(ctx context.Context, t Terminal) (int, error) {
	stdin := s.env.Stdin
	s.input = func(ctx context.Context, r io.Reader) io.Reader {
		if r == stdin {
			return t.Input(ctx)
		}
		return r
	}
	defer func() { s.input = nil }()
	ctx, cancel := context.WithCancel(ctx) // ends what runs in the background
	defer cancel()
	status := 0
	for ctx.Err() == nil {
		program, err := s.readProgram(ctx, t)
		switch {
		case err == io.EOF:
			return status, nil
		case errors.Is(err, ErrInterrupt):
			status = 130
		case err != nil:
			fmt.Fprintln(s.env.Stderr, err)
			status = 2
		default:
			if status, err = s.runTyped(ctx, t, program); err != nil || s.runner.Exited() {
				return status, err
			}
		}
	}
	return status, nil
}

// readProgram reads lines until they are a whole program.
func (s *Shell) readProgram(ctx context.Context, t Terminal) (*syntax.File, error) {
	prompt := s.prompt()
	for text := ""; ; prompt = "> " {
		line, err := t.ReadLine(ctx, prompt)
		if err != nil {
			return nil, err
		}
		text += line + "\n"
		program, err := s.parse(text, "")
		if err != nil && syntax.IsIncomplete(err) {
			continue
		}
		if strings.TrimSpace(text) != "" {
			s.past = append(s.past, strings.TrimSuffix(text, "\n"))
		}
		return program, err
	}
}

func (s *Shell) prompt() string {
	return fmt.Sprintf("%s:%s$ ", s.kernel().Name(), s.runner.Dir)
}

// runTyped runs statement after statement, until one exits the shell or the
// person interrupts.
func (s *Shell) runTyped(ctx context.Context, t Terminal, program *syntax.File) (status int, err error) {
	ctx, stop := t.Interruptible(ctx)
	defer stop()
	for _, stmt := range program.Stmts {
		status, err = s.run(ctx, stmt)
		var fatal interp.ExitStatus
		if err != nil && !errors.As(err, &fatal) && s.kernel().Err() == nil {
			fmt.Fprintln(s.env.Stderr, err)
			err = nil
		}
		if err != nil || ctx.Err() != nil || s.runner.Exited() {
			break
		}
	}
	if ctx.Err() != nil {
		fmt.Fprintln(s.env.Stderr) // behind the ^C that the terminal shows
	}
	return status, err
}
