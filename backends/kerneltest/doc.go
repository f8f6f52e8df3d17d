// Package kerneltest helps tests that need a kernel, and is the conformance
// suite that every backend runs.
//
// A test of yours opens a kernel with [New], or runs once on each kernel that
// is ready here with [Each]:
//
//	func TestServer(t *testing.T) {
//		kerneltest.Each(t, func(t *testing.T, k *sys.Kernel) {
//			…
//		})
//	}
//
// The kernel is closed at the end of the test, its console goes to the test's
// log, and goroutines and descriptors that it leaves behind fail the test.
//
// A backend's own tests call [Conform]: every case that needs a capability
// which the kernel claims must pass, and one that it does not claim is
// skipped with the kernel's reason.
//
// [CrashConsistency] lets the power of a disk fail under a file system, at
// every write, and looks what a new kernel finds.
//
// What may be in this room: helpers for tests and cases that hold for every
// kernel. What may not: anything that knows one backend.
package kerneltest
