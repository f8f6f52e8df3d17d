package linux

import (
	"errors"
	"fmt"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

var errShmName = errors.New("the name of shared memory is a slash and a name without one")

// SpliceFlags are the flags of splice(2), tee(2) and vmsplice(2).
type SpliceFlags uint32

const (
	SPLICE_F_MOVE     SpliceFlags = 1
	SPLICE_F_NONBLOCK SpliceFlags = 2 // do not wait for the pipe
	SPLICE_F_MORE     SpliceFlags = 4 // more will follow
	SPLICE_F_GIFT     SpliceFlags = 8 // the memory is the kernel's from now on
)

var spliceFlags = sys.NewFlagNames("splice flags", "SPLICE_F_",
	name("MOVE", uint64(SPLICE_F_MOVE)), name("NONBLOCK", uint64(SPLICE_F_NONBLOCK)),
	name("MORE", uint64(SPLICE_F_MORE)), name("GIFT", uint64(SPLICE_F_GIFT)))

// ParseSpliceFlags reads flags by name, such as "move, more". The error is a
// [*sys.NameError].
func ParseSpliceFlags(text string) (SpliceFlags, error) {
	v, err := spliceFlags.Parse(text)
	return SpliceFlags(v), err
}

// String is the flags by name.
func (f SpliceFlags) String() string { return spliceFlags.Format(uint64(f)) }

// Splice moves up to n bytes from src to dst, of which one is a pipe; see
// splice(2). Offsets that are not nil are read from and advanced instead of
// the file's. It returns 0 at the end of src.
func Splice(dst *sys.File, dstOff *int64, src *sys.File, srcOff *int64, n int, flags SpliceFlags) (int, error) {
	return move(dst, src, "splice", func(from, to int, o *offsets) (uintptr, error) {
		return dst.Process().Call("splice", integer(from), o.arg(srcOff, 0), integer(to), o.arg(dstOff, 1),
			integer(n), integer(uint32(flags)))
	}, srcOff, dstOff)
}

// CopyFileRange copies up to n bytes from src to dst, two files; see
// copy_file_range(2). Offsets are as those of [Splice]. It returns 0 at the
// end of src.
func CopyFileRange(dst *sys.File, dstOff *int64, src *sys.File, srcOff *int64, n int) (int, error) {
	return move(dst, src, "copy_file_range", func(from, to int, o *offsets) (uintptr, error) {
		return dst.Process().Call("copy_file_range", integer(from), o.arg(srcOff, 0), integer(to), o.arg(dstOff, 1),
			integer(n), backends.Arg{})
	}, srcOff, dstOff)
}

// Sendfile copies up to n bytes of the file src to dst; see sendfile(2). An
// offset that is not nil is read from and advanced instead of the file's. It
// returns 0 at the end of src.
func Sendfile(dst, src *sys.File, srcOff *int64, n int) (int, error) {
	return move(dst, src, "sendfile", func(from, to int, o *offsets) (uintptr, error) {
		return dst.Process().Call("sendfile", integer(to), integer(from), o.arg(srcOff, 0), integer(n))
	}, srcOff, nil)
}

// Tee copies up to n bytes of the pipe src to the pipe dst and leaves them in
// src; see tee(2).
func Tee(dst, src *sys.File, n int, flags SpliceFlags) (int, error) {
	return move(dst, src, "tee", func(from, to int, _ *offsets) (uintptr, error) {
		return dst.Process().Call("tee", integer(from), integer(to), integer(n), integer(uint32(flags)))
	}, nil, nil)
}

// An offsets is the memory of the offsets that a call reads and advances.
type offsets struct {
	p *sys.Process
	b [2][]byte
}

// arg is an offset as an argument.
func (o *offsets) arg(v *int64, i int) backends.Arg {
	if v == nil {
		return backends.Arg{}
	}
	o.b[i] = make([]byte, 8)
	o.p.Kernel().ABI().Order.PutUint64(o.b[i], uint64(*v))
	return backends.Mem(o.b[i], backends.InOut)
}

// store gives an offset back to the caller.
func (o *offsets) store(v *int64, i int) {
	if v != nil && o.b[i] != nil {
		*v = int64(o.p.Kernel().ABI().Order.Uint64(o.b[i]))
	}
}

// move keeps both files open during a call that moves data, and advances the
// offsets.
func move(dst, src *sys.File, call string, do func(from, to int, o *offsets) (uintptr, error), srcOff, dstOff *int64) (int, error) {
	o := offsets{p: dst.Process()}
	var n uintptr
	err := with(src, dst, call, func(from int) error {
		return dst.Use(func(to int) (err error) {
			n, err = do(from, to, &o)
			return err
		})
	})
	if err != nil {
		return 0, err
	}
	o.store(srcOff, 0)
	o.store(dstOff, 1)
	return int(n), nil
}

// Vmsplice writes the buffers to the pipe f without copying them where the
// kernel can; see vmsplice(2). They may not change until the pipe was read.
func Vmsplice(f *sys.File, bufs [][]byte, flags SpliceFlags) (int, error) {
	if len(bufs) > sys.MaxVectors {
		return 0, f.Fail("vmsplice", fmt.Errorf("%d buffers, of %d that a call takes", len(bufs), sys.MaxVectors))
	}
	var n uintptr
	err := f.Use(func(fd int) (err error) {
		p := f.Process()
		num, ok := p.Kernel().ABI().Call("vmsplice")
		if !ok {
			return sys.ErrNotSupported
		}
		c := backends.Call{Num: num}
		iov, refs := p.Vectors(bufs, backends.In, 1)
		c.Args = [backends.MaxArgs]backends.Arg{integer(fd), iov, integer(len(bufs)), integer(uint32(flags))}
		c.Refs = refs
		n, _, err = p.Raw(c)
		return err
	})
	return int(n), f.Fail("vmsplice", err)
}
