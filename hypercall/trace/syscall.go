package trace

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/sys/abi"
)

// maxArgs bounds the arguments of a call.
const maxArgs = 8

// call is a system call as strace has it.
func (t *Tracer) call(ev *hypercall.Event) string {
	name := ev.Args.Text("call")
	kinds, known := signatures[plain(name)]
	var list []string
	for i := range max(len(kinds), count(ev.Args)) {
		kind := "any"
		if i < len(kinds) {
			kind = kinds[i]
		}
		list = append(list, t.arg(ev, i, kind))
	}
	if !known {
		for len(list) > 0 && list[len(list)-1] == "0" {
			list = list[:len(list)-1]
		}
	}
	line := name + "(" + strings.Join(list, ", ") + ")"
	if ev.Err != nil {
		return line + " = " + t.errorText(ev.Err)
	}
	return line + " = " + number(ev.Result.Int("r0"))
}

// count is how many arguments an event has.
func count(args hypercall.Fields) (n int) {
	for i := range maxArgs {
		if args.Get(argName(i)) != nil {
			n = i + 1
		}
	}
	return n
}

func argName(i int) string { return "arg" + strconv.Itoa(i) }

// number is decimal where that is short, and else an address or the like.
func number(n int64) string {
	if n >= -1<<20 && n < 1<<32 {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprintf("%#x", uint64(n))
}

// arg is an argument in words. One that is not there is 0.
func (t *Tracer) arg(ev *hypercall.Event, i int, kind string) string {
	v := ev.Args.Get(argName(i))
	if b, isMemory := v.([]byte); isMemory {
		return t.memory(ev, b, kind)
	}
	n, _ := v.(int64)
	a := t.abi.Load()
	switch {
	case kind == "dirfd" && a != nil:
		if cwd, ok := a.Const("AT_FDCWD"); ok && int64(int32(n)) == cwd {
			return "AT_FDCWD"
		}
	case kind == "fd" || kind == "int":
		return strconv.FormatInt(int64(int32(n)), 10)
	case kind == "oct":
		return fmt.Sprintf("%#o", n)
	case kind == "hex":
		return t.request(a, n)
	case kind == "SIG" && a != nil:
		if s, ok := a.Signal(int(n)); ok {
			return s.Name
		}
	case strings.HasSuffix(kind, "_|"):
		return flags(a, strings.TrimSuffix(kind, "|"), n)
	case strings.HasSuffix(kind, "_"):
		return constant(a, kind, n)
	case n == 0 && isPointer(kind):
		return "NULL"
	}
	return number(n)
}

func isPointer(kind string) bool {
	switch kind {
	case "in", "out", "path", "text", "addr", "ptr", "fds":
		return true
	}
	return strings.HasPrefix(kind, "*")
}

// request is a number of ioctl(2) by its name, or any other in hexadecimal.
func (t *Tracer) request(a *abi.ABI, n int64) string {
	if a != nil {
		if r := a.IoctlNumber(uint32(n)); r.Name != "" {
			return r.Name
		}
	}
	return fmt.Sprintf("%#x", uint64(n))
}

// constant is a number by the name of a constant, if one has it: the shortest,
// where several have it.
func constant(a *abi.ABI, prefix string, n int64) string {
	best := ""
	if a != nil {
		for _, c := range a.Table(prefix) {
			if int64(c.Value) == n && (best == "" || len(c.Name) < len(best)) {
				best = c.Name
			}
		}
	}
	if best == "" {
		return number(n)
	}
	return best
}

// lowBits are parts of flags that are numbers.
var lowBits = map[string]int64{"O_": 3, "SOCK_": 15}

// accessModes are the low bits of O_, which are 0 for others, too.
var accessModes = []string{"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"}

// flags is a number by the names of the bits that are set.
func flags(a *abi.ABI, prefix string, n int64) string {
	if a == nil {
		return fmt.Sprintf("%#x", uint64(n))
	}
	var names []string
	if low := lowBits[prefix]; low != 0 {
		name := constant(a, prefix, n&low)
		if prefix == "O_" {
			name = accessModes[n&low]
		}
		names = append(names, name)
		n &^= low
	}
	for _, c := range a.Table(prefix) {
		v := int64(c.Value)
		if v != 0 && v&(v-1) == 0 && n&v != 0 && v > lowBits[prefix] {
			names = append(names, c.Name)
			n &^= v
		}
	}
	if n != 0 || len(names) == 0 {
		names = append(names, fmt.Sprintf("%#x", uint64(n)))
	}
	return strings.Join(names, "|")
}

// memory is memory in words.
func (t *Tracer) memory(ev *hypercall.Event, b []byte, kind string) string {
	a := t.abi.Load()
	switch {
	case kind == "path" || kind == "text":
		text, _, _ := strings.Cut(string(b), "\x00")
		return quote([]byte(text), max(t.opts.Text, 256))
	case kind == "out":
		if ev.Err != nil {
			return "…"
		}
		return quote(b[:min(max(ev.Result.Int("r0"), 0), int64(len(b)))], t.opts.Text)
	case kind == "addr" && a != nil:
		return sockaddr(a, b)
	case kind == "fds" && a != nil && len(b) >= 8 && ev.Err == nil:
		return fmt.Sprintf("[%d, %d]", int32(a.Order.Uint32(b)), int32(a.Order.Uint32(b[4:])))
	case strings.HasPrefix(kind, "*") && a != nil:
		if l := a.Layout(kind[1:]); l != nil && len(b) >= l.Size {
			if ev.Err != nil && kind != "*timespec" {
				return "…"
			}
			return structure(a, l, b)
		}
	case kind == "ptr":
		return fmt.Sprintf("[%d bytes]", len(b))
	}
	return quote(b, t.opts.Text)
}

// maxFields bounds the fields of a structure that are printed.
const maxFields = 12

// structure is a structure by its layout: fields that are not 0, in their order.
func structure(a *abi.ABI, l *abi.Layout, b []byte) string {
	var list []string
	for _, f := range l.Fields {
		if !f.In(b) || f.Size > 8 && !strings.Contains(l.Name, "utsname") || strings.Contains(f.Name, "pad") || strings.Contains(f.Name, "spare") {
			continue // it has members of its own, or is an array
		}
		v := ""
		switch {
		case f.Size > 8:
			v = strconv.Quote(f.Text(b))
		case f.Size&(f.Size-1) != 0:
			continue
		case strings.HasSuffix(f.Name, "_mode"):
			v = fmt.Sprintf("%#o", f.Uint(b, a.Order))
		case f.Signed:
			v = strconv.FormatInt(f.Int(b, a.Order), 10)
		default:
			v = strconv.FormatUint(f.Uint(b, a.Order), 10)
		}
		if v == "0" && len(l.Fields) > 2 {
			continue
		}
		if len(list) == maxFields {
			list = append(list, "…")
			break
		}
		list = append(list, f.Name+"="+v)
	}
	return "{" + strings.Join(list, ", ") + "}"
}

// sockaddr is an address of a socket: NetBSD's has its length in front.
func sockaddr(a *abi.ABI, b []byte) string {
	if len(b) < 2 {
		return quote(b, 64)
	}
	family := int64(a.Order.Uint16(b))
	if a.OS != "linux" {
		family = int64(b[1])
	}
	name := constant(a, "AF_", family)
	switch {
	case name == "AF_INET" && len(b) >= 8:
		return fmt.Sprintf("{%s, %v}", name, netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[2:])))
	case name == "AF_INET6" && len(b) >= 24:
		return fmt.Sprintf("{%s, %v}", name, netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:24])), binary.BigEndian.Uint16(b[2:])))
	case name == "AF_UNIX" || name == "AF_LOCAL":
		text, _, _ := strings.Cut(string(b[2:]), "\x00")
		return fmt.Sprintf("{AF_UNIX, %q}", text)
	}
	return fmt.Sprintf("{%s, %s}", name, quote(b[2:], 32))
}
