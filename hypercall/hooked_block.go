package hypercall

import (
	"errors"
	"io"
	"io/fs"
	"time"
)

type hookedBlock struct {
	h *Hooks
	Block
}

func (b hookedBlock) Stat(path string) (FileInfo, error) {
	ev := Event{Name: EventStat, Args: Fields{{"device", path}}}
	b.h.Emit(&ev, func() {
		info, err := b.Block.Stat(ev.Args.Text("device"))
		ev.Result.Set("size", info.Size)
		ev.Result.Set("mode", int64(info.Mode))
		ev.Err = err
	})
	return FileInfo{Size: ev.Result.Int("size"), Mode: fs.FileMode(ev.Result.Int("mode"))}, ev.Err
}

func (b hookedBlock) Open(path string, mode OpenMode) (File, error) {
	var file File = UnimplementedFile{} // where a hook answers alone
	ev := Event{Name: EventOpen, Args: Fields{{"device", path}, {"mode", int64(mode)}}}
	b.h.Emit(&ev, func() {
		f, err := b.Block.Open(ev.Args.Text("device"), OpenMode(ev.Args.Int("mode")))
		if ev.Err = err; err == nil {
			file = f
		}
	})
	if ev.Err != nil {
		file.Close()
		return nil, ev.Err
	}
	return &hookedFile{b.h, path, file}, nil
}

type hookedFile struct {
	h    *Hooks
	path string
	file File
}

// Unwrap is the file below; see [Descriptor].
func (f *hookedFile) Unwrap() File { return f.file }

func (f *hookedFile) event(op string, off int64, length int) Event {
	return Event{Name: EventBio, Args: Fields{{"device", f.path}, {"op", op}, {"offset", off}, {"length", int64(length)}}}
}

func (f *hookedFile) ReadAt(p []byte, off int64) (n int, err error) {
	n, delay, err := f.ReadLate(p, off)
	f.h.wait(delay)
	return n, err
}

func (f *hookedFile) WriteAt(p []byte, off int64) (n int, err error) {
	n, delay, err := f.WriteLate(p, off)
	f.h.wait(delay)
	return n, err
}

func (f *hookedFile) Sync() error {
	delay, err := f.SyncLate()
	f.h.wait(delay)
	return err
}

// A LateFile is a File whose transfers take time, for a kernel that can go on
// meanwhile. What ReadAt, WriteAt and Sync do after a delay these do at once, and
// return the delay.
type LateFile interface {
	File
	ReadLate(p []byte, off int64) (n int, delay time.Duration, err error)
	WriteLate(p []byte, off int64) (n int, delay time.Duration, err error)
	SyncLate() (delay time.Duration, err error)
}

var _ LateFile = (*hookedFile)(nil)

// ReadLate implements [LateFile].
func (f *hookedFile) ReadLate(p []byte, off int64) (n int, delay time.Duration, err error) {
	ev := f.event("read", off, len(p))
	n, err = f.read(&ev, p, func(q []byte) (int, error) { return f.file.ReadAt(q, ev.Args.Int("offset")) })
	return n, ev.Delay, err
}

// WriteLate implements [LateFile].
func (f *hookedFile) WriteLate(p []byte, off int64) (n int, delay time.Duration, err error) {
	ev := f.event("write", off, len(p))
	n, err = f.write(&ev, p, func(q []byte) (int, error) { return f.file.WriteAt(q, ev.Args.Int("offset")) })
	return n, ev.Delay, err
}

// SyncLate implements [LateFile].
func (f *hookedFile) SyncLate() (delay time.Duration, err error) {
	ev := f.event("sync", 0, 0)
	f.h.emit(&ev, func() { ev.Err = f.file.Sync() })
	return ev.Delay, ev.Err
}

// atPosition is the offset of transfers at the file's own position.
const atPosition = -1

var errNoPosition = errors.New("the file has no position of its own")

// Read reads at the file's own position, of a file that has one.
func (f *hookedFile) Read(p []byte) (int, error) {
	r, ok := f.file.(io.Reader)
	if !ok {
		return 0, errNoPosition
	}
	ev := f.event("read", atPosition, len(p))
	n, err := f.read(&ev, p, r.Read)
	f.h.wait(ev.Delay)
	return n, err
}

// Write writes at the file's own position, of a file that has one.
func (f *hookedFile) Write(p []byte) (int, error) {
	w, ok := f.file.(io.Writer)
	if !ok {
		return 0, errNoPosition
	}
	ev := f.event("write", atPosition, len(p))
	n, err := f.write(&ev, p, w.Write)
	f.h.wait(ev.Delay)
	return n, err
}

func (f *hookedFile) read(ev *Event, p []byte, do func([]byte) (int, error)) (int, error) {
	f.h.emit(ev, func() {
		q := p[:clamp(ev.Args.Int("length"), len(p))]
		n, err := do(q)
		ev.Result.Set("data", q[:n])
		ev.Err = err
	})
	data, answered := ev.Result.Get("data").([]byte)
	if !answered && ev.Err == nil {
		clear(p)
		return len(p), nil
	}
	n := copy(p, data)
	if n < len(p) && ev.Err == nil {
		return n, io.EOF
	}
	return n, ev.Err
}

func (f *hookedFile) write(ev *Event, p []byte, do func([]byte) (int, error)) (int, error) {
	ev.Args.Set("data", p)
	f.h.emit(ev, func() {
		n, err := do(ev.Args.Bytes("data"))
		ev.Result.Set("n", int64(n))
		ev.Err = err
	})
	n, answered := ev.Result.Get("n").(int64)
	switch {
	case !answered && ev.Err == nil:
		return len(p), nil
	case ev.Err == nil && clamp(n, len(p)) < len(p):
		return clamp(n, len(p)), io.ErrShortWrite
	}
	return clamp(n, len(p)), ev.Err
}

func (f *hookedFile) Close() error {
	ev := Event{Name: EventClose, Args: Fields{{"device", f.path}}}
	f.h.Emit(&ev, func() { ev.Err = f.file.Close() })
	return ev.Err
}

// Descriptor is the host's descriptor of a file that has one.
func Descriptor(f File) (fd uintptr, ok bool) {
	for {
		if d, ok := f.(interface{ Fd() uintptr }); ok {
			return d.Fd(), true
		}
		w, ok := f.(interface{ Unwrap() File })
		if !ok {
			return 0, false
		}
		f = w.Unwrap()
	}
}
