package scenario

import (
	"bytes"
	"context"
	"fmt"

	"go.starlark.net/starlark"

	"github.com/anykernel/anykernel/applets"
	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
)

// A kernel is a process of a kernel: the first one, or one that was forked.
type kernel struct {
	x    *world
	name string
	p    *sys.Process
}

func (x *world) newKernel(name string, k *sys.Kernel) *object {
	o := x.newProcess(name, k.Init())
	o.methods["close"] = func(c *call) (starlark.Value, error) {
		if err := c.unpack(); err != nil {
			return nil, err
		}
		return starlark.None, c.do(k.Close)
	}
	return o
}

func (x *world) newProcess(name string, p *sys.Process) *object {
	k := &kernel{x, name, p}
	return &object{
		kind:  "kernel",
		attrs: starlark.StringDict{"name": starlark.String(name)},
		methods: map[string]method{
			"listen": k.listen, "dial": k.dial, "packet": k.packet,
			"read": k.read, "write": k.write, "append": k.append, "list": k.list,
			"sync": k.path(k.syncFile), "remove": k.path(p.RemoveAll),
			"mkdir":  k.path(func(path string) error { return p.MkdirAll(path, 0o755) }),
			"rename": k.rename, "run": k.run, "fork": k.fork,
		},
	}
}

// path is a method of one path.
func (k *kernel) path(f func(path string) error) method {
	return func(c *call) (starlark.Value, error) {
		var path string
		if err := c.unpack("path", &path); err != nil {
			return nil, err
		}
		return starlark.None, c.do(func() error { return f(path) })
	}
}

func (k *kernel) syncFile(path string) error {
	f, err := k.p.Open(path, sys.O_RDONLY|sys.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func (k *kernel) read(c *call) (starlark.Value, error) {
	var path string
	if err := c.unpack("path", &path); err != nil {
		return nil, err
	}
	var b []byte
	err := c.do(func() (err error) {
		b, err = k.p.ReadFile(path)
		return err
	})
	if err != nil {
		return nil, err
	}
	return c.bytes(b)
}

func (k *kernel) write(c *call) (starlark.Value, error) {
	return k.put(c, sys.O_WRONLY|sys.O_CREAT|sys.O_TRUNC|sys.O_CLOEXEC)
}

func (k *kernel) append(c *call) (starlark.Value, error) {
	return k.put(c, sys.O_WRONLY|sys.O_CREAT|sys.O_APPEND|sys.O_CLOEXEC)
}

func (k *kernel) put(c *call, flags sys.OpenFlags) (starlark.Value, error) {
	var path string
	var content data
	if err := c.unpack("path", &path, "data", &content); err != nil {
		return nil, err
	}
	return starlark.None, c.do(func() error {
		f, err := k.p.Open(path, flags, 0o644)
		if err != nil {
			return err
		}
		if _, err := f.Write(content); err != nil {
			f.Close()
			return err
		}
		return f.Close()
	})
}

func (k *kernel) list(c *call) (starlark.Value, error) {
	var path string
	if err := c.unpack("path", &path); err != nil {
		return nil, err
	}
	var names []starlark.Value
	err := c.do(func() error {
		entries, err := k.p.ReadDir(path)
		for _, e := range entries {
			names = append(names, starlark.String(e.Name()))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return starlark.NewList(names), nil
}

func (k *kernel) rename(c *call) (starlark.Value, error) {
	var from, to string
	if err := c.unpack("old", &from, "new", &to); err != nil {
		return nil, err
	}
	return starlark.None, c.do(func() error { return k.p.Rename(from, to) })
}

// run runs an applet.
func (k *kernel) run(c *call) (starlark.Value, error) {
	var words []string
	for _, arg := range c.args {
		text, ok := starlark.AsString(arg)
		if !ok {
			return nil, fmt.Errorf("%s: want strings, not a %s", c.name, arg.Type())
		}
		words = append(words, text)
	}
	if len(words) == 0 || len(c.kwargs) > 0 {
		return nil, fmt.Errorf("%s: it is run(applet, arguments…)", c.name)
	}
	a, ok := applets.Lookup(words[0])
	if !ok {
		return nil, fmt.Errorf("%s: no applet is called %q", c.name, words[0])
	}
	if a.Concurrent {
		return nil, fmt.Errorf("%s: %s has goroutines of its own, which a world cannot give turns: use listen and dial", c.name, a.Name)
	}
	var out bytes.Buffer
	var status int
	err := c.do(func() error {
		e := &applets.Env{Process: k.p, Stdout: &out, Stderr: &out, Dir: "/"}
		status = a.Run(context.Background(), e, words[1:]...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	text, err := c.bytes(out.Bytes())
	return starlark.Tuple{starlark.MakeInt(status), starlark.String(text.(starlark.Bytes))}, err
}

func (k *kernel) fork(c *call) (starlark.Value, error) {
	if err := c.unpack(); err != nil {
		return nil, err
	}
	var p *sys.Process
	err := c.do(func() (err error) {
		p, err = k.p.Fork(context.Background(), backends.CopiedDescriptors)
		return err
	})
	if err != nil {
		return nil, err
	}
	return k.x.newProcess(k.name, p), nil
}
