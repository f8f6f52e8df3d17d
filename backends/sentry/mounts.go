//go:build linux && (amd64 || arm64)

package sentry

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/errors/linuxerr"
	"gvisor.dev/gvisor/pkg/sentry/vfs"
	"gvisor.dev/gvisor/pkg/usermem"

	"github.com/anykernel/anykernel/hypercall"
)

// A Mount brings files of the program, or of its host, into a kernel.
type Mount struct {
	// Path is the folder in the kernel where they appear, absolute. It is made
	// if it is not there.
	Path string
	// FS holds the files: a folder of the host ([HostDir]), an embed.FS, an
	// archive.
	FS fs.FS
	// Copy copies the files into the kernel's memory, where they may be
	// changed. Otherwise the kernel sees FS itself, read-only and read when
	// it is asked for.
	Copy bool
}

// HostDir is a folder of the host for a [Mount]. Nothing outside of it is
// reached through it, whatever symbolic links are in it. The caller closes it
// after the kernel.
func HostDir(name string) (*HostFS, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &HostFS{root.FS(), root}, nil
}

// A HostFS is a folder of the host.
type HostFS struct {
	fs.FS
	root *os.Root
}

// Close lets go of the folder.
func (h *HostFS) Close() error { return h.root.Close() }

// Lstat is io/fs.ReadLinkFS's.
func (h *HostFS) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(h.FS, name) }

// ReadLink is io/fs.ReadLinkFS's.
func (h *HostFS) ReadLink(name string) (string, error) { return fs.ReadLink(h.FS, name) }

// add makes m's files appear.
func (r *rootfs) add(m Mount, hooks *hypercall.Hooks) error {
	if !path.IsAbs(m.Path) || m.FS == nil {
		return fmt.Errorf("mount on %q: needs an absolute path and a file system", m.Path)
	}
	if err := r.mkdirAll(path.Clean(m.Path)); err != nil {
		return err
	}
	if m.Copy {
		return r.copyIn(path.Clean(m.Path), m.FS)
	}
	_, err := r.v.MountAt(r.ctx, r.creds, iofsName, r.at(m.Path), iofsName, &vfs.MountOptions{
		ReadOnly:             true,
		GetFilesystemOptions: vfs.GetFilesystemOptions{InternalData: iofsSource{m.FS, hooks, path.Clean(m.Path)}, InternalMount: true},
	})
	if err != nil {
		return fmt.Errorf("mount on %s: %w", m.Path, err)
	}
	return nil
}

func (r *rootfs) mkdirAll(name string) error {
	done := ""
	for part := range strings.SplitSeq(strings.Trim(name, "/"), "/") {
		done += "/" + part
		if err := r.mkdir(done, 0o755); err != nil && !errors.Is(err, linuxerr.EEXIST) {
			return err
		}
	}
	return nil
}

// copyIn copies source into dir.
func (r *rootfs) copyIn(dir string, source fs.FS) error {
	return fs.WalkDir(source, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("copying to %s: %w", dir, err)
		}
		info, err := d.Info()
		if err != nil {
			return fmt.Errorf("copying to %s: %w", dir, err)
		}
		to := path.Join(dir, name)
		switch {
		case d.IsDir():
			err = r.copyDir(to, info)
		case info.Mode()&fs.ModeSymlink != 0:
			err = r.copyLink(source, name, to)
		case info.Mode().IsRegular():
			err = r.copyFile(source, name, to, info)
		}
		if err != nil {
			return fmt.Errorf("copying %s: %w", name, err)
		}
		return nil
	})
}

func (r *rootfs) copyDir(to string, info fs.FileInfo) error {
	if to == "/" {
		return nil
	}
	// The owner must be able to put the files in.
	err := r.mkdir(to, modeOf(info.Mode())&linux.PermissionsMask|0o700)
	if errors.Is(err, linuxerr.EEXIST) {
		return nil
	}
	return err
}

func (r *rootfs) copyLink(source fs.FS, name, to string) error {
	target, err := fs.ReadLink(source, name)
	if err != nil {
		return err
	}
	if err := r.v.SymlinkAt(r.ctx, r.creds, r.at(to), target); err != nil {
		return fmt.Errorf("symlink %s: %w", to, err)
	}
	return nil
}

func (r *rootfs) copyFile(source fs.FS, name, to string, info fs.FileInfo) error {
	from, err := source.Open(name)
	if err != nil {
		return err
	}
	defer from.Close()
	f, err := r.create(to, modeOf(info.Mode())&linux.PermissionsMask)
	if err != nil {
		return err
	}
	defer f.DecRef(r.ctx)
	if _, err := io.Copy(fileWriter{r, f}, from); err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	t := linux.NsecToStatxTimestamp(info.ModTime().UnixNano())
	return f.SetStat(r.ctx, vfs.SetStatOptions{Stat: linux.Statx{
		Mask: linux.STATX_MTIME | linux.STATX_ATIME, Mtime: t, Atime: t,
	}})
}

// A fileWriter writes to a file of the kernel.
type fileWriter struct {
	r *rootfs
	f *vfs.FileDescription
}

func (w fileWriter) Write(b []byte) (done int, err error) {
	for done < len(b) && err == nil {
		var n int64
		n, err = w.f.Write(w.r.ctx, usermem.BytesIOSequence(b[done:]), vfs.WriteOptions{})
		done += int(n)
	}
	return done, err
}
