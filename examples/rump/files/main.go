// Command files shows NetBSD's file systems in this process. It boots a kernel
// of the components that it names, reads what the kernel tells of itself, and
// mounts a disk image of the host, writes a file to it, and reads that with
// another kernel.
//
//	truncate -s 1m disk.img && mkfs.bfs disk.img
//	go run ./examples/rump/files sysvbfs disk.img
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/anykernel/anykernel/backends"
	_ "github.com/anykernel/anykernel/backends/rump"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi/netbsd/fsargs"
	"github.com/anykernel/anykernel/sys/netbsd"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: files TYPE IMAGE")
	}
	if err := run(context.Background(), os.Stdout, os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer, fstype, image string) error {
	k, err := boot(ctx, fstype, image)
	if err != nil {
		return err
	}
	defer k.Close()
	p := k.Init()
	version, err := p.ReadFile("/kern/version")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s", version)
	if err := p.WriteFile("/disk/README", []byte("written by a kernel that is gone\n"), 0o644); err != nil {
		return err
	}
	mounts, err := p.Mounts()
	for _, m := range mounts {
		fmt.Fprintf(w, "%s on %s, %d KiB\n", m.Type, m.On, m.Total()>>10)
	}
	if err != nil {
		return err
	}
	if err := k.Close(); err != nil { // which writes everything to the image
		return err
	}

	next, err := boot(ctx, fstype, image)
	if err != nil {
		return err
	}
	defer next.Close()
	readme, err := next.Init().ReadFile("/disk/README")
	fmt.Fprintf(w, "%s", readme)
	return err
}

// boot is a kernel with what it tells of itself in /kern, files in memory in
// /memory, and the image in /disk. Components come in any order; what they
// need is added.
func boot(ctx context.Context, fstype, image string) (*sys.Kernel, error) {
	k, err := sys.Open(ctx, "rump:fs_kernfs,fs_tmpfs,fs_"+fstype)
	if err != nil {
		return nil, err
	}
	const device = "/dev/disk"
	disk, err := fsargs.New(fstype, device, "")
	if err == nil {
		err = netbsd.Register(k, device, backends.HostFile{Path: image, Kind: backends.HostBlock})
	}
	if err == nil {
		err = mount(k.Init(), map[string]fsargs.Args{
			"/kern": &fsargs.Kernfs{}, "/memory": &fsargs.Tmpfs{Size: 1 << 20}, "/disk": disk,
		})
	}
	if err != nil {
		k.Close()
		return nil, err
	}
	return k, nil
}

func mount(p *sys.Process, at map[string]fsargs.Args) error {
	for dir, args := range at {
		if err := p.Mkdir(dir, 0o755); err != nil {
			return err
		}
		if err := netbsd.Mount(p, dir, 0, args); err != nil {
			return err
		}
	}
	return nil
}
