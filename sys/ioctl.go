package sys

import (
	"fmt"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

var opIoctl = newOp("ioctl")

// An ioctlTable is the requests that this package makes; 0 where the ABI has
// none.
type ioctlTable struct {
	readable, getWinsize, setWinsize uint64
	rows, columns, width, height     abi.Field
	winsize                          int // size
}

func newIoctlTable(a *abi.ABI) ioctlTable {
	l := layoutOf(a, "winsize")
	t := ioctlTable{
		winsize: l.Size,
		rows:    l.field("ws_row"), columns: l.field("ws_col"),
		width: l.field("ws_xpixel"), height: l.field("ws_ypixel"),
	}
	for _, r := range []struct {
		to    *uint64
		names []string
	}{
		{&t.readable, []string{"FIONREAD", "TIOCINQ"}},
		{&t.getWinsize, []string{"TIOCGWINSZ"}},
		{&t.setWinsize, []string{"TIOCSWINSZ"}},
	} {
		for _, name := range r.names {
			if v, ok := constant(a, name); ok {
				*r.to = uint64(v)
				break
			}
		}
	}
	return t
}

// Ioctl makes a request of ioctl(2) that the kernel's ABI has under that
// number, and returns the call's result.
func (f *File) Ioctl(request uint64, arg backends.Arg) (uintptr, error) {
	return f.call("ioctl", opIoctl, backends.Int(uintptr(request)), arg)
}

func (f *File) ioctl(name string, request uint64, b []byte, d backends.Dir) error {
	if request == 0 {
		return f.fail(name, fmt.Errorf("this ABI has no such request: %w", ErrNotSupported))
	}
	_, err := f.call(name, opIoctl, backends.Int(uintptr(request)), backends.Mem(b, d))
	return err
}

// Readable is how many bytes could be read now; FIONREAD of ioctl(2).
func (f *File) Readable() (int, error) {
	s := newScratch()
	defer s.free()
	t := &f.p.k.tab.files
	b := s.zeroed(4)
	if err := f.ioctl("FIONREAD", t.ioctl.readable, b, backends.InOut); err != nil {
		return 0, err
	}
	return int(int32(t.order.Uint32(b))), nil
}

// A Winsize is the size of a terminal.
type Winsize struct {
	Rows, Columns uint16
	Width, Height uint16 // in pixels; 0 where unknown
}

// String is the size as "columns×rows".
func (w Winsize) String() string { return fmt.Sprintf("%d×%d", w.Columns, w.Rows) }

// Winsize is the size of the terminal f; TIOCGWINSZ of ioctl(2).
func (f *File) Winsize() (Winsize, error) {
	s := newScratch()
	defer s.free()
	t, o := &f.p.k.tab.files.ioctl, f.p.k.tab.files.order
	b := s.zeroed(t.winsize)
	if err := f.ioctl("TIOCGWINSZ", t.getWinsize, b, backends.Out); err != nil {
		return Winsize{}, err
	}
	return Winsize{
		Rows: uint16(t.rows.Uint(b, o)), Columns: uint16(t.columns.Uint(b, o)),
		Width: uint16(t.width.Uint(b, o)), Height: uint16(t.height.Uint(b, o)),
	}, nil
}

// SetWinsize sets the size of the terminal f; TIOCSWINSZ of ioctl(2).
func (f *File) SetWinsize(w Winsize) error {
	s := newScratch()
	defer s.free()
	t, o := &f.p.k.tab.files.ioctl, f.p.k.tab.files.order
	b := s.zeroed(t.winsize)
	t.rows.PutUint(b, o, uint64(w.Rows))
	t.columns.PutUint(b, o, uint64(w.Columns))
	t.width.PutUint(b, o, uint64(w.Width))
	t.height.PutUint(b, o, uint64(w.Height))
	return f.ioctl("TIOCSWINSZ", t.setWinsize, b, backends.In)
}
