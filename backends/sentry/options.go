//go:build linux && (amd64 || arm64)

package sentry

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/anykernel/anykernel/backends"
)

// Options say what a kernel is like. The zero Options are a kernel as the
// specification "sentry" opens it.
type Options struct {
	// Hostname is the host name; "" is "sentry".
	Hostname string
	// Memory bounds what files in memory and mappings take, in bytes: what
	// exceeds it fails with ENOSPC or ENOMEM. It is at least MinMemory; 0 is
	// no bound but on the root file system, which has half of the machine's. Buffers of sockets and pipes and the kernel's own structures
	// are not counted.
	Memory int64
	// Env is the environment of the first process, KEY=VALUE.
	Env []string
	// Users are in /etc/passwd besides root and nobody.
	Users []User
	// Mounts bring files in, in this order.
	Mounts []Mount

	// NICs are the network interfaces besides the loopback, in order: the
	// first has index 2.
	NICs []NIC
}

// MinMemory is the least bound on memory that a kernel boots with.
const MinMemory = 1 << 20

// maxHostname is __NEW_UTS_LEN of Linux.
const maxHostname = 64

func (o *Options) check() error {
	if len(o.Hostname) > maxHostname {
		return fmt.Errorf("host name %q: longer than %d bytes", o.Hostname, maxHostname)
	}
	if o.Memory != 0 && o.Memory < MinMemory {
		return fmt.Errorf("memory of %d bytes: a kernel needs at least %d", o.Memory, MinMemory)
	}
	for _, e := range o.Env {
		if key, _, ok := strings.Cut(e, "="); !ok || key == "" || strings.ContainsRune(e, 0) {
			return fmt.Errorf("environment %q: want KEY=VALUE", e)
		}
	}
	for _, u := range o.Users {
		if u.Name == "" || strings.ContainsAny(u.Name+u.Home, ":\n\x00") {
			return fmt.Errorf("user %q: name and home may not have ':', a line's end or NUL in them", u.Name)
		}
	}
	return nil
}

// setters set an option of a specification.
var setters = map[string]func(o *Options, opened *closers, value string) error{
	"hostname": func(o *Options, _ *closers, v string) error { o.Hostname = v; return nil },
	"env":      func(o *Options, _ *closers, v string) error { o.Env = append(o.Env, v); return nil },
	"mem":      func(o *Options, _ *closers, v string) (err error) { o.Memory, err = parseSize(v); return err },
	"user":     func(o *Options, _ *closers, v string) error { return o.addUser(v) },
	"mount":    func(o *Options, c *closers, v string) error { return o.addHostDir(c, v, false) },
	"copy":     func(o *Options, c *closers, v string) error { return o.addHostDir(c, v, true) },
}

// parseOptions is the options of a specification, and what to close with the
// kernel.
func parseOptions(s backends.Spec) (o Options, opened closers, err error) {
	for _, opt := range s.Options {
		set := setters[opt.Key]
		if set == nil {
			return o, opened, fmt.Errorf("option %s is not known", opt.Key)
		}
		if err := set(&o, &opened, opt.Value); err != nil {
			return o, opened, fmt.Errorf("option %s: %w", opt.Key, err)
		}
	}
	return o, opened, nil
}

// addUser adds name:uid or name:uid:gid.
func (o *Options) addUser(text string) error {
	parts := strings.Split(text, ":")
	if len(parts) != 2 && len(parts) != 3 {
		return fmt.Errorf("%q: want name:uid or name:uid:gid", text)
	}
	u := User{Name: parts[0]}
	var ids [2]uint32
	for i, part := range parts[1:] {
		id, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return fmt.Errorf("%q: %q is not a number from 0 to %d", text, part, uint32(1<<32-1))
		}
		ids[i] = uint32(id)
	}
	u.UID, u.GID = ids[0], ids[len(parts)-2]
	o.Users = append(o.Users, u)
	return nil
}

// addHostDir adds hostfolder:path.
func (o *Options) addHostDir(c *closers, text string, copied bool) error {
	i := strings.LastIndexByte(text, ':')
	if i <= 0 || i == len(text)-1 {
		return fmt.Errorf("%q: want HOSTFOLDER:PATH", text)
	}
	dir, err := HostDir(text[:i])
	if err != nil {
		return err
	}
	*c = append(*c, dir)
	o.Mounts = append(o.Mounts, Mount{Path: text[i+1:], FS: dir, Copy: copied})
	return nil
}

// sizes are the suffixes of a size.
var sizes = map[byte]int64{'k': 1 << 10, 'm': 1 << 20, 'g': 1 << 30, 't': 1 << 40}

// parseSize is a number of bytes such as 65536, 64k, 16M or 1g.
func parseSize(text string) (int64, error) {
	number, unit := text, int64(1)
	if n := len(text); n > 0 {
		if u, ok := sizes[text[n-1]|0x20]; ok {
			number, unit = text[:n-1], u
		}
	}
	v, err := strconv.ParseInt(number, 10, 64)
	if err != nil || v < 0 || v > (1<<62)/unit {
		return 0, fmt.Errorf("%q is not a size: want a number with k, m, g or t behind it", text)
	}
	return v * unit, nil
}

// closers are closed together.
type closers []io.Closer

func (c closers) Close() error {
	var all error
	for _, x := range c {
		all = errors.Join(all, x.Close())
	}
	return all
}
