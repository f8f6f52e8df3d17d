package sys

import (
	"fmt"
	"io"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

var (
	opReadv   = newOp("readv")
	opWritev  = newOp("writev")
	opPreadv  = paddedOp(3, "preadv")
	opPwritev = paddedOp(3, "pwritev")
)

// MaxVectors is the number of buffers that a vectored call takes: IOV_MAX of
// every Unix.
const MaxVectors = 1024

// Readv reads into the buffers in order, in one readv(2). At the end it
// returns 0 and io.EOF. It takes up to [MaxVectors] buffers.
func (f *File) Readv(bufs [][]byte) (int, error) {
	return f.vector("readv", opReadv, bufs, backends.Out, backends.Arg{})
}

// Writev writes the buffers in order, in one writev(2): it may write less
// than all. It takes up to [MaxVectors] buffers.
func (f *File) Writev(bufs [][]byte) (int, error) {
	return f.vector("writev", opWritev, bufs, backends.In, backends.Arg{})
}

// Preadv is [File.Readv] from offset off, by preadv(2).
func (f *File) Preadv(bufs [][]byte, off int64) (int, error) {
	return f.vector("preadv", opPreadv, bufs, backends.Out, backends.Int(uintptr(off)))
}

// Pwritev is [File.Writev] at offset off, by pwritev(2).
func (f *File) Pwritev(bufs [][]byte, off int64) (int, error) {
	return f.vector("pwritev", opPwritev, bufs, backends.In, backends.Int(uintptr(off)))
}

func (f *File) vector(name string, o op, bufs [][]byte, d backends.Dir, off backends.Arg) (int, error) {
	if len(bufs) > MaxVectors {
		return 0, f.fail(name, fmt.Errorf("%d buffers, of %d that a call takes", len(bufs), MaxVectors))
	}
	if err := f.acquire(); err != nil {
		return 0, f.fail(name, err)
	}
	defer f.release()
	s := newScratch()
	defer s.free()
	p := f.view()
	iov, refs, size := s.vectors(p.k.tab.abi, bufs, d, 1)
	dir := writing
	if d == backends.Out {
		dir = reading
	}
	var n uintptr
	var err error
	for a := f.attempt(dir); a.next(&err); {
		n, err = p.callRefs(o, refs, backends.Int(uintptr(f.num)), backends.Mem(iov, backends.In), backends.Int(uintptr(len(bufs))), off)
	}
	if err != nil {
		return 0, f.fail(name, err)
	}
	if n == 0 && size > 0 && d == backends.Out {
		return 0, io.EOF
	}
	return int(n), nil
}

// vectors is bufs as an array of struct iovec for argument number arg, the
// references that it holds, and the bytes in all of them. An iovec is a
// pointer and a length in every Unix.
func (s *scratch) vectors(a *abi.ABI, bufs [][]byte, d backends.Dir, arg int) (iov []byte, refs []backends.Ref, size int) {
	word := a.PointerSize
	length := abi.Field{Offset: word, Size: word}
	iov = s.zeroed(2 * word * len(bufs))
	refs = make([]backends.Ref, 0, len(bufs))
	for i, b := range bufs {
		at := 2 * word * i
		length.PutUint(iov[at:], a.Order, uint64(len(b)))
		size += len(b)
		if len(b) > 0 {
			refs = append(refs, backends.Ref{Holder: arg, Off: at, Mem: backends.Mem(b, d)})
		}
	}
	return iov, refs, size
}
