// Package xen is the backend for kernels in bare guests: with no operating
// system under them, on processors and memory of their own. Import it, and
// package remote, for their effect: it registers "xen".
//
//	k, err := sys.Open(ctx, "xen:kernel.img?mem=256")
//
// The image is that of a program which serves a kernel with package inside, as
// examples/xenkernel does:
//
//	anykernel image build ./examples/xenkernel -o kernel.img
//
// Each kernel that is opened is a guest under QEMU, which ends with it. Its
// calls go by NetBSD's system call proxy over the guest's first interface; see
// package xen/channel. A guest that crashes is an error of that kernel.
//
// What may be in this room: how a guest is started for one kernel, and ended.
// What may not: a kernel; what runs in the guest, but for package inside.
package xen
