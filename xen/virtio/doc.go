// Package virtio drives virtio devices, version 1 (OASIS, "Virtual I/O Device
// (VIRTIO) Version 1.2"; sections below are of that): network interfaces and
// disks, over split virtqueues, as QEMU, Firecracker and Cloud Hypervisor
// have them.
//
// The device is not trusted. A driver keeps its own record of what it gave the
// device, takes back only that, and stops using a device that answers
// nonsense: every later call fails with a [*BrokenError].
//
// What may be in this room: queues, transports, and drivers for devices. What
// may not: how a guest reaches memory and interrupts (package guest); a driver
// gets those through [Transport] and an allocator, so that it runs in a test
// as it runs in a guest.
package virtio
