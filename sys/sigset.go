package sys

import (
	"strings"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

var (
	opSigprocmask  = newOp("rt_sigprocmask", "__sigprocmask14", "sigprocmask")
	opSigpending   = newOp("rt_sigpending", "__sigpending14", "sigpending")
	opSigsuspend   = newOp("rt_sigsuspend", "__sigsuspend14", "sigsuspend")
	opSigtimedwait = newOp("rt_sigtimedwait", "____sigtimedwait50", "sigtimedwait")
)

// A SigSet is a set of signals. The zero SigSet is empty.
type SigSet [2]uint64

// SigSetOf is the set of the signals.
func SigSetOf(signals ...Signal) SigSet {
	var set SigSet
	for _, s := range signals {
		set.Add(s)
	}
	return set
}

// ParseSigSet reads the names of signals separated by commas, bars or spaces,
// in any case. A name behind "~" removes the signal; "all" is all of them. The
// error is a [*NameError].
func ParseSigSet(text string) (SigSet, error) {
	var set SigSet
	for _, word := range strings.FieldsFunc(text, isFlagSeparator) {
		name, remove := strings.CutPrefix(word, "~")
		if strings.EqualFold(name, "all") {
			set = SigSet{}
			for s := Signal(1); s <= SIGINFO && !remove; s++ {
				set.Add(s)
			}
			continue
		}
		s, err := ParseSignal(name)
		if err != nil {
			return SigSet{}, err
		}
		if remove {
			set.Del(s)
		} else {
			set.Add(s)
		}
	}
	return set, nil
}

// Add puts a signal into the set. Numbers that are no signal's are ignored.
func (set *SigSet) Add(s Signal) {
	if s > 0 && s <= SIGINFO {
		set[s>>6] |= 1 << (s & 63)
	}
}

// Del takes a signal out.
func (set *SigSet) Del(s Signal) {
	if s <= SIGINFO {
		set[s>>6] &^= 1 << (s & 63)
	}
}

// Has reports whether a signal is in the set.
func (set SigSet) Has(s Signal) bool { return s <= SIGINFO && set[s>>6]>>(s&63)&1 != 0 }

// Signals is the signals of the set in order.
func (set SigSet) Signals() []Signal {
	var l []Signal
	for s := Signal(1); s <= SIGINFO; s++ {
		if set.Has(s) {
			l = append(l, s)
		}
	}
	return l
}

// String is the names of the signals, joined by "|"; "0" for the empty set.
func (set SigSet) String() string {
	var names []string
	for _, s := range set.Signals() {
		names = append(names, s.String())
	}
	if len(names) == 0 {
		return "0"
	}
	return strings.Join(names, "|")
}

// A MaskChange is what [Process.Sigprocmask] does with a set.
type MaskChange uint32

const (
	SIG_BLOCK   MaskChange = 0 // blocks the signals of the set, too
	SIG_UNBLOCK MaskChange = 1 // blocks those no longer
	SIG_SETMASK MaskChange = 2 // blocks those and no others
)

var maskNames = enumTable{
	name:   "changes of a signal mask",
	prefix: "SIG_",
	values: inOrder("BLOCK", "UNBLOCK", "SETMASK"),
}

// ParseMaskChange reads a name such as "block". The error is a [*NameError].
func ParseMaskChange(text string) (MaskChange, error) {
	v, err := maskNames.parse(text)
	return MaskChange(v), err
}

// String is the name.
func (c MaskChange) String() string { return maskNames.format(uint32(c)) }

// A sigsetLayout is how an ABI has a set of signals: bits from signal 1 on, in
// words.
type sigsetLayout struct {
	size, word int  // in bytes
	sized      bool // calls take the size as their last argument
}

func newSigsetLayout(a *abi.ABI) sigsetLayout {
	switch a.OS {
	case "linux":
		l := sigsetLayout{size: 8, word: a.PointerSize, sized: true}
		if strings.HasPrefix(a.Arch, "mips") {
			l.size = 16
		}
		return l
	case "netbsd", "freebsd":
		return sigsetLayout{size: 16, word: 4}
	}
	return sigsetLayout{size: 4, word: 4}
}

// bit is where a signal of the ABI stands: the byte of its word, and the bit
// in it.
func (l *sigsetLayout) bit(native int) (at int, mask uint64, ok bool) {
	n := native - 1
	bits := 8 * l.word
	at = n / bits * l.word
	return at, 1 << (n % bits), native > 0 && at < l.size
}

func (l *sigsetLayout) field() abi.Field { return abi.Field{Size: l.word} }

// sigset is set as the ABI has it. Signals that the ABI lacks cannot be in it.
func (t *table) sigset(s *scratch, set SigSet) []byte {
	l := &t.procs.sigset
	b := s.zeroed(l.size)
	for _, sig := range set.Signals() {
		native, err := t.procs.signals.native(uint32(sig))
		at, mask, ok := l.bit(int(native))
		if err == nil && ok {
			f := l.field()
			f.PutUint(b[at:], t.abi.Order, f.Uint(b[at:], t.abi.Order)|mask)
		}
	}
	return b
}

func (t *table) portableSigset(b []byte) SigSet {
	l := &t.procs.sigset
	var set SigSet
	for native := 1; ; native++ {
		at, mask, ok := l.bit(native)
		if !ok {
			return set
		}
		if f := l.field(); f.Uint(b[at:], t.abi.Order)&mask != 0 {
			set.Add(t.portableSignal(native))
		}
	}
}

// sigargs is the arguments of a call on signals, with the size of sets behind
// them where the ABI wants it.
func (t *table) sigargs(args ...backends.Arg) []backends.Arg {
	if t.procs.sigset.sized {
		args = append(args, intArg(t.procs.sigset.size))
	}
	return args
}

// Sigprocmask changes the signals that are blocked, and returns those that
// were; see sigprocmask(2).
func (p *Process) Sigprocmask(c MaskChange, set SigSet) (old SigSet, err error) {
	how, err := p.k.tab.procs.masks.native(uint32(c))
	if err != nil {
		return SigSet{}, p.wrap("sigprocmask", "", err)
	}
	s := newScratch()
	defer s.free()
	was := s.zeroed(p.k.tab.procs.sigset.size)
	_, err = p.call(opSigprocmask, p.k.tab.sigargs(intArg(int(how)),
		backends.Mem(p.k.tab.sigset(s, set), backends.In), backends.Mem(was, backends.Out))...)
	if err != nil {
		return SigSet{}, p.wrap("sigprocmask", "", err)
	}
	return p.k.tab.portableSigset(was), nil
}

// Sigpending is the signals that were sent and are blocked; see sigpending(2).
func (p *Process) Sigpending() (SigSet, error) {
	s := newScratch()
	defer s.free()
	b := s.zeroed(p.k.tab.procs.sigset.size)
	if _, err := p.call(opSigpending, p.k.tab.sigargs(backends.Mem(b, backends.Out))...); err != nil {
		return SigSet{}, p.wrap("sigpending", "", err)
	}
	return p.k.tab.portableSigset(b), nil
}

// Sigsuspend waits, with the signals of mask blocked instead of those that
// are, until one that is not blocked comes. It always returns an error, EINTR;
// see sigsuspend(2). A signal that nobody handles ends the process.
func (p *Process) Sigsuspend(mask SigSet) error {
	s := newScratch()
	defer s.free()
	_, err := p.call(opSigsuspend, p.k.tab.sigargs(backends.Mem(p.k.tab.sigset(s, mask), backends.In))...)
	return p.wrap("sigsuspend", "", err)
}

// Sigtimedwait waits for one of the signals of set, which p has blocked, and
// takes it; see sigtimedwait(2). It is EAGAIN where none came in time; a
// negative time has no end.
func (p *Process) Sigtimedwait(set SigSet, timeout time.Duration) (Siginfo, error) {
	s := newScratch()
	defer s.free()
	limit := backends.Arg{}
	if timeout >= 0 {
		limit = backends.Mem(p.k.tab.timespec(s, timeout), backends.In)
	}
	info := s.zeroed(p.k.tab.procs.siginfo.size)
	_, err := p.call(opSigtimedwait, p.k.tab.sigargs(backends.Mem(p.k.tab.sigset(s, set), backends.In),
		backends.Mem(info, backends.Out), limit)...)
	if err != nil {
		return Siginfo{}, p.wrap("sigtimedwait", set.String(), err)
	}
	return p.k.tab.decodeSiginfo(info), nil
}
