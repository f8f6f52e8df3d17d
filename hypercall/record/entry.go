package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"github.com/anykernel/anykernel/hypercall"
)

// An Entry is one line of a recording: an event that begins, with its arguments,
// or that ends, with its results, or both at once.
type Entry struct {
	Begins, Ends bool
	Kernel       string // "" where it is about none
	Name         string // such as hypercall.EventBio
	PID          int
	Time         time.Duration // since the run began, by its clock
	Args         hypercall.Fields
	Results      hypercall.Fields
	Err          error // of one that ends
}

// Digest stands for bytes that are not kept.
type Digest struct {
	Length int
	Sum    [8]byte // the first bytes of their SHA-256
}

func (d Digest) String() string { return fmt.Sprintf("%d bytes #%x", d.Length, d.Sum) }

func digest(b []byte) Digest {
	sum := sha256.Sum256(b)
	return Digest{len(b), [8]byte(sum[:8])}
}

// An Error is an error as a recording keeps it: a number of the host's, and a
// text.
type Error struct {
	Errno syscall.Errno // 0: none
	Text  string
}

func (e *Error) Error() string { return e.Text }

// Unwrap is the number.
func (e *Error) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

func errorOf(err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Text: err.Error()}
	if !errors.As(err, &e.Errno) && errors.Is(err, fs.ErrNotExist) {
		e.Errno = syscall.ENOENT
	}
	return e
}

// keep is a copy of fields in which long bytes are digests where they are not
// wanted.
func keep(fields hypercall.Fields, data bool) hypercall.Fields {
	out := make(hypercall.Fields, 0, len(fields))
	for _, f := range fields {
		if b, ok := f.Value.([]byte); ok {
			if len(b) > MaxData && !data {
				f.Value = digest(b)
			} else {
				f.Value = bytes.Clone(b)
			}
		}
		out = append(out, f)
	}
	return out
}

// The types of values.
const (
	typeFalse = iota
	typeTrue
	typeInt
	typeText
	typeBytes
	typeDigest
)

const (
	flagBegins = 1 << iota
	flagEnds
	flagError
)

// An encoder writes entries. Both it and a decoder learn texts in the order in
// which they appear.
type encoder struct {
	b     []byte
	texts map[string]uint64
	times map[string]time.Duration // of each kernel's entry before
}

func (e *encoder) uint(n uint64) { e.b = binary.AppendUvarint(e.b, n) }
func (e *encoder) int(n int64)   { e.b = binary.AppendVarint(e.b, n) }

func (e *encoder) raw(b []byte) {
	e.uint(uint64(len(b)))
	e.b = append(e.b, b...)
}

func (e *encoder) text(s string) {
	if n, ok := e.texts[s]; ok {
		e.uint(n)
		return
	}
	e.uint(0)
	e.raw([]byte(s))
	if len(e.texts) < maxTexts {
		e.texts[s] = uint64(len(e.texts) + 1)
	}
}

func (e *encoder) entry(x *Entry) {
	flags := uint64(0)
	if x.Begins {
		flags |= flagBegins
	}
	if x.Ends {
		flags |= flagEnds
	}
	if x.Err != nil {
		flags |= flagError
	}
	e.uint(flags)
	e.text(x.Kernel)
	e.text(x.Name)
	e.int(int64(x.PID))
	e.int(int64(x.Time - e.times[x.Kernel]))
	e.times[x.Kernel] = x.Time
	if x.Begins {
		e.fields(x.Args)
	}
	if x.Ends {
		e.fields(x.Results)
	}
	if x.Err != nil {
		err := errorOf(x.Err).(*Error)
		e.uint(uint64(err.Errno))
		e.raw([]byte(err.Text))
	}
}

func (e *encoder) fields(fields hypercall.Fields) {
	e.uint(uint64(len(fields)))
	for _, f := range fields {
		e.text(f.Name)
		e.value(f.Value)
	}
}

func (e *encoder) value(v any) {
	switch v := v.(type) {
	case bool:
		if v {
			e.uint(typeTrue)
		} else {
			e.uint(typeFalse)
		}
	case int64:
		e.uint(typeInt)
		e.int(v)
	case string:
		e.uint(typeText)
		e.raw([]byte(v))
	case []byte:
		e.uint(typeBytes)
		e.raw(v)
	case Digest:
		e.uint(typeDigest)
		e.uint(uint64(v.Length))
		e.b = append(e.b, v.Sum[:]...)
	}
}

// A decoder reads entries of one chunk after the other.
type decoder struct {
	b     []byte
	texts []string
	times map[string]time.Duration
}

var errEntry = errors.New("an entry makes no sense")

func (d *decoder) uint() (uint64, error) {
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		return 0, errEntry
	}
	d.b = d.b[size:]
	return n, nil
}

func (d *decoder) int() (int64, error) {
	n, size := binary.Varint(d.b)
	if size <= 0 {
		return 0, errEntry
	}
	d.b = d.b[size:]
	return n, nil
}

func (d *decoder) take(n uint64) ([]byte, error) {
	if n > uint64(len(d.b)) {
		return nil, errEntry
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b, nil
}

func (d *decoder) raw() ([]byte, error) {
	n, err := d.uint()
	if err != nil {
		return nil, err
	}
	return d.take(n)
}

func (d *decoder) text() (string, error) {
	n, err := d.uint()
	switch {
	case err != nil:
		return "", err
	case n > uint64(len(d.texts)):
		return "", errEntry
	case n > 0:
		return d.texts[n-1], nil
	}
	b, err := d.raw()
	if err != nil {
		return "", err
	}
	if len(d.texts) < maxTexts {
		d.texts = append(d.texts, string(b))
	}
	return string(b), nil
}

func (d *decoder) entry() (x *Entry, err error) {
	flags, err := d.uint()
	if err != nil || flags&^(flagBegins|flagEnds|flagError) != 0 || flags&(flagBegins|flagEnds) == 0 {
		return nil, errEntry
	}
	x = &Entry{Begins: flags&flagBegins != 0, Ends: flags&flagEnds != 0}
	var pid, passed int64
	x.Kernel, err = d.text()
	if err == nil {
		x.Name, err = d.text()
	}
	if err == nil {
		pid, err = d.int()
	}
	if err == nil {
		passed, err = d.int()
	}
	x.PID = int(pid)
	x.Time = d.times[x.Kernel] + time.Duration(passed)
	d.times[x.Kernel] = x.Time
	if err == nil && x.Begins {
		x.Args, err = d.fields()
	}
	if err == nil && x.Ends {
		x.Results, err = d.fields()
	}
	if err == nil && flags&flagError != 0 {
		x.Err, err = d.err()
	}
	return x, err
}

func (d *decoder) err() (error, error) {
	n, err := d.uint()
	if err != nil || n > 1<<12 {
		return nil, errEntry
	}
	text, err := d.raw()
	return &Error{syscall.Errno(n), string(text)}, err
}

func (d *decoder) fields() (hypercall.Fields, error) {
	n, err := d.uint()
	if err != nil || n > uint64(len(d.b)) { // each has a byte at least
		return nil, errEntry
	}
	fields := make(hypercall.Fields, 0, min(n, 16))
	for range n {
		name, err := d.text()
		if err != nil {
			return nil, err
		}
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		fields = append(fields, hypercall.Field{Name: name, Value: v})
	}
	return fields, nil
}

func (d *decoder) value() (any, error) {
	kind, err := d.uint()
	if err != nil {
		return nil, err
	}
	switch kind {
	case typeFalse, typeTrue:
		return kind == typeTrue, nil
	case typeInt:
		return d.int()
	case typeText:
		b, err := d.raw()
		return string(b), err
	case typeBytes:
		b, err := d.raw()
		return bytes.Clone(b), err
	case typeDigest:
		n, err := d.uint()
		if err != nil || n > 1<<40 {
			return nil, errEntry
		}
		sum, err := d.take(8)
		if err != nil {
			return nil, err
		}
		return Digest{int(n), [8]byte(sum)}, nil
	}
	return nil, errEntry
}
