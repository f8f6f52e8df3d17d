package sys

import "github.com/anykernel/anykernel/sys/abi"

// A fileTable is what the calls on files and paths need to know of an ABI.
type fileTable struct {
	order  abi.ByteOrder
	device deviceCode
	at     bitTranslation
	rename bitTranslation
	stat   statLayout
	statfs statfsLayout
	dirent direntLayout
	xattr  xattrLayout
	ioctl  ioctlTable
	times  timesLayout
	flock  flockLayout
	fcntl  [len(fcntlNames)]int // by fcntlCommand, -1 where the ABI has none

	seekData, seekHole int // -1 where the ABI has none
}

func newFileTable(a *abi.ABI) fileTable {
	t := fileTable{
		order:  a.Order,
		device: deviceCodeOf(a),
		at:     atFlags.translation(a),
		rename: renameFlags.translation(a),
		stat:   newStatLayout(a),
		statfs: newStatfsLayout(a),
		dirent: newDirentLayout(a),
		xattr:  newXattrLayout(a),
		ioctl:  newIoctlTable(a),
		times:  newTimesLayout(a),
		flock:  newFlockLayout(a),
	}
	t.seekData, t.seekHole = constOr(a, "SEEK_DATA", -1), constOr(a, "SEEK_HOLE", -1)
	for i, name := range fcntlNames {
		t.fcntl[i] = constOr(a, name, -1)
	}
	return t
}

// constOr is a constant of an ABI, or what stands for one that it lacks.
func constOr(a *abi.ABI, name string, absent int) int {
	if v, ok := constant(a, name); ok {
		return int(v)
	}
	return absent
}

// A layout is an abi.Layout for reading by several names of a field.
type layout struct{ abi.Layout }

// layoutOf is the first of the layouts that the ABI has, an empty one where
// it has none.
func layoutOf(a *abi.ABI, names ...string) layout {
	for _, name := range names {
		if l := a.Layout(name); l != nil {
			return layout{*l}
		}
	}
	return layout{}
}

// field is the first of the fields that the layout has. One that it lacks
// reads as 0.
func (l layout) field(names ...string) abi.Field {
	for _, name := range names {
		if f, ok := l.Field(name); ok {
			return f
		}
	}
	return abi.Field{}
}
