//go:build linux && (amd64 || arm64)

package sentry

import (
	"errors"
	"hash/fnv"
	"io"
	"io/fs"
	"math"
	"path"
	"sync"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/context"
	"gvisor.dev/gvisor/pkg/errors/linuxerr"
	"gvisor.dev/gvisor/pkg/safemem"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/kernfs"
	"gvisor.dev/gvisor/pkg/sentry/kernel/auth"
	"gvisor.dev/gvisor/pkg/sentry/vfs"
	"gvisor.dev/gvisor/pkg/usermem"

	"github.com/anykernel/anykernel/hypercall"
)

// iofsName is the type under which Go file systems are mounted. A process of
// the kernel cannot mount one: it has no way to say which.
const iofsName = "iofs"

// iofsType makes file systems that show an io/fs.FS, read-only. Nothing is
// read before somebody asks for it.
type iofsType struct{}

func (*iofsType) Name() string            { return iofsName }
func (*iofsType) Release(context.Context) {}

// An iofsSource is what is mounted.
type iofsSource struct {
	fs.FS
	// hooks see files opened, read and closed, as block devices of the host
	// named by their path in the kernel.
	hooks *hypercall.Hooks
	path  string // where it is mounted
}

// GetFilesystem takes an iofsSource from opts.InternalData.
func (t *iofsType) GetFilesystem(ctx context.Context, v *vfs.VirtualFilesystem, creds *auth.Credentials, _ string, opts vfs.GetFilesystemOptions) (*vfs.Filesystem, *vfs.Dentry, error) {
	source, ok := opts.InternalData.(iofsSource)
	if !ok {
		return nil, nil, linuxerr.EINVAL
	}
	minor, err := v.GetAnonBlockDevMinor()
	if err != nil {
		return nil, nil, err
	}
	f := &iofs{source: source, minor: minor, owner: creds}
	f.MaxCachedDentries = 1000
	f.VFSFilesystem().Init(v, t, f)
	root, err := f.inode(ctx, ".")
	if err != nil {
		f.VFSFilesystem().DecRef(ctx)
		return nil, nil, err
	}
	var d kernfs.Dentry
	d.InitRoot(&f.Filesystem, root)
	return f.VFSFilesystem(), d.VFSDentry(), nil
}

// An iofs is one mounted fs.FS.
type iofs struct {
	kernfs.Filesystem
	source iofsSource
	minor  uint32
	owner  *auth.Credentials
}

func (f *iofs) Release(ctx context.Context) {
	f.VFSFilesystem().VirtualFilesystem().PutAnonBlockDevMinor(f.minor)
	f.Filesystem.Release(ctx)
}

func (*iofs) MountOptions() string { return "" }

// inode looks up name, which is a path as io/fs wants it.
func (f *iofs) inode(ctx context.Context, name string) (kernfs.Inode, error) {
	info, err := fs.Lstat(f.source.FS, name)
	if err != nil {
		return nil, errnoOf(err)
	}
	mode := modeOf(info.Mode())
	switch {
	case info.IsDir():
		d := &iofsDir{}
		d.setUp(ctx, f, name, mode)
		d.OrderedChildren.Init(kernfs.OrderedChildrenOptions{})
		return d, nil
	case info.Mode()&fs.ModeSymlink != 0:
		l := &iofsLink{}
		l.setUp(ctx, f, name, mode)
		return l, nil
	case info.Mode().IsRegular():
		file := &iofsFile{}
		file.setUp(ctx, f, name, mode)
		return file, nil
	}
	return nil, linuxerr.ENOENT // devices and sockets of somewhere else mean nothing here
}

// inodeNumber is the same for a path whenever it is looked up.
func inodeNumber(name string) uint64 {
	h := fnv.New64a()
	io.WriteString(h, name)
	return h.Sum64()
}

func modeOf(m fs.FileMode) linux.FileMode {
	mode := linux.FileMode(m.Perm())
	switch {
	case m.IsDir():
		mode |= linux.ModeDirectory
	case m&fs.ModeSymlink != 0:
		mode |= linux.ModeSymlink
	default:
		mode |= linux.ModeRegular
	}
	for _, bit := range [...]struct {
		is   fs.FileMode
		mode linux.FileMode
	}{{fs.ModeSetuid, linux.ModeSetUID}, {fs.ModeSetgid, linux.ModeSetGID}, {fs.ModeSticky, linux.ModeSticky}} {
		if m&bit.is != 0 {
			mode |= bit.mode
		}
	}
	return mode
}

// errnoOf is an error of an fs.FS as the kernel says it.
func errnoOf(err error) error {
	var number unix.Errno
	switch {
	case errors.As(err, &number):
		return linuxerr.ErrorFromUnix(number)
	case errors.Is(err, fs.ErrNotExist):
		return linuxerr.ENOENT
	case errors.Is(err, fs.ErrPermission):
		return linuxerr.EACCES
	case errors.Is(err, fs.ErrInvalid):
		return linuxerr.EINVAL
	}
	return linuxerr.EIO
}

// An iofsNode is what the nodes of an iofs share.
type iofsNode struct {
	kernfs.InodeAttrs
	kernfs.InodeFSOwned
	kernfs.InodeNoStatFS
	kernfs.InodeNoopRefCount
	kernfs.InodeNotAnonymous
	kernfs.InodeTemporary
	kernfs.InodeWatches

	fs    *iofs
	name  string
	locks vfs.FileLocks
}

func (n *iofsNode) setUp(ctx context.Context, f *iofs, name string, mode linux.FileMode) {
	n.fs, n.name = f, name
	n.InodeAttrs.Init(ctx, f.owner, linux.UNNAMED_MAJOR, f.minor, inodeNumber(name), mode)
}

func (n *iofsNode) Stat(ctx context.Context, v *vfs.Filesystem, opts vfs.StatOptions) (linux.Statx, error) {
	st, err := n.InodeAttrs.Stat(ctx, v, opts)
	if err != nil {
		return st, err
	}
	info, err := fs.Lstat(n.fs.source, n.name)
	if err != nil {
		return st, errnoOf(err)
	}
	st.Mask |= linux.STATX_SIZE | linux.STATX_BLOCKS | linux.STATX_ATIME | linux.STATX_MTIME | linux.STATX_CTIME
	st.Size = uint64(max(0, info.Size()))
	st.Blocks = (st.Size + 511) / 512
	t := linux.NsecToStatxTimestamp(info.ModTime().UnixNano())
	st.Atime, st.Mtime, st.Ctime = t, t, t
	return st, nil
}

func (*iofsNode) SetStat(context.Context, *vfs.Filesystem, *auth.Credentials, vfs.SetStatOptions) error {
	return linuxerr.EROFS
}

// An iofsDir is a directory. It has no children of its own: they are looked
// up.
type iofsDir struct {
	iofsNode
	kernfs.InodeAlwaysValid
	kernfs.InodeDirectoryNoNewChildren
	kernfs.InodeNotSymlink
	kernfs.OrderedChildren
}

func (d *iofsDir) Lookup(ctx context.Context, name string) (kernfs.Inode, error) {
	return d.fs.inode(ctx, path.Join(d.name, name))
}

func (d *iofsDir) HasChildren() bool { return true }

func (d *iofsDir) IterDirents(_ context.Context, _ *vfs.Mount, cb vfs.IterDirentsCallback, offset, relOffset int64) (int64, error) {
	entries, err := fs.ReadDir(d.fs.source.FS, d.name)
	if err != nil {
		return offset, errnoOf(err)
	}
	for _, e := range entries[min(relOffset, int64(len(entries))):] {
		if err := cb.Handle(vfs.Dirent{
			Name:    e.Name(),
			Type:    modeOf(e.Type()).DirentType(),
			Ino:     inodeNumber(path.Join(d.name, e.Name())),
			NextOff: offset + 1,
		}); err != nil {
			return offset, err
		}
		offset++
	}
	return offset, nil
}

func (d *iofsDir) Open(_ context.Context, rp *vfs.ResolvingPath, dentry *kernfs.Dentry, opts vfs.OpenOptions) (*vfs.FileDescription, error) {
	fd, err := kernfs.NewGenericDirectoryFD(rp.Mount(), dentry, rp.Credentials(), &d.OrderedChildren, &d.locks, &opts, kernfs.GenericDirectoryFDOptions{})
	if err != nil {
		return nil, err
	}
	return fd.VFSFileDescription(), nil
}

// An iofsLink is a symbolic link.
type iofsLink struct {
	iofsNode
	kernfs.InodeNotDirectory
}

func (l *iofsLink) Readlink(context.Context, *vfs.Mount) (string, error) {
	target, err := fs.ReadLink(l.fs.source.FS, l.name)
	if err != nil {
		return "", errnoOf(err)
	}
	return target, nil
}

func (l *iofsLink) Getlink(ctx context.Context, m *vfs.Mount) (vfs.VirtualDentry, string, error) {
	target, err := l.Readlink(ctx, m)
	return vfs.VirtualDentry{}, target, err
}

func (*iofsLink) Open(context.Context, *vfs.ResolvingPath, *kernfs.Dentry, vfs.OpenOptions) (*vfs.FileDescription, error) {
	return nil, linuxerr.ELOOP
}

// An iofsFile is a regular file.
type iofsFile struct {
	iofsNode
	kernfs.InodeNotDirectory
	kernfs.InodeNotSymlink
}

func (f *iofsFile) Open(_ context.Context, rp *vfs.ResolvingPath, d *kernfs.Dentry, opts vfs.OpenOptions) (*vfs.FileDescription, error) {
	content, err := f.fs.source.open(f.name)
	if err != nil {
		return nil, err
	}
	fd := &iofsFD{content: content, node: &f.iofsNode}
	fd.LockFD.Init(&f.locks)
	if err := fd.vfsfd.Init(fd, opts.Flags, rp.Credentials(), rp.Mount(), d.VFSDentry(), &vfs.FileDescriptionOptions{AllowDirectIO: true}); err != nil {
		content.Close()
		return nil, err
	}
	return &fd.vfsfd, nil
}

// content is an open file that can be read anywhere.
type content interface {
	io.ReaderAt
	io.Closer
}

// maxUnseekable bounds files that can be read from front to back only, and
// are kept in memory while they are open.
const maxUnseekable = 256 << 20

// open opens a file by way of the hooks.
func (s iofsSource) open(name string) (content, error) {
	f, err := s.hooks.Block(iofsBlock{source: s, name: name}).Open(path.Join(s.path, name), hypercall.Read)
	if err != nil {
		return nil, errnoOf(err)
	}
	return f, nil
}

// An iofsBlock is one file as hooks see it.
type iofsBlock struct {
	hypercall.UnimplementedBlock
	source iofsSource
	name   string
}

func (b iofsBlock) Open(string, hypercall.OpenMode) (hypercall.File, error) {
	c, err := openContent(b.source.FS, b.name)
	return iofsContent{content: c}, err
}

// An iofsContent is a content as a hypercall.File that is not written.
type iofsContent struct {
	hypercall.UnimplementedFile
	content
}

func (c iofsContent) ReadAt(p []byte, off int64) (int, error) { return c.content.ReadAt(p, off) }
func (c iofsContent) Close() error                            { return c.content.Close() }

func openContent(source fs.FS, name string) (content, error) {
	f, err := source.Open(name)
	if err != nil {
		return nil, errnoOf(err)
	}
	if c, ok := f.(content); ok {
		return c, nil
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxUnseekable+1))
	switch {
	case err != nil:
		return nil, errnoOf(err)
	case len(b) > maxUnseekable:
		return nil, linuxerr.EFBIG
	}
	return memoryContent(b), nil
}

// memoryContent is a file that was read whole.
type memoryContent []byte

func (m memoryContent) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(m)) {
		return 0, io.EOF
	}
	n := copy(p, m[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (memoryContent) Close() error { return nil }

// An iofsFD is an open iofsFile.
type iofsFD struct {
	vfsfd vfs.FileDescription
	vfs.FileDescriptionDefaultImpl
	vfs.LockFD

	content content
	node    *iofsNode

	mu  sync.Mutex
	off int64
}

func (fd *iofsFD) Release(context.Context) { fd.content.Close() }

func (fd *iofsFD) Stat(ctx context.Context, opts vfs.StatOptions) (linux.Statx, error) {
	return fd.node.Stat(ctx, fd.vfsfd.Mount().Filesystem(), opts)
}

func (*iofsFD) SetStat(context.Context, vfs.SetStatOptions) error { return linuxerr.EROFS }

func (fd *iofsFD) PRead(ctx context.Context, dst usermem.IOSequence, offset int64, opts vfs.ReadOptions) (int64, error) {
	if offset < 0 {
		return 0, linuxerr.EINVAL
	}
	if opts.Flags&^linux.RWF_HIPRI != 0 {
		return 0, linuxerr.EOPNOTSUPP
	}
	n, err := dst.CopyOutFrom(ctx, safemem.FromIOReader{Reader: io.NewSectionReader(fd.content, offset, math.MaxInt64-offset)})
	if n > 0 && err == io.EOF {
		err = nil
	}
	if err != nil && err != io.EOF {
		err = errnoOf(err)
	}
	return n, err
}

func (fd *iofsFD) Read(ctx context.Context, dst usermem.IOSequence, opts vfs.ReadOptions) (int64, error) {
	fd.mu.Lock()
	defer fd.mu.Unlock()
	n, err := fd.PRead(ctx, dst, fd.off, opts)
	fd.off += n
	return n, err
}

func (fd *iofsFD) Seek(ctx context.Context, offset int64, whence int32) (int64, error) {
	fd.mu.Lock()
	defer fd.mu.Unlock()
	base := int64(0)
	switch whence {
	case linux.SEEK_SET:
	case linux.SEEK_CUR:
		base = fd.off
	case linux.SEEK_END:
		info, err := fs.Lstat(fd.node.fs.source.FS, fd.node.name)
		if err != nil {
			return 0, errnoOf(err)
		}
		base = info.Size()
	default:
		return 0, linuxerr.EINVAL
	}
	if offset > 0 && base > math.MaxInt64-offset || base+offset < 0 {
		return 0, linuxerr.EINVAL
	}
	fd.off = base + offset
	return fd.off, nil
}
