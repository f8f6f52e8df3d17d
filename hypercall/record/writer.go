package record

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// Bounds of a recording.
const (
	MaxChunk = 64 << 10 // bytes of a chunk's payload, but for one long entry
	MaxEntry = 20 << 20 // bytes of an entry
	MaxData  = 2 << 10  // bytes of a field that are kept where nobody has to be answered with them
	maxTexts = 1 << 16  // that are known by their number
)

const magic = "akrec\x01\r\n"

const (
	chunkHeader = 1 + iota
	chunkEntries
	chunkEnd
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A Header says what was recorded, and how it is run again.
type Header struct {
	// Program is what made the recording, and its arguments.
	Program []string `json:"program"`
	// Case is the case of package sim.
	Case string `json:"case"`
	// Made is when that was.
	Made time.Time `json:"made"`
}

// A Writer writes a recording. It keeps a chunk in memory.
type Writer struct {
	w       io.Writer
	e       encoder
	chunks  uint32
	entries uint64
	err     error
	small   bytes.Buffer
	deflate *flate.Writer
}

// NewWriter begins a recording.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	x := &Writer{w: w, e: encoder{texts: map[string]uint64{}, times: map[string]time.Duration{}}}
	x.deflate, _ = flate.NewWriter(&x.small, flate.BestSpeed) // fails for another level alone
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(w, magic); err != nil {
		return nil, err
	}
	x.chunk(chunkHeader, text)
	return x, x.err
}

// Write writes an entry. After an error, all writes fail with it.
func (w *Writer) Write(x *Entry) error {
	if w.err != nil {
		return w.err
	}
	w.e.entry(x)
	w.entries++
	if len(w.e.b) > MaxEntry {
		w.err = fmt.Errorf("a recording has entries of at most %d bytes, and this one has %d", MaxEntry, len(w.e.b))
	}
	if len(w.e.b) >= MaxChunk {
		w.flush()
	}
	return w.err
}

func (w *Writer) flush() {
	if len(w.e.b) > 0 {
		w.chunk(chunkEntries, w.e.b)
		w.e.b = w.e.b[:0]
	}
}

// Close ends the recording. It does not close what is below.
func (w *Writer) Close() error {
	w.flush()
	w.chunk(chunkEnd, binary.AppendUvarint(nil, w.entries))
	return w.err
}

func (w *Writer) chunk(kind byte, payload []byte) {
	if w.err != nil {
		return
	}
	compressed := byte(0)
	w.small.Reset()
	w.deflate.Reset(&w.small)
	_, err := w.deflate.Write(payload)
	if err == nil && w.deflate.Close() == nil && w.small.Len() < len(payload) {
		compressed, payload = 1, w.small.Bytes()
	}
	head := []byte{kind, compressed}
	head = binary.LittleEndian.AppendUint32(head, uint32(len(payload)))
	head = binary.LittleEndian.AppendUint32(head, checksum(w.chunks, kind, compressed, payload))
	w.chunks++
	if _, err := w.w.Write(append(head, payload...)); err != nil {
		w.err = fmt.Errorf("writing a recording: %w", err)
	}
}

func checksum(number uint32, kind, compressed byte, payload []byte) uint32 {
	head := append(binary.LittleEndian.AppendUint32(nil, number), kind, compressed)
	return crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, payload)
}
