// Package images makes guest images: one bootable file of the shim, a static
// linux/amd64 program, and files for it to read.
//
//	program, err := images.Compile(ctx, "./cmd/app")
//	image, err := images.Build(images.Config{Program: program, Files: os.DirFS("site")})
//
// The file is an ELF executable that boots by the PVH protocol: under QEMU as
// -kernel, under Xen as the kernel of a guest of type "pvh". The same inputs
// give the same bytes.
//
// # Layout
//
// The shim is an ELF file with a note of owner "Anykernel" and type 1 that
// tells the physical address of its payload. Build appends the payload as one
// more segment, to be loaded there:
//
//	offset    size
//	     0       8   "ANYKPAY1"
//	     8       8   size of the payload, with this header; a multiple of 8
//	    16       8   checksum of what follows the header
//	    24    8, 8   offset and size of the archive
//	    40    8, 8   offset and size of the command line
//	    56       8   0
//	    64           the command line
//	  3980           the archive
//
// Numbers are little-endian. The archive is a cpio file in the newc format.
// Its first entry is the program, "init", and the archive begins where it does
// so that the program's bytes begin at a page: the shim maps them where they
// are.
//
// # On Linux
//
// [BuildLinux] puts the same program and files on a stock Linux kernel. That
// image is a folder:
//
//	kernel     the bzImage, as it is
//	initramfs  a cpio file in the newc format
//	cmdline    the command line, which who boots the kernel passes
//
// In the initramfs, /init is a small first process (linuxinit), and below
// /.anykernel are the program and the kernel's modules that drive virtual disks
// and network interfaces, uncompressed, with a table for /init: lines of a
// name, the names that it needs, with commas between, and the patterns of
// devices that it drives, with tabs between.
//
// # Container images
//
// [BuildOCI] and [BuildLinuxOCI] put an image into a container image for urunc,
// in an OCI layout: one manifest, with urunc's annotations, and one layer, a tar
// file that is not compressed:
//
//	unikernel/kernel  the image, or the Linux kernel
//	unikernel/initrd  the initramfs of Linux
//	urunc.json        the annotations once more
//
// Arguments of the program are the container's command, behind "/init".
//
// What may be in this room: formats of images, joining, taking apart. What may
// not: running them; that is package xen/launch.
package images
