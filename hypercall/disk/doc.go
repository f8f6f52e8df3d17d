// Package disk makes block devices for kernels, and lets a test see and break
// what a kernel does with them.
//
// A [Disk] is a block device in memory: sparse, over an image if there is one,
// and copied in no time, because copies share what neither has written. [Over]
// puts one over anything that can be read at an offset; [Device] passes
// everything through to what can also be written.
//
// A [Log] notes each write and each barrier. Afterwards it makes the disk as a
// power failure at any point could have left it: what a barrier had covered is
// there, and of the rest whatever the seed of the [Cut] says, in any order and
// sector by sector.
//
//	log := disk.NewLog(d)
//	// a kernel works on log
//	for cut := range log.Cuts(1000, seed, disk.Torn) {
//		after, err := log.At(cut)
//		// a new kernel mounts after, and looks
//	}
//
// kerneltest.CrashConsistency does this for a test. [With] puts faults before
// a device: bad sectors, a full or slow disk, a power switch.
//
// All of them are a [hypercall.File]: give them to a kernel by name with
// [hypercall.Files], or register them where its backend takes files.
//
// What may be in this room: block devices that hold for every kernel, in Go.
// What may not: what a file system is, and how one kernel asks for its disks.
package disk
