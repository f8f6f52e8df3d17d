package sys

import (
	"fmt"
	"slices"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

var (
	opPselect = newOp("pselect6", "pselect")
	opSelect  = newOp("select")
)

// fdSetSize is how many descriptors an fd_set holds.
const fdSetSize = 1024

// Selected is sets of files for [Process.Select].
type Selected struct {
	Read   []*File // ready to be read
	Write  []*File // ready to be written
	Except []*File // with an exceptional condition, such as urgent data
}

// Select waits until one of the files is ready, or until timeout has passed,
// and returns those that are; see pselect(2). A negative timeout is none, and
// 0 does not wait. The numbers of the files must be below 1024: [Process.Poll]
// takes any.
func (p *Process) Select(files Selected, timeout time.Duration) (Selected, error) {
	ready, err := p.selectFiles(files, timeout, nil)
	return ready, p.wrap("select", "", err)
}

// SelectMask is [Process.Select] with the signals of mask blocked meanwhile
// instead of those that are. A signal that comes ends it with EINTR, where the
// process lives on.
func (p *Process) SelectMask(files Selected, timeout time.Duration, mask SigSet) (Selected, error) {
	ready, err := p.selectFiles(files, timeout, &mask)
	return ready, p.wrap("pselect", "", err)
}

func (p *Process) selectFiles(files Selected, timeout time.Duration, mask *SigSet) (ready Selected, err error) {
	m := newScratch()
	defer m.free()
	args, sets := [6]backends.Arg{}, [3][]byte{}
	lists := [3][]*File{files.Read, files.Write, files.Except}
	all := slices.Concat(lists[:]...)
	highest := -1
	for i, f := range all {
		if err := p.acquireSelected(f); err != nil {
			releaseAll(all[:i])
			return ready, err
		}
		highest = max(highest, f.num)
	}
	defer releaseAll(all)
	for i, list := range lists {
		if list == nil {
			continue
		}
		sets[i] = m.zeroed(fdSetSize / 8)
		for _, f := range list {
			p.setBit(sets[i], f.num)
		}
		args[i+1] = backends.Mem(sets[i], backends.InOut)
	}
	args[0] = backends.Int(uintptr(highest + 1))
	if args[4], err = p.selectTimeout(m, timeout); err != nil {
		return ready, err
	}
	var refs []backends.Ref
	op := p.selectOp()
	if mask != nil {
		op = opPselect
		args[5], refs = p.selectMask(m, *mask)
	}
	if _, err = p.callRefs(op, refs, args[:]...); err != nil {
		return ready, err
	}
	for i, out := range []*[]*File{&ready.Read, &ready.Write, &ready.Except} {
		for _, f := range lists[i] {
			if p.hasBit(sets[i], f.num) {
				*out = append(*out, f)
			}
		}
	}
	return ready, nil
}

func (p *Process) acquireSelected(f *File) error {
	if f.num >= fdSetSize {
		return fmt.Errorf("%s has descriptor %d: select takes those below %d; use Poll", f.name, f.num, fdSetSize)
	}
	return p.acquireFile(f)
}

func releaseAll(files []*File) {
	for _, f := range files {
		f.release()
	}
}

// selectOp is the call: with a timespec where there is one.
func (p *Process) selectOp() op {
	if p.k.tab.has(opPselect) {
		return opPselect
	}
	return opSelect
}

func (p *Process) selectTimeout(m *scratch, timeout time.Duration) (backends.Arg, error) {
	l := &p.k.tab.socket.timeval
	if p.k.tab.has(opPselect) {
		l = &p.k.tab.socket.timespec
	}
	return l.timeout(m, p.k.tab.abi.Order, timeout)
}

// An fd_set is an array of words; which byte of a word a bit is in depends on
// the byte order.
func (p *Process) bit(fd int) (index int, mask byte) {
	index = fd / 8
	if p.k.tab.socket.bigEndian {
		index ^= p.k.tab.abi.PointerSize - 1
	}
	return index, 1 << (fd % 8)
}

func (p *Process) setBit(set []byte, fd int) {
	i, mask := p.bit(fd)
	set[i] |= mask
}

func (p *Process) hasBit(set []byte, fd int) bool {
	i, mask := p.bit(fd)
	return set[i]&mask != 0
}

// selectMask is the last argument of pselect: the set, or where the ABI wants
// to know its size, a structure that points to it.
func (p *Process) selectMask(m *scratch, mask SigSet) (backends.Arg, []backends.Ref) {
	set := backends.Mem(p.k.tab.sigset(m, mask), backends.In)
	if !p.k.tab.procs.sigset.sized {
		return set, nil
	}
	word := p.k.tab.abi.PointerSize
	holder := make([]byte, 2*word)
	size := abi.Field{Offset: word, Size: word}
	size.PutUint(holder, p.k.tab.abi.Order, uint64(p.k.tab.procs.sigset.size))
	return backends.Mem(holder, backends.In), []backends.Ref{{Holder: 5, Off: 0, Mem: set}}
}
