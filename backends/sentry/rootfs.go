//go:build linux && (amd64 || arm64)

package sentry

import (
	"fmt"
	"path"

	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/context"
	"gvisor.dev/gvisor/pkg/fspath"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/devpts"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/devtmpfs"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/proc"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/sys"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/tmpfs"
	"gvisor.dev/gvisor/pkg/sentry/kernel/auth"
	"gvisor.dev/gvisor/pkg/sentry/vfs"
)

// initPath is the program of the first process.
const initPath = "/init"

// A rootfs is a kernel's file tree while it is being made.
type rootfs struct {
	ctx   context.Context
	v     *vfs.VirtualFilesystem
	creds *auth.Credentials
	root  vfs.VirtualDentry
}

// A bootContext is the context of what the boot does before there is a
// process: it has the mount namespace that the first process will have.
type bootContext struct {
	context.Context
	ns *vfs.MountNamespace
}

func (c bootContext) Value(key any) any {
	if key == vfs.CtxMountNamespace {
		c.ns.IncRef()
		return c.ns
	}
	return c.Context.Value(key)
}

// directories are made in the root file system.
var directories = []struct {
	path string
	mode linux.FileMode
}{
	{"/dev", 0o755}, {"/etc", 0o755}, {"/home", 0o755}, {"/mnt", 0o755}, {"/proc", 0o555}, {"/root", 0o700},
	{"/run", 0o755}, {"/sys", 0o555}, {"/tmp", 0o1777}, {"/var", 0o755}, {"/var/tmp", 0o1777},
}

// mounts are mounted on it.
var mounts = []struct{ path, fs, data string }{
	{"/dev", devtmpfs.Name, ""},
	{"/dev/pts", devpts.Name, ""},
	{"/proc", proc.Name, ""},
	{"/sys", sys.Name, ""},
}

// makeRoot makes the root file system and its mount namespace.
func (k *Kernel) makeRoot(ctx context.Context, creds *auth.Credentials) (*vfs.MountNamespace, error) {
	v := k.gv.VFS()
	ns, err := v.NewMountNamespace(ctx, creds, "none", tmpfs.Name, &vfs.MountOptions{
		GetFilesystemOptions: vfs.GetFilesystemOptions{Data: k.memory.rootOptions()},
	}, k.gv)
	if err != nil {
		return nil, fmt.Errorf("root file system: %w", err)
	}
	return ns, nil
}

func (r *rootfs) populate(k *Kernel) error {
	for _, d := range directories {
		if err := r.mkdir(d.path, d.mode); err != nil {
			return err
		}
	}
	for name, content := range k.opts.etc() {
		if err := r.writeFile(path.Join("/etc", name), 0o644, []byte(content)); err != nil {
			return err
		}
	}
	if err := r.writeFile(initPath, 0o755, initImage(k.platform.win.userCode())); err != nil {
		return err
	}
	for _, m := range mounts {
		if err := r.mount(m.path, m.fs, m.data); err != nil {
			return err
		}
	}
	if k.random != nil {
		if err := r.useRandom(k); err != nil {
			return err
		}
	}
	for _, m := range k.opts.Mounts {
		if err := r.add(m, k.cfg.Hooks); err != nil {
			return err
		}
	}
	return nil
}

func (r *rootfs) at(name string) *vfs.PathOperation {
	return &vfs.PathOperation{Root: r.root, Start: r.root, Path: fspath.Parse(name)}
}

func (r *rootfs) mkdir(name string, mode linux.FileMode) error {
	if err := r.v.MkdirAt(r.ctx, r.creds, r.at(name), &vfs.MkdirOptions{Mode: mode}); err != nil {
		return fmt.Errorf("mkdir %s: %w", name, err)
	}
	return nil
}

func (r *rootfs) create(name string, mode linux.FileMode) (*vfs.FileDescription, error) {
	f, err := r.v.OpenAt(r.ctx, r.creds, r.at(name), &vfs.OpenOptions{Flags: linux.O_CREAT | linux.O_WRONLY | linux.O_TRUNC, Mode: mode})
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", name, err)
	}
	return f, nil
}

func (r *rootfs) writeFile(name string, mode linux.FileMode, content []byte) error {
	f, err := r.create(name, mode)
	if err != nil {
		return err
	}
	defer f.DecRef(r.ctx)
	if _, err := (fileWriter{r, f}).Write(content); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func (r *rootfs) mount(name, fs, data string) error {
	_, err := r.v.MountAt(r.ctx, r.creds, "none", r.at(name), fs, &vfs.MountOptions{
		GetFilesystemOptions: vfs.GetFilesystemOptions{Data: data},
	})
	if err != nil {
		return fmt.Errorf("mount %s on %s: %w", fs, name, err)
	}
	return nil
}
