package applets

import (
	"bufio"
	"io"

	"github.com/anykernel/anykernel/sys"
)

// copyBuffer is how much is copied by one read and one write, in bytes.
const copyBuffer = 256 << 10

// copy copies r to w until the end of r or of the job.
func (j *job) copy(w io.Writer, r io.Reader) error {
	_, err := io.CopyBuffer(onlyWriter{w}, j.bound(r), make([]byte, copyBuffer))
	return err
}

// onlyWriter hides the other methods of a writer, so that copies are made
// with the buffer that copy has.
type onlyWriter struct{ io.Writer }

// bound is r, at its end when the job is.
func (j *job) bound(r io.Reader) io.Reader { return boundReader{j, r} }

type boundReader struct {
	j *job
	r io.Reader
}

func (b boundReader) Read(p []byte) (int, error) {
	if err := b.j.ctx.Err(); err != nil {
		return 0, err
	}
	return b.r.Read(p)
}

// create opens an operand for writing, and makes it where there is none.
func (j *job) create(name string, more bool) (*sys.File, error) {
	flags := sys.O_WRONLY | sys.O_CREAT | sys.O_CLOEXEC
	if more {
		flags |= sys.O_APPEND
	} else {
		flags |= sys.O_TRUNC
	}
	f, err := j.p.Open(j.path(name), flags, 0o666)
	if err != nil {
		return nil, err
	}
	return f.With(j.ctx), nil
}

// maxLine bounds a line of text, in bytes.
const maxLine = 16 << 20

// eachLine calls f with every line of r, without its newline.
func eachLine(r io.Reader, f func(line string) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	for s.Scan() {
		if err := f(s.Text()); err != nil {
			return err
		}
	}
	return s.Err()
}

// readAll is what r has, up to max bytes.
func readAll(r io.Reader, max int64) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, max))
	return string(b), err
}
