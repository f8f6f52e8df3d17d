package sys

import "github.com/anykernel/anykernel/sys/abi"

// An op is a call of this package. What it is called, and numbered, is the
// ABI's affair. Each is declared, by newOp, beside the code that makes it.
type op uint16

// opInfo is how an op is found in an ABI.
type opInfo struct {
	names []string // the names that it goes by, the best first
	pad   int8     // position of a padding argument in ABIs that have one; 0 for none
	pads  func(*abi.ABI) bool
}

// ops is all of them. It grows only while variables of this package are
// initialised, so it is read without a lock.
var ops []opInfo

// newOp declares a call by the names that it goes by, the best first.
func newOp(names ...string) op { return declareOp(opInfo{names: names}) }

// paddedOp declares a call that has, in ABIs that pad 64-bit offsets, an
// unused argument at position pad.
func paddedOp(pad int8, names ...string) op {
	return declareOp(opInfo{names: names, pad: pad, pads: padsOffsets})
}

// deviceOp is paddedOp for an argument that is a device number.
func deviceOp(pad int8, names ...string) op {
	return declareOp(opInfo{names: names, pad: pad, pads: padsDevices})
}

func declareOp(info opInfo) op {
	ops = append(ops, info)
	return op(len(ops) - 1)
}

const noCall = ^uint32(0)

// A callNumber is how an ABI makes a call: its number, and where it has an
// argument that only pads.
type callNumber struct {
	num uint32
	pad int8 // position of the padding, -1 for none
}

// findCall tries the names that a call goes by, the best first.
func findCall(a *abi.ABI, info *opInfo) callNumber {
	for _, name := range info.names {
		if num, ok := a.Call(name); ok {
			n := callNumber{num: uint32(num), pad: -1}
			if info.pad > 0 && info.pads(a) {
				n.pad = info.pad
			}
			return n
		}
	}
	return callNumber{num: noCall, pad: -1}
}

// padsOffsets reports whether the ABI puts an unused word before a 64-bit
// offset, as NetBSD and OpenBSD do.
func padsOffsets(a *abi.ABI) bool { return a.OS == "netbsd" || a.OS == "openbsd" }

// padsDevices reports whether the ABI puts an unused word before a device
// number behind an odd number of arguments: NetBSD's have 64 bits.
func padsDevices(a *abi.ABI) bool { return a.OS == "netbsd" }
