package record

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// ErrDamaged is the error of a recording that was cut or altered, or is none.
var ErrDamaged = errors.New("a damaged recording")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrDamaged, fmt.Errorf(format, args...))
}

// A Reader reads a recording, a chunk at a time.
type Reader struct {
	// Header is the recording's.
	Header Header

	r       *bufio.Reader
	d       decoder
	chunks  uint32
	entries uint64
	err     error
}

// NewReader reads the beginning of a recording.
func NewReader(r io.Reader) (*Reader, error) {
	x := &Reader{r: bufio.NewReader(r), d: decoder{times: map[string]time.Duration{}}}
	begin := make([]byte, len(magic))
	if _, err := io.ReadFull(x.r, begin); err != nil || !bytes.Equal(begin[:5], []byte(magic[:5])) {
		return nil, damaged("it does not begin as one")
	}
	if string(begin) != magic {
		return nil, damaged("version %d; this program reads version %d", begin[5], magic[5])
	}
	kind, payload, err := x.chunk()
	if err != nil {
		return nil, err
	}
	if kind != chunkHeader {
		return nil, damaged("it has no header")
	}
	if err := json.Unmarshal(payload, &x.Header); err != nil {
		return nil, damaged("its header: %w", err)
	}
	return x, nil
}

// Next is the next entry; io.EOF is the whole recording's end.
func (r *Reader) Next() (*Entry, error) {
	if r.err != nil {
		return nil, r.err
	}
	for len(r.d.b) == 0 {
		if r.err = r.fill(); r.err != nil {
			return nil, r.err
		}
	}
	x, err := r.d.entry()
	if err != nil {
		r.err = damaged("entry %d: %w", r.entries+1, err)
		return nil, r.err
	}
	r.entries++
	return x, nil
}

// fill reads the next chunk of entries.
func (r *Reader) fill() error {
	kind, payload, err := r.chunk()
	switch {
	case err != nil:
		return err
	case kind == chunkEntries:
		r.d.b = payload
		return nil
	case kind != chunkEnd:
		return damaged("a chunk of type %d", kind)
	}
	n, size := binary.Uvarint(payload)
	if size != len(payload) || n != r.entries {
		return damaged("it has %d entries, and says that it has %d", r.entries, n)
	}
	if _, err := r.r.ReadByte(); err != io.EOF {
		return damaged("there is something behind its end")
	}
	return io.EOF
}

func (r *Reader) chunk() (kind byte, payload []byte, err error) {
	var head [10]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return 0, nil, damaged("it was cut after %d entries: %w", r.entries, err)
	}
	kind, compressed := head[0], head[1]
	length, sum := binary.LittleEndian.Uint32(head[2:]), binary.LittleEndian.Uint32(head[6:])
	if length > MaxEntry+MaxChunk || compressed > 1 {
		return 0, nil, damaged("chunk %d makes no sense", r.chunks)
	}
	// A damaged length must not take memory that is not there to be read.
	var b bytes.Buffer
	if n, err := io.CopyN(&b, r.r, int64(length)); err != nil {
		return 0, nil, damaged("it was cut after %d entries, %d bytes of a chunk of %d: %w", r.entries, n, length, err)
	}
	if checksum(r.chunks, kind, compressed, b.Bytes()) != sum {
		return 0, nil, damaged("chunk %d was altered", r.chunks)
	}
	r.chunks++
	if compressed == 0 {
		return kind, b.Bytes(), nil
	}
	payload, err = io.ReadAll(io.LimitReader(flate.NewReader(&b), MaxEntry+MaxChunk+1))
	if err != nil || len(payload) > MaxEntry+MaxChunk {
		return 0, nil, damaged("chunk %d: %v", r.chunks-1, err)
	}
	return kind, payload, nil
}
