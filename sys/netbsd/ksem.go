package netbsd

import (
	"io/fs"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
)

// A Semaphore is a semaphore in the kernel; see sem_open(3). Its calls are made
// by the process that opened it.
type Semaphore struct {
	p  *sys.Process
	id uintptr
}

// NewSemaphore makes a semaphore without a name.
func NewSemaphore(p *sys.Process, value uint32) (*Semaphore, error) {
	return semaphore(p, func(id backends.Arg) error {
		_, err := p.Call("_ksem_init", integer(value), id)
		return err
	})
}

// OpenSemaphore opens the semaphore of a name, such as "/name". With O_CREAT it
// is made where it is not there, with those rights and that value.
func OpenSemaphore(p *sys.Process, name string, flags sys.OpenFlags, perm fs.FileMode, value uint32) (*Semaphore, error) {
	native, err := flags.Native(p.Kernel().ABI())
	if err != nil {
		return nil, p.Fail("_ksem_open", name, err)
	}
	return semaphore(p, func(id backends.Arg) error {
		return pathCall(p, "_ksem_open", name, integer(int64(native)), integer(sys.ModeBits(perm)), integer(value), id)
	})
}

func semaphore(p *sys.Process, open func(id backends.Arg) error) (*Semaphore, error) {
	if err := want(p, "semaphore"); err != nil {
		return nil, err
	}
	a := p.Kernel().ABI()
	id := make([]byte, a.PointerSize)
	if err := open(backends.Mem(id, backends.InOut)); err != nil {
		return nil, err
	}
	return &Semaphore{p, uintptr(abi.Field{Size: len(id)}.Uint(id, a.Order))}, nil
}

func (s *Semaphore) call(name string, args ...backends.Arg) error {
	_, err := s.p.Call(name, append([]backends.Arg{backends.Int(s.id)}, args...)...)
	return err
}

// Post adds 1, and wakes one who waits.
func (s *Semaphore) Post() error { return s.call("_ksem_post") }

// Wait takes 1, for which it waits.
func (s *Semaphore) Wait() error { return s.call("_ksem_wait") }

// TryWait takes 1, or fails with EAGAIN.
func (s *Semaphore) TryWait() error { return s.call("_ksem_trywait") }

// Value is how often Wait would not have to wait.
func (s *Semaphore) Value() (int, error) {
	b := make([]byte, 4)
	err := s.call("_ksem_getvalue", backends.Mem(b, backends.Out))
	return int(int32(s.p.Kernel().ABI().Order.Uint32(b))), err
}

// Close ends what [NewSemaphore] made, or one's own use of what has a name.
func (s *Semaphore) Close() error {
	err := s.call("_ksem_destroy")
	if err != nil {
		err = s.call("_ksem_close")
	}
	return err
}

// UnlinkSemaphore takes away a name.
func UnlinkSemaphore(p *sys.Process, name string) error { return pathCall(p, "_ksem_unlink", name) }
