package hypercall

import "slices"

// A Kind describes the events of one name.
type Kind struct {
	Name    string
	Args    []string // the names of its arguments, in order
	Results []string // the names of what it is answered with
}

// kinds says of each event what the constants' comments say.
var kinds = []Kind{
	{EventClock, []string{"clock"}, []string{"ns"}},
	{EventRandom, []string{"length"}, []string{"data"}},
	{EventAlloc, []string{"size", "align"}, nil},
	{EventThread, []string{"thread"}, nil},
	{EventStat, []string{"device"}, []string{"size", "mode"}},
	{EventOpen, []string{"device", "mode"}, nil},
	{EventBio, []string{"device", "op", "offset", "length", "data"}, []string{"data", "n"}},
	{EventClose, []string{"device"}, nil},
	{EventAttach, []string{"nic", "mac"}, nil},
	{EventFrame, []string{"nic", "dir", "data"}, nil},
	{EventConsole, []string{"text"}, nil},
	{EventParam, []string{"param"}, []string{"value", "found"}},
	{EventSignal, []string{"pid", "signal"}, nil},
	{EventExit, []string{"status"}, nil},
	{EventPanic, []string{"reason"}, nil},
	{EventSyscall, []string{"call", "number"}, []string{"r0", "r1"}},
}

// Kinds is all kinds of events.
func Kinds() []Kind { return slices.Clone(kinds) }

// KindOf is the kind of the events of a name.
func KindOf(name string) (Kind, bool) {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return kinds[i], true
}
