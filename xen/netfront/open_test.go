package netfront

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/anykernel/anykernel/xen/ring/ringtest"
	"github.com/anykernel/anykernel/xen/xenbus/xenbustest"
)

const (
	frontPath = "device/vif/0"
	backPath  = "/local/domain/0/backend/vif/1/0"
)

// A dom0 is a back end behind xenstore and a grant table, which gives back
// every frame.
type dom0 struct {
	*xenbustest.Host
	refuses bool // to complete checksums
	sent    uint32
	port    uint32
	tx, rx  *ringtest.Back
}

func (d *dom0) appear() {
	d.Set(frontPath+"/backend", backPath)
	d.Set(frontPath+"/backend-id", "0")
	d.Set(frontPath+"/mac", "00:16:3e:00:00:01")
	d.Set(frontPath+"/state", "1")
	value := "0"
	if d.refuses {
		value = "1"
	}
	d.Set(backPath+"/feature-no-csum-offload", value)
	d.Set(backPath+"/state", "2")
}

func (d *dom0) connect(t testing.TB) {
	t.Helper()
	d.Await(t, frontPath+"/state", "4")
	number := func(key string) uint32 {
		v, _ := d.Get(frontPath + "/" + key)
		n, err := strconv.ParseUint(v, 10, 32)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		return uint32(n)
	}
	d.port = number("event-channel")
	d.tx = ringtest.NewBack(d.Page(number("tx-ring-ref")), txEntry)
	d.rx = ringtest.NewBack(d.Page(number("rx-ring-ref")), rxEntry)
	d.Bind(d.port, d.serve)
	d.Set(backPath+"/state", "4")
}

func (d *dom0) serve() {
	for {
		q, ok := d.tx.Request()
		if !ok {
			break
		}
		ref, last := q.Load32(0), q.Load32(8)
		d.sent = q.Load32(4) >> 16
		to, ok := d.rx.Request()
		if !ok {
			panic("no page to receive into")
		}
		id, into := to.Load32(0)&0xffff, to.Load32(4)
		size := copy(d.Page(into).Bytes, d.Page(ref).Bytes[:last>>16])
		d.tx.Response().Store32(0, last&0xffff)
		r := d.rx.Response()
		r.Store32(0, id)
		r.Store32(4, uint32(size)<<16)
	}
	d.tx.Publish()
	d.rx.Publish()
	d.Raise(d.port)
}

func (d *dom0) echo(t *testing.T, n *NIC, text string, flags uint32) {
	t.Helper()
	got := make([]byte, maxFrame)
	if err := n.WriteBlank([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if size, err := n.ReadFrame(got); err != nil || string(got[:size]) != text || d.sent != flags {
		t.Errorf("%q came back as %q, %v, sent with flags %d, want %d", text, got[:size], err, d.sent, flags)
	}
}

// TestOpen: an interface is found, and goes on in other domains, whose back
// ends do more and less.
func TestOpen(t *testing.T) {
	d := &dom0{Host: xenbustest.New(t)}
	d.appear()
	devices, err := d.Bus.List(t.Context(), "vif")
	if err != nil || len(devices) != 1 {
		t.Fatalf("%d devices, %v", len(devices), err)
	}
	opened := make(chan error, 1)
	var n *NIC
	go func() {
		var err error
		n, err = Open(context.Background(), devices[0])
		opened <- err
	}()
	d.connect(t)
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if v, _ := d.Get(frontPath + "/feature-no-csum-offload"); v != "0" {
		t.Errorf("feature-no-csum-offload is %q", v)
	}
	d.echo(t, n, "first", txBlank|txValidated)
	d.Renews = true
	for i := range 4 {
		d.refuses = i%2 == 0
		appeared, suspended := make(chan struct{}), make(chan error, 1)
		d.Meanwhile = func() {
			d.appear()
			close(appeared)
		}
		go func() { suspended <- d.Bus.Suspend(context.Background(), d.Host, d.Ring) }()
		<-appeared
		d.connect(t)
		if err := <-suspended; err != nil {
			t.Fatal(err)
		}
		got := make([]byte, maxFrame)
		if size, err := n.ReadFrame(got); err != nil || string(got[:size]) != string(announcement(n.mac)) {
			t.Errorf("after a move %x was sent first, %v, want an announcement", got[:size], err)
		}
		flags := uint32(txBlank | txValidated)
		if d.refuses {
			flags = 0
		}
		d.echo(t, n, fmt.Sprint("domain ", i), flags)
	}
}
