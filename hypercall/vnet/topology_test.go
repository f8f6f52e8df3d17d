package vnet_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/vnet"
)

const office = `
# two rooms and a way out
pc1--sw1 delay=1ms; pc2--sw1
sw1--sw2--server  rate=1gbit
server: rump?ncpu=2 mtu=9000 ip=10.0.0.9/24
sw2->sw1 loss=50%
pc1: sentry:hostname=pc1,mem=64m
router: rump ip@sw2=10.0.0.1/24
router--sw2
hub: switch
hub--pc3
hub--router
`

func TestTopology(t *testing.T) {
	top := get[*vnet.Topology](t)(vnet.ParseTopology(office))
	const want = `pc1: sentry:hostname=pc1,mem=64m
sw1:
pc2:
sw2:
server: rump?ncpu=2 mtu=9000 ip=10.0.0.9/24
router: rump ip@sw2=10.0.0.1/24
hub: switch
pc3:
pc1--sw1 delay=1ms
pc2--sw1
sw1--sw2
sw1->sw2 rate=1gbit
sw2->sw1 loss=0.5 rate=1gbit
sw2--server rate=1gbit
router--sw2
hub--pc3
hub--router
`
	if got := top.String(); got != want {
		t.Errorf("the topology is\n%swant\n%s", got, want)
	}
	n, _ := top.Node("router")
	if len(n.Links) != 2 || n.Peer(top, n.Links[0]) != "sw2" || n.Peer(top, n.Links[1]) != "hub" || n.IsSwitch() {
		t.Errorf("the router is %+v", n)
	}
	if n, _ := top.Node("hub"); !n.IsSwitch() {
		t.Error("the hub is no switch")
	}
}

func TestTopologyErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "a topology without nodes: want links such as a--sw--b",
		"# nothing":               "a topology without nodes",
		"a--b\na--b":              `topology, line 2, "a--b": "a" and "b" are linked already`,
		"a--a":                    `a link from "a" to itself`,
		"a--":                     `"" is no name for a node`,
		"a---b":                   `"-b" is no name for a node`,
		"a b":                     "neither a link such as a--b",
		"a->b loss=1%":            `there is no link between "a" and "b" yet`,
		"a--b los=1%":             `"los=1%" is no condition: there are delay=`,
		"a--b; b->a delay=x":      `topology, line 1, "b->a delay=x": delay: "x" is no time`,
		"a: rump\na: sentry":      `it was said before what "a" is`,
		"a: rump mtu":             `"mtu" is no option`,
		"a: rump x@b-c=1":         `"x@b-c=1" is no option`,
		"sw1--sw2--sw3; sw3--sw1": "",
	} {
		top, err := vnet.ParseTopology(text)
		var where *vnet.TopologyError
		switch {
		case want == "":
			must(t, err)
			_, err = top.Build(vnet.Config{})
			want = `switches "sw3" and "sw1" are connected already`
		case strings.HasPrefix(want, "a topology"):
		case !errors.As(err, &where) || where.Line < 1:
			t.Errorf("%q: %v says not where", text, err)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := vnet.ParseTopology(strings.Repeat("#", vnet.MaxTopology+1)); err == nil {
		t.Error("a topology of a megabyte was read")
	}
}

func TestBuild(t *testing.T) {
	c := &clock{}
	w := get[*vnet.Wiring](t)(get[*vnet.Topology](t)(vnet.ParseTopology(office)).Build(vnet.Config{Clock: c}))
	defer w.Close()
	got := ""
	pc1 := get[hypercall.Link](t)(w.Port("pc1", 0).Attach(hypercall.NIC{}, func([]byte) {}))
	router := w.Port("router", 4)
	if router.Name() != "router.sw2" {
		t.Errorf("the router's interface is called %s", router.Name())
	}
	get[hypercall.Link](t)(router.Attach(hypercall.NIC{}, func(b []byte) { got += c.at.String() }))
	pc1.Send(frameOf(broadcast, w.Port("pc1", 0).HardwareAddr(), string(make([]byte, 986))))
	for {
		for w.Step() {
		}
		next, any := w.Next()
		if !any {
			break
		}
		c.at += next
	}
	if got != "1.008ms" { // 1 ms to sw1, 8 µs to sw2
		t.Errorf("the router received after %s", got)
	}
	l := get[*vnet.Link](t)(w.Cable("sw2", "sw1"))
	if l.String() != "sw1--sw2" {
		t.Errorf("the link between the switches is %v", l)
	}
	if _, err := w.Cable("pc1", "pc2"); err == nil {
		t.Error("there is a link between pc1 and pc2")
	}
}

func FuzzTopology(f *testing.F) {
	for _, s := range []string{office, "a--sw--b loss=1% delay=20ms", "a--b;a->b down", "x: rump a@b=c", "a->b", "a--b#c\n\n;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		top, err := vnet.ParseTopology(text)
		if err != nil {
			return
		}
		again, err := vnet.ParseTopology(top.String())
		if err != nil || again.String() != top.String() {
			t.Fatalf("%q is\n%s, which is\n%s, %v", text, top, again, err)
		}
		if w, err := top.Build(vnet.Config{Clock: &clock{}}); err == nil {
			w.Close()
		}
	})
}
