package remote

import (
	"bytes"
	"errors"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/rump/sysproxy"
)

// A server that takes no memory with a call asks for it. What it asks by are
// addresses that mean nothing in this process: the number of the call's area
// in the upper bits, and in the lower ones where in the area. So whatever a
// server asks for, it gets memory of calls that are under way, in the
// direction that they say.
const (
	areaShift = 32
	maxArea   = 1<<15 - 1 // user addresses have 47 bits
)

// address is where the piece at off is, to the server.
func (r *request) address(off int) uint64 { return uint64(r.area)<<areaShift | uint64(off) }

// openArea gives the memory of a call an area.
func (p *Process) openArea(r *request) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.areas) == maxArea {
		return errors.New("too many calls at once")
	}
	for {
		if p.area++; p.area > maxArea {
			p.area = 1
		}
		if p.areas[p.area] == nil {
			break
		}
	}
	r.area = p.area
	p.areas[r.area] = r
	return nil
}

func (p *Process) closeArea(r *request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.areas, r.area)
}

// syscall sends a call whose memory the server asks for.
func (r *request) syscall(p *Process, c *backends.Call) error {
	if err := c.LinkTo(scalar(c)); err != nil {
		return err
	}
	r.describe(c)
	r.want = sysproxy.TypeSyscall
	if _, _, _, err := r.wire.Sizes(maxMemory); err != nil {
		return err
	}
	if err := p.openArea(r); err != nil {
		return err
	}
	defer p.closeArea(r)
	args := r.wire.Args
	refs := make([]uintptr, len(r.call.Refs))
	for piece := range r.wire.Pieces {
		if piece.Index < sysproxy.MaxArgs {
			args[piece.Index] = r.address(piece.Off)
		} else {
			refs[piece.Index-sysproxy.MaxArgs] = uintptr(r.address(piece.Off))
		}
	}
	if err := r.call.LinkTo(func(ref int) uintptr { return refs[ref] }); err != nil {
		return err
	}
	n, err := p.register(r)
	if err != nil {
		return err
	}
	var b [8 * sysproxy.MaxArgs]byte
	sysproxy.PutArgs(b[:], &args)
	err = p.conn.Send(sysproxy.Header{Request: n, Class: sysproxy.Request, Type: sysproxy.TypeSyscall, Arg: uint32(c.Num)}, b[:])
	if c.Cancel == nil || err != nil {
		return p.await(r, err)
	}
	p.leaveReading(r)
	select {
	case <-r.done:
		return r.err
	case <-c.Cancel:
		return r.giveUp(p, n)
	}
}

// giveUp ends the waiting for an answer that nobody can hasten.
func (r *request) giveUp(p *Process, n uint64) error {
	if p.take(n) == nil { // it is being answered
		<-r.done
		return r.err
	}
	r.mu.Lock()
	r.given = true
	r.mu.Unlock()
	return backends.ErrInterrupted
}

// serve answers what a server asks.
func (p *Process) serve(h sysproxy.Header) error {
	if p.k.banner.Calls {
		return sysproxy.ErrMalformed // it was given everything
	}
	switch h.Type {
	case sysproxy.TypeCopyin, sysproxy.TypeCopyinstr:
		return p.copyin(h)
	case sysproxy.TypeCopyout, sysproxy.TypeCopyoutstr:
		return p.copyout()
	case sysproxy.TypeAnonmmap:
		var none [8]byte // no memory here is the kernel's to keep
		return p.conn.Send(sysproxy.Header{Request: h.Request, Class: sysproxy.Response, Type: sysproxy.TypeAnonmmap}, none[:])
	case sysproxy.TypeRaise:
		return nil // nobody catches signals
	}
	return sysproxy.ErrMalformed
}

// askedFor reads what the server wants to copy.
func (p *Process) askedFor() (sysproxy.Copy, error) {
	b, err := p.conn.Peek(sysproxy.CopySize)
	if err != nil {
		return sysproxy.Copy{}, err
	}
	c, err := sysproxy.ParseCopy(b)
	p.conn.Skip(sysproxy.CopySize)
	return c, err
}

// find is the memory from an address up to the end of its piece, if it goes in
// that direction, locked until unlock is called. It is nil for a bad address.
func (p *Process) find(addr uint64, d sysproxy.Dir) (mem []byte, unlock func()) {
	p.mu.Lock()
	var r *request
	if area := addr >> areaShift; area <= maxArea {
		r = p.areas[uint16(area)]
	}
	if r == nil {
		p.mu.Unlock()
		return nil, func() {}
	}
	// It is locked before it can be given up and be used again.
	r.mu.Lock()
	p.mu.Unlock()
	off := int(addr & (1<<areaShift - 1))
	for piece := range r.wire.Pieces {
		if !r.given && piece.Dir&d != 0 && off >= piece.Off && off < piece.End {
			return r.mem(piece)[off-piece.Off:], r.mu.Unlock
		}
	}
	return nil, r.mu.Unlock
}

// nobody notes an address that is no memory of a call's. A rump_server takes no
// errors: it gets zeros instead, and the call that has the address among its
// arguments ends with EFAULT here.
func (p *Process) nobody(addr uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.waiting {
		for i, a := range r.wire.Args {
			if r.wire.Dirs[i] == 0 && a != 0 && a <= addr && addr-a < 1<<16 {
				r.fault.Store(true)
			}
		}
	}
}

func (p *Process) copyin(h sysproxy.Header) error {
	c, err := p.askedFor()
	if err != nil {
		return err
	}
	mem, unlock := p.find(c.Address, sysproxy.In)
	defer unlock()
	text := h.Type == sysproxy.TypeCopyinstr
	if mem == nil || !text && uint64(len(mem)) < c.Length {
		if c.Length > maxMemory {
			return sysproxy.ErrNoMemory
		}
		p.nobody(c.Address)
		mem = make([]byte, c.Length)
	}
	mem = mem[:min(uint64(len(mem)), c.Length)]
	if text {
		if end := bytes.IndexByte(mem, 0); end >= 0 {
			mem = mem[:end+1]
		}
	}
	return p.conn.Send(sysproxy.Header{Request: h.Request, Class: sysproxy.Response, Type: sysproxy.TypeCopyin}, mem)
}

// copyout takes memory, to which nothing is said.
func (p *Process) copyout() error {
	c, err := p.askedFor()
	if err != nil {
		return err
	}
	if c.Length != uint64(p.conn.Left()) {
		return sysproxy.ErrMalformed
	}
	mem, unlock := p.find(c.Address, sysproxy.Out)
	defer unlock()
	if uint64(len(mem)) < c.Length {
		p.nobody(c.Address)
		return nil
	}
	return p.conn.ReadFull(mem[:c.Length])
}
