//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"path"
	"strconv"
	"strings"
	"unicode"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/rump"
	"github.com/anykernel/anykernel/sys/abi"
	"github.com/anykernel/anykernel/sys/abi/netbsd/fsargs"
)

// inspectMounts looks into the images that are to be mounted, and adds the
// components and the parameters that they need.
func (s *settings) inspectMounts(host hypercall.Host) error {
	block := host.Block
	if block == nil {
		block = hypercall.POSIX().Block
	}
	for i := range s.mounts {
		m := &s.mounts[i]
		if err := m.inspect(block); err != nil {
			return fmt.Errorf("mount: %w", err)
		}
		s.components = append(s.components, m.component())
		if m.sector == 0 {
			continue
		}
		// The disks of a rump kernel have sectors of one size.
		if s.sector != 0 && s.sector != m.sector {
			return fmt.Errorf("mount: %s needs sectors of %d bytes, and another image those of %d: mount it in another kernel", m.image, m.sector, s.sector)
		}
		s.sector = m.sector
	}
	return nil
}

// params is the parameters of the kernel that its disks need.
func (s *settings) params() map[string]string {
	if s.sector == 0 {
		return nil
	}
	return map[string]string{"RUMP_BLKSECTSHIFT": strconv.Itoa(bits.TrailingZeros(uint(s.sector)))}
}

// mountImage makes image number n of the kernel's specification a block device
// and mounts it.
func (k *Kernel) mountImage(n int, m *mount) error {
	device := fmt.Sprintf("/dev/disk%d", n)
	if err := k.raw.Register(device, m.image, rump.BlockDevice, m.offset, m.size); err != nil {
		return err
	}
	flags, options := k.mountFlags(m.options)
	if m.readOnly {
		flags |= mntRdonly
	}
	args, err := fsargs.New(m.fstype, device, options)
	if err != nil {
		return err
	}
	if err := k.mkdirAll(m.dir); err != nil {
		return fmt.Errorf("mkdir %s: %w", m.dir, err)
	}
	before := k.raw.Tail()
	err = k.mount(m.dir, flags, args)
	if errors.Is(err, abi.Errno(eROFS)) && flags&mntRdonly == 0 {
		err = k.mount(m.dir, flags|mntRdonly, args) // it has something that the kernel can only read
	}
	if err == nil {
		return nil
	}
	hint := ""
	if m.features != "" {
		hint = "; NetBSD may not know its features " + m.features
	}
	if said, ok := bytes.CutPrefix(k.raw.Tail(), before); ok && len(said) > 0 {
		hint += "; the kernel says: " + strings.Join(strings.FieldsFunc(string(said), unicode.IsControl), "; ")
	}
	return fmt.Errorf("mount %s (%s) on %s: %w%s", m.image, m.fstype, m.dir, err, hint)
}

const mntRdonly = 1

// mountOptions are the options of mount(8) that are flags of mount(2).
var mountOptions = map[string]string{
	"async": "MNT_ASYNC", "log": "MNT_LOG", "noatime": "MNT_NOATIME", "nocoredump": "MNT_NOCOREDUMP", "nodev": "MNT_NODEV",
	"nodevmtime": "MNT_NODEVMTIME", "noexec": "MNT_NOEXEC", "nosuid": "MNT_NOSUID", "sync": "MNT_SYNCHRONOUS", "union": "MNT_UNION",
}

// mountFlags is the flags among the options, and the other options.
func (k *Kernel) mountFlags(options string) (flags uintptr, rest string) {
	var others []string
	for o := range strings.SplitSeq(options, ",") {
		if flag, ok := k.ABI().Const(mountOptions[o]); ok {
			flags |= uintptr(flag)
		} else {
			others = append(others, o)
		}
	}
	return flags, strings.Join(others, ",")
}

// mount calls mount(2).
func (k *Kernel) mount(dir string, flags uintptr, args fsargs.Args) error {
	b, pointers := fsargs.Encode(k.ABI(), args)
	c := backends.Call{Args: [backends.MaxArgs]backends.Arg{
		str(args.Type()), str(dir), backends.Int(flags), backends.Mem(b, backends.In), backends.Int(uintptr(len(b))),
	}}
	for _, p := range pointers {
		c.Refs = append(c.Refs, backends.Ref{Holder: 3, Off: p.Offset, Mem: backends.Mem(p.Text, backends.In)})
	}
	_, err := k.makeCall("mount", c)
	return k.described(err)
}

// A namedErrno is an error number with what NetBSD calls it.
type namedErrno struct {
	abi.Errno
	info abi.ErrnoInfo
}

func (e namedErrno) Error() string { return fmt.Sprintf("%s (%s)", e.info.Message, e.info.Name) }

// Unwrap is the number.
func (e namedErrno) Unwrap() error { return e.Errno }

func (k *Kernel) described(err error) error {
	if number, ok := err.(abi.Errno); ok {
		if info, ok := k.ABI().Errno(number); ok {
			return namedErrno{number, info}
		}
	}
	return err
}

func (k *Kernel) mkdirAll(dir string) error {
	if dir == "/" {
		return nil
	}
	if err := k.mkdirAll(path.Dir(dir)); err != nil {
		return err
	}
	_, err := k.call("mkdir", str(dir), backends.Int(0o755))
	if errors.Is(err, abi.Errno(eEXIST)) {
		err = nil
	}
	return k.described(err)
}
