package sys

import (
	"strings"
	"sync"

	"github.com/anykernel/anykernel/backends"
)

// A scratch is memory for the small things that calls pass by pointer: paths,
// structures, addresses. It lives on the heap, as memory for kernels must,
// and comes from a pool, so that calls need not allocate. What it gave is
// valid until free.
type scratch struct {
	used int
	buf  [scratchSize]byte
}

// scratchSize holds two paths of ordinary length and the largest structure.
const scratchSize = 2048

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

func newScratch() *scratch {
	s := scratchPool.Get().(*scratch)
	s.used = 0
	return s
}

func (s *scratch) free() { scratchPool.Put(s) }

// bytes is n bytes of unspecified content, aligned to 8.
func (s *scratch) bytes(n int) []byte {
	start := (s.used + 7) &^ 7
	if start+n > len(s.buf) {
		return make([]byte, n)
	}
	s.used = start + n
	return s.buf[start : start+n : start+n]
}

// zeroed is n bytes of zero.
func (s *scratch) zeroed(n int) []byte {
	b := s.bytes(n)
	clear(b)
	return b
}

// str is text with a NUL behind it, as an argument that the kernel reads. How
// long a path may be is the kernel's to say; a NUL inside is refused here,
// because the kernel would see another path than the caller wrote.
func (s *scratch) str(text string) (backends.Arg, error) {
	if err := checkString(text); err != nil {
		return backends.Arg{}, err
	}
	b := s.bytes(len(text) + 1)
	copy(b, text)
	b[len(text)] = 0
	return backends.Mem(b, backends.In), nil
}

func checkString(text string) error {
	if strings.IndexByte(text, 0) >= 0 {
		return errNUL
	}
	if len(text) > maxString {
		return errTooLong
	}
	return nil
}

// maxString is far beyond what any kernel takes for a path; it bounds what is
// copied only for the kernel to refuse it.
const maxString = 1 << 20
