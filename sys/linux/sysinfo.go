package linux

import (
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
)

// A Sysinfo is what sysinfo(2) tells. Memory is in bytes.
type Sysinfo struct {
	Uptime    time.Duration // to the second
	Loads     [3]float64    // over 1, 5 and 15 minutes
	TotalRAM  uint64
	FreeRAM   uint64
	SharedRAM uint64
	BufferRAM uint64
	TotalSwap uint64
	FreeSwap  uint64
	Processes int // threads are counted, too
}

var sysinfoLayout = layoutOf("sysinfo", func(l abi.Layout) (s struct {
	size                 int
	uptime, loads, procs abi.Field
	memory               [6]abi.Field
	unit                 abi.Field
}) {
	s.size = l.Size
	s.uptime, s.loads, s.procs, s.unit = field(&l, "uptime"), field(&l, "loads"), field(&l, "procs"), field(&l, "mem_unit")
	for i, n := range []string{"totalram", "freeram", "sharedram", "bufferram", "totalswap", "freeswap"} {
		s.memory[i] = field(&l, n)
	}
	return s
})

// GetSysinfo asks the kernel.
func GetSysinfo(p *sys.Process) (Sysinfo, error) {
	l, order := sysinfoLayout.of(p), p.Kernel().ABI().Order
	b := make([]byte, max(l.size, 1))
	if _, err := p.Call("sysinfo", backends.Mem(b, backends.Out)); err != nil {
		return Sysinfo{}, err
	}
	s := Sysinfo{
		Uptime:    time.Duration(l.uptime.Int(b, order)) * time.Second,
		Processes: int(l.procs.Uint(b, order)),
	}
	unit := max(l.unit.Uint(b, order), 1)
	for i, to := range []*uint64{&s.TotalRAM, &s.FreeRAM, &s.SharedRAM, &s.BufferRAM, &s.TotalSwap, &s.FreeSwap} {
		*to = l.memory[i].Uint(b, order) * unit
	}
	word := l.loads
	word.Size /= len(s.Loads)
	for i := range s.Loads {
		const fixedPoint = 1 << 16 // SI_LOAD_SHIFT
		s.Loads[i] = float64(word.Uint(b, order)) / fixedPoint
		word.Offset += word.Size
	}
	return s, nil
}

// The operations of syslog(2) that are used here.
const (
	syslogReadAll    = 3
	syslogSizeBuffer = 10
	maxKernelLog     = 64 << 20
)

// KernelLog is the kernel's messages, as dmesg(1) shows them.
func KernelLog(p *sys.Process) ([]byte, error) {
	size, err := p.Call("syslog", integer(syslogSizeBuffer), backends.Arg{}, backends.Arg{})
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(max(size, 1), maxKernelLog))
	n, err := p.Call("syslog", integer(syslogReadAll), backends.Mem(b, backends.Out), integer(len(b)))
	if err != nil {
		return nil, err
	}
	return b[:min(int(n), len(b))], nil
}
