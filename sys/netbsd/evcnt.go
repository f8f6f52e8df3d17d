package netbsd

import (
	"fmt"

	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi"
)

// An EventCounter is something that the kernel counts; see evcnt(9).
type EventCounter struct {
	Group, Name string
	Type        string // "misc", "intr" or "trap"
	Count       uint64
}

var counterTypes = []string{"misc", "intr", "trap"}

// EventCounters is the event counters of p's kernel, or with nonzero those that
// have counted something; see kern.evcnt in sysctl(7).
func EventCounters(p *sys.Process, nonzero bool) ([]EventCounter, error) {
	const kern, evcnt, anyType = 1, 84, -1
	if err := want(p, "event counters"); err != nil {
		return nil, err
	}
	which := int32(0)
	if nonzero {
		which = 1
	}
	b, err := p.SysctlNumbers(kern, evcnt, anyType, which)
	if err != nil {
		return nil, err
	}
	list, err := parseCounters(p.Kernel().ABI(), b)
	return list, p.Fail("event counters", "", err)
}

// parseCounters reads struct evcnt_sysctl: count and two addresses of 8 bytes,
// type, lengths of group and name, and the length of it all in units of 8
// bytes; then both names, each with a NUL.
func parseCounters(a *abi.ABI, b []byte) ([]EventCounter, error) {
	const head = 28
	var list []EventCounter
	for off := 0; off < len(b); {
		e := b[off:]
		if len(e) < head {
			return list, fmt.Errorf("a counter at byte %d is cut short", off)
		}
		group, name, size := int(e[25]), int(e[26]), 8*int(e[27])
		if size < head+group+name+2 || size > len(e) {
			return list, fmt.Errorf("a counter at byte %d has %d bytes, with names of %d and %d", off, size, group, name)
		}
		list = append(list, EventCounter{
			Count: a.Order.Uint64(e), Type: nth(counterTypes, int64(e[24])),
			Group: string(e[head : head+group]), Name: string(e[head+group+1 : head+group+1+name]),
		})
		off += size
	}
	return list, nil
}
