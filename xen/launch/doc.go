// Package launch starts guest images under QEMU, or of Xen by xl, with the console attached,
// and brings back the guest's exit status.
//
//	status, err := launch.Run(ctx, launch.Config{Image: "app.img", Console: os.Stdout})
//
// Guests run on QEMU's machine "microvm": no firmware to speak of, no PCI,
// devices as virtio over MMIO. With an accelerator that works here they run at
// the processor's speed, else under software emulation; see [Accelerators].
//
// In Xen's dom0, [RunXen] has xl(1) run a guest in the same way.
//
// What may be in this room: building command lines, starting processes, and
// what a guest says to who started it. What may not: the images' formats, and
// what runs inside.
package launch
