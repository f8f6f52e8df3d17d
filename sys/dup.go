package sys

import "github.com/anykernel/anykernel/backends"

var (
	opDup3  = newOp("dup3", "__dup3100")
	opPipe2 = newOp("pipe2")
)

// DupTo makes the number num another descriptor of the same open file, closing
// what num was before; see dup3(2). flags is 0 or O_CLOEXEC. The result is
// like that of [Process.FD]: it is for the standard descriptors and for
// numbers that nothing else in this program has. A File that held num before
// must not be used any more.
func (f *File) DupTo(num int, flags OpenFlags) (*File, error) {
	native, err := f.p.k.tab.open.native(uint64(flags))
	if err != nil {
		return nil, f.fail("dup", err)
	}
	r, err := f.call("dup", opDup3, backends.Int(uintptr(num)), backends.Int(uintptr(native)))
	if err != nil {
		return nil, err
	}
	p := Process{processState: f.p}
	return p.FD(int(r)), nil
}

// sibling is a File that owns the number num and has f's name.
func (f *File) sibling(num int) *File {
	p := Process{processState: f.p}
	return p.newFile(num, f.name)
}

// Pipe makes a pipe: what is written to w is read from r; see pipe2(2). flags
// are those of O_CLOEXEC, O_NONBLOCK and O_DIRECT that the kernel has for
// pipes.
func (p *Process) Pipe(flags OpenFlags) (r, w *File, err error) {
	native, err := p.k.tab.open.native(uint64(flags))
	if err != nil {
		return nil, nil, p.wrap("pipe", "", err)
	}
	s := newScratch()
	defer s.free()
	b := s.zeroed(8)
	if _, err := p.call(opPipe2, backends.Mem(b, backends.Out), backends.Int(uintptr(native))); err != nil {
		return nil, nil, p.wrap("pipe", "", err)
	}
	o := p.k.tab.files.order
	return p.newFile(int(int32(o.Uint32(b))), "pipe"), p.newFile(int(int32(o.Uint32(b[4:]))), "pipe"), nil
}
