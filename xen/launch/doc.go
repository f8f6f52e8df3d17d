// Package launch starts guest images under QEMU, with the console attached,
// and brings back the guest's exit status.
//
//	status, err := launch.Run(ctx, launch.Config{Image: "app.img", Console: os.Stdout})
//
// Guests run on QEMU's machine "microvm": no firmware to speak of, no PCI,
// devices as virtio over MMIO. With an accelerator that works here they run at
// the processor's speed, else under software emulation; see [Accelerators].
//
// What may be in this room: building command lines, starting processes, and
// what a guest says to who started it. What may not: the images' formats, and
// what runs inside.
package launch
