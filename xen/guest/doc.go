// Package guest is what the shim offers a program beside the calls of Linux:
// memory that devices can reach, their registers, their interrupts, and Xen's
// hypercalls. Drivers are written on top of it; programs use those.
//
// Everywhere but in a guest, [Present] is false and everything else fails with
// [ErrNotGuest].
//
// What may be in this room: the calls of xen/shim/src/platform.h, one function
// each. What may not: anything that knows a device.
package guest
