package scenario

import (
	"fmt"
	"time"

	"go.starlark.net/starlark"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/script"
	"github.com/anykernel/anykernel/netlab"
	"github.com/anykernel/anykernel/sim"
	"github.com/anykernel/anykernel/sys"
)

// A world is a sim.World and the program that runs in it.
type world struct {
	w *sim.World
	p *script.Script
}

func newWorld(w *sim.World, p *script.Script) *object {
	x := &world{w, p}
	return &object{
		kind:  "world",
		attrs: starlark.StringDict{"seed": starlark.MakeUint64(w.Seed())},
		methods: map[string]method{
			"lab": x.lab, "kernel": x.kernel, "go": x.goStart, "sleep": x.sleep, "now": x.now,
			"fault": x.fault, "int": x.integer, "note": x.note,
		},
	}
}

func (x *world) lab(c *call) (starlark.Value, error) {
	var topology string
	if err := c.unpack("topology", &topology); err != nil {
		return nil, err
	}
	var l *netlab.Lab
	err := c.do(func() (err error) {
		l, err = x.w.OpenLab(topology)
		return err
	})
	if err != nil {
		return nil, err
	}
	return x.newLab(l), nil
}

func (x *world) kernel(c *call) (starlark.Value, error) {
	name, spec := "", x.w.DefaultKernel()
	if err := c.unpack("name", &name, "spec?", &spec); err != nil {
		return nil, err
	}
	var k *sys.Kernel
	err := c.do(func() (err error) {
		k, err = x.w.OpenKernel(name, spec)
		return err
	})
	if err != nil {
		return nil, err
	}
	return x.newKernel(name, k), nil
}

func (x *world) sleep(c *call) (starlark.Value, error) {
	var d script.Duration
	if err := c.unpack("duration", &d); err != nil {
		return nil, err
	}
	return starlark.None, c.do(func() error {
		x.w.Sleep(time.Duration(d))
		return nil
	})
}

func (x *world) now(c *call) (starlark.Value, error) {
	if err := c.unpack(); err != nil {
		return nil, err
	}
	return starlark.MakeInt64(int64(x.w.Monotonic())), nil
}

func (x *world) fault(c *call) (starlark.Value, error) {
	var name string
	var p starlark.Value
	if err := c.unpack("name", &name, "probability", &p); err != nil {
		return nil, err
	}
	f, ok := starlark.AsFloat(p)
	if !ok || f < 0 || f > 1 {
		return nil, fmt.Errorf("%s: %s is no probability from 0 to 1", c.name, p)
	}
	return starlark.Bool(x.w.Fault(name, f)), nil
}

func (x *world) integer(c *call) (starlark.Value, error) {
	var name string
	var least, most int
	if err := c.unpack("name", &name, "least", &least, "most", &most); err != nil {
		return nil, err
	}
	if most < least {
		return nil, fmt.Errorf("%s: %s is from %d to %d", c.name, name, least, most)
	}
	return starlark.MakeInt(x.w.Int(name, least, most)), nil
}

func (x *world) note(c *call) (starlark.Value, error) {
	var text data
	if err := c.unpack("text", &text); err != nil {
		return nil, err
	}
	x.w.Note(text)
	return starlark.None, nil
}

// goStart is the method go.
func (x *world) goStart(c *call) (starlark.Value, error) {
	if len(c.args) == 0 || len(c.kwargs) > 0 {
		return nil, fmt.Errorf("%s: it is %s(function, arguments…)", c.name, c.name)
	}
	f, ok := c.args[0].(*starlark.Function)
	if !ok {
		return nil, fmt.Errorf("%s: want a function of the scenario, not a %s", c.name, c.args[0].Type())
	}
	t := &task{x: x, name: f.Name()}
	x.w.Go(f.Name(), func() { t.run(f, c.args[1:]) })
	return &object{kind: "task", methods: map[string]method{"wait": t.wait}}, nil
}

// A task is a function that runs beside the scenario.
type task struct {
	x      *world
	name   string
	ended  bool
	result starlark.Value
	waits  []hypercall.Wait
}

func (t *task) run(f *starlark.Function, args starlark.Tuple) {
	v, err := t.x.p.Call(f, args)
	t.x.w.Check(err)
	t.ended, t.result = true, v
	for _, w := range t.waits {
		w.Wake()
	}
}

func (t *task) wait(c *call) (starlark.Value, error) {
	if err := c.unpack(); err != nil {
		return nil, err
	}
	err := c.do(func() error {
		if !t.ended {
			w := t.x.w.NewWait(func() string { return "the end of " + t.name })
			t.waits = append(t.waits, w)
			w.Wait(nil)
		}
		return nil
	})
	return t.result, err
}

func (x *world) newLab(l *netlab.Lab) *object {
	return &object{kind: "lab", methods: map[string]method{
		"node": func(c *call) (starlark.Value, error) {
			var name string
			if err := c.unpack("name", &name); err != nil {
				return nil, err
			}
			k := l.Kernel(name)
			if k == nil {
				return nil, fmt.Errorf("%s: %q is no kernel of the lab: there are %q", c.name, name, l.Nodes())
			}
			return x.newKernel(name, k), nil
		},
		"link": func(c *call) (starlark.Value, error) {
			var link, conditions string
			if err := c.unpack("link", &link, "conditions", &conditions); err != nil {
				return nil, err
			}
			return starlark.None, l.Change(link, conditions)
		},
	}}
}
