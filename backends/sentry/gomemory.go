//go:build linux && (amd64 || arm64)

package sentry

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"gvisor.dev/gvisor/pkg/hostarch"
)

// addressRanges is where Go has its memory, in order and without overlap: the
// heap with room to grow, and the program's variables. Memory of Go's that is
// somewhere else only is slower to reach.
type addressRanges []addressRange

type addressRange struct {
	start, end uintptr
	present    bool // Go's own
}

// Where the heap of a program grows to from what it has when the first kernel
// boots. The runtime goes upwards from where it began.
const (
	heapBelow = 1 << 38
	heapAbove = 1 << 40
)

var goMemory = sync.OnceValue(func() addressRanges {
	object := uintptr(unsafe.Pointer(new([64 << 10]byte)))
	ranges := addressRanges{{start: object - min(object-userMin, heapBelow), end: min(object+heapAbove, userMax), present: true}}
	for _, r := range programVariables() {
		if r.end <= ranges[0].start || r.start >= ranges[0].end {
			ranges = append(ranges, r)
		}
	}
	slices.SortFunc(ranges, func(a, b addressRange) int {
		if a.start < b.start {
			return -1
		}
		return 1
	})
	for i := range ranges {
		ranges[i].start &^= hostarch.PageSize - 1
		ranges[i].end &^= hostarch.PageSize - 1
	}
	return ranges
})

// programVariables is the writable parts of this program.
func programVariables() []addressRange {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return nil
	}
	defer maps.Close()
	var found []addressRange
	for in := bufio.NewScanner(maps); in.Scan(); {
		var r addressRange
		var access string
		if n, _ := fmt.Sscanf(in.Text(), "%x-%x %s", &r.start, &r.end, &access); n != 3 || !strings.HasPrefix(access, "rw") {
			continue
		}
		last := len(found) - 1
		switch {
		case strings.HasSuffix(in.Text(), self):
			r.present = true
			found = append(found, r)
		case last >= 0 && found[last].end == r.start: // what has no initial value follows
			found[last].end = r.end
		}
	}
	return found
}

// around is all user addresses but those of the window: Go's memory, and what
// lies between.
func (rs addressRanges) around(win window) []addressRange {
	var all []addressRange
	next := uintptr(userMin)
	add := func(r addressRange) {
		r.start = max(r.start, next)
		if r.start < r.end {
			all = append(all, r)
			next = r.end
		}
	}
	split := func(r addressRange) { // leaves out the window
		if r.end <= win.start || r.start >= win.end {
			add(r)
			return
		}
		before, after := r, r
		before.end, after.start = win.start, win.end
		add(before)
		next = max(next, win.end)
		add(after)
	}
	for _, r := range rs {
		split(addressRange{start: next, end: r.start})
		split(r)
	}
	split(addressRange{start: next, end: userMax})
	return all
}
