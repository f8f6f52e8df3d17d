// Package xentest is a test bed for guests of Xen, on a machine without Xen:
// Xen, a small dom0 and guests under QEMU's emulation of a processor with
// nested paging.
//
// Everything but QEMU comes from Debian's packages, which are downloaded and
// unpacked into a cache, and not installed. The tests here run when they are
// asked to:
//
//	go test ./xen/xentest -xen
//
// They wait for what they need, however long that takes: on a machine that has
// much else to do, give them more than go test's 10 minutes (-timeout 30m).
//
// What may be in this room: getting Xen to run, and tests of guests on it.
package xentest
