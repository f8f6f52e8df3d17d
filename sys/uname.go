package sys

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys/abi"
)

var (
	opUname         = newOp("uname")
	opSysctl        = newOp("__sysctl", "sysctl")
	opSethostname   = newOp("sethostname")
	opSetdomainname = newOp("setdomainname")
)

// A Uname says what a kernel is; see uname(2).
type Uname struct {
	Sysname    string // such as "Linux"
	Nodename   string // the host name
	Release    string
	Version    string // of the build
	Machine    string // the hardware, such as "x86_64"
	Domainname string // of NIS
}

// String is like the output of uname -a.
func (u Uname) String() string {
	return strings.Join([]string{u.Sysname, u.Nodename, u.Release, u.Version, u.Machine}, " ")
}

func (u *Uname) fields() [6]*string {
	return [...]*string{&u.Sysname, &u.Nodename, &u.Release, &u.Version, &u.Machine, &u.Domainname}
}

type unameLayout struct {
	size   int // 0 where the kernel has sysctl for it
	fields [6]abi.Field
}

func newUnameLayout(a *abi.ABI) unameLayout {
	l := layoutOf(a, "utsname", "new_utsname")
	t := unameLayout{size: l.Size}
	for i, name := range [...]string{"sysname", "nodename", "release", "version", "machine", "domainname"} {
		t.fields[i] = l.field(name)
	}
	return t
}

// The numbers of sysctl(3) that uname(3) is made of, the same in every BSD and
// macOS: sys/sysctl.h of each.
const (
	ctlKern        = 1
	ctlHW          = 6
	kernOSType     = 1
	kernOSRelease  = 2
	kernVersion    = 4
	kernHostname   = 10
	kernDomainname = 22
	hwMachine      = 1
)

var unameNumbers = [6][2]int32{
	{ctlKern, kernOSType}, {ctlKern, kernHostname}, {ctlKern, kernOSRelease},
	{ctlKern, kernVersion}, {ctlHW, hwMachine}, {ctlKern, kernDomainname},
}

// Uname is what kernel p runs on, under the host name that p sees.
func (p *Process) Uname() (u Uname, err error) {
	if !p.k.tab.has(opUname) {
		return p.bsdUname()
	}
	l := &p.k.tab.procs.uname
	s := newScratch()
	defer s.free()
	b := s.zeroed(l.size)
	if _, err := p.call(opUname, backends.Mem(b, backends.Out)); err != nil {
		return u, p.wrap("uname", "", err)
	}
	for i, text := range u.fields() {
		*text = l.fields[i].Text(b)
	}
	return u, nil
}

func (p *Process) bsdUname() (u Uname, err error) {
	for i, text := range u.fields() {
		b, err := p.SysctlNumbers(unameNumbers[i][:]...)
		if err != nil && i != 5 { // not every one has a domain name
			return u, err
		}
		*text = strings.TrimSpace(strings.ReplaceAll(cString(b), "\n", " "))
	}
	return u, nil
}

// Hostname is the host name that p sees.
func (p *Process) Hostname() (string, error) {
	u, err := p.Uname()
	return u.Nodename, err
}

// SetHostname sets the host name of p's kernel, or of its UTS namespace.
func (p *Process) SetHostname(name string) error {
	return p.setName("sethostname", name, opSethostname, kernHostname)
}

// SetDomainname sets the domain name of NIS.
func (p *Process) SetDomainname(name string) error {
	return p.setName("setdomainname", name, opSetdomainname, kernDomainname)
}

func (p *Process) setName(name, value string, o op, number int32) error {
	if !p.k.tab.has(o) {
		return p.SetSysctlNumbers([]byte(value+"\x00"), ctlKern, number)
	}
	s := newScratch()
	defer s.free()
	str, err := s.str(value)
	if err == nil {
		_, err = p.call(o, str, intArg(len(value)))
	}
	return p.wrap(name, value, err)
}

// SysctlNumbers is the value of a variable of sysctl(3), by its numbers. BSDs
// and macOS.
func (p *Process) SysctlNumbers(mib ...int32) ([]byte, error) {
	for size := 256; ; size *= 4 {
		b := make([]byte, size)
		n, err := p.sysctl(mib, b, nil)
		// Some values, such as kern.msgbuf, are cut to the room that there is.
		if err == nil && (n < size || size > 1<<24) {
			return b[:min(n, size)], nil
		}
		if err == nil {
			continue
		}
		err = p.wrap("sysctl", fmt.Sprint(mib), err)
		if !errors.Is(err, ENOMEM) || size > 1<<24 {
			return nil, err
		}
	}
}

// SetSysctlNumbers sets a variable of sysctl(3).
func (p *Process) SetSysctlNumbers(value []byte, mib ...int32) error {
	_, err := p.sysctl(mib, nil, value)
	return p.wrap("sysctl", fmt.Sprint(mib), err)
}

func (p *Process) sysctl(mib []int32, old, value []byte) (int, error) {
	s := newScratch()
	defer s.free()
	a := p.k.tab.abi
	name := s.bytes(4 * len(mib))
	for i, n := range mib {
		a.Order.PutUint32(name[4*i:], uint32(n))
	}
	size := s.zeroed(a.PointerSize)
	word := abi.Field{Size: a.PointerSize}
	word.PutUint(size, a.Order, uint64(len(old)))
	_, err := p.call(opSysctl, backends.Mem(name, backends.In), intArg(len(mib)), backends.Mem(old, backends.Out),
		backends.Mem(size, backends.InOut), backends.Mem(value, backends.In), intArg(len(value)))
	return int(word.Uint(size, a.Order)), err
}

// cString is the text in b up to its first NUL.
func cString(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

func isErange(err error) bool { return errors.Is(err, ERANGE) }
