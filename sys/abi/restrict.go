package abi

import (
	"slices"
	"strings"
	"sync"
)

// restricted keeps the ABIs that Restrict made: kernels that have the same
// calls share one.
var restricted struct {
	sync.Mutex
	m map[restriction]*ABI
}

// maxRestricted bounds what is kept: lists may come from anywhere.
const maxRestricted = 256

type restriction struct {
	abi  *ABI
	nums string
}

// Restrict is a with those calls alone whose numbers are listed, for a kernel
// that has no others. Without numbers it is a. Equal lists give the same ABI.
func (a *ABI) Restrict(nums []uint16) *ABI {
	if len(nums) == 0 {
		return a
	}
	nums = slices.Compact(slices.Sorted(slices.Values(nums)))
	key := make([]byte, 0, 2*len(nums))
	for _, n := range nums {
		key = append(key, byte(n), byte(n>>8))
	}
	r := restriction{a, string(key)}
	restricted.Lock()
	defer restricted.Unlock()
	if known, ok := restricted.m[r]; ok {
		return known
	}
	if restricted.m == nil {
		restricted.m = map[restriction]*ABI{}
	}
	b := a.with(nums)
	if len(restricted.m) < maxRestricted {
		restricted.m[r] = b
	}
	return b
}

func (a *ABI) with(nums []uint16) *ABI {
	var calls []Number
	for _, c := range a.Calls() {
		if c.Value < 0 || c.Value >= 1<<16 {
			continue
		}
		if _, ok := slices.BinarySearch(nums, uint16(c.Value)); ok {
			calls = append(calls, c)
		}
	}
	var ioctls []IoctlInfo
	for d := a.Data; d != nil; d = d.Base {
		ioctls = append(ioctls, d.Ioctls...)
	}
	slices.SortFunc(ioctls, func(a, b IoctlInfo) int { return strings.Compare(a.Name, b.Name) })
	return New(*a, &Data{
		Calls: calls, Consts: a.Consts(), Errnos: a.Errnos(), Signals: a.Signals(), Layouts: a.Layouts(), Ioctls: ioctls,
	})
}
