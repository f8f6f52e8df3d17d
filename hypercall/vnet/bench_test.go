package vnet_test

import (
	"sync/atomic"
	"testing"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/vnet"
)

// BenchmarkFrame is a frame of 1514 bytes from one interface to another, sent in
// windows as TCP does.
func BenchmarkFrame(b *testing.B) {
	for _, tc := range []struct{ name, conditions string }{
		{"link", ""}, {"switch", ""}, {"delay", "delay=1us"}, {"loss", "loss=0.0001%"},
	} {
		b.Run(tc.name, func(b *testing.B) {
			n := vnet.New(vnet.Config{})
			defer n.Close()
			x, y := get[*vnet.NIC](b)(n.NIC("x")), get[*vnet.NIC](b)(n.NIC("y"))
			if tc.name == "switch" {
				sw := get[*vnet.Switch](b)(n.Switch("sw"))
				get[*vnet.Link](b)(n.Link(x, sw))
				get[*vnet.Link](b)(n.Link(sw, y))
			} else {
				l := get[*vnet.Link](b)(n.Link(x, y))
				must(b, l.Set(get[vnet.Conditions](b)(vnet.ParseConditions(tc.conditions))))
			}
			const window = 256
			var got atomic.Int64
			room := make(chan struct{}, 1)
			get[hypercall.Link](b)(y.Attach(hypercall.NIC{}, func([]byte) {
				if got.Add(1)%(window/2) == 0 {
					select {
					case room <- struct{}{}:
					default:
					}
				}
			}))
			send := get[hypercall.Link](b)(x.Attach(hypercall.NIC{}, func([]byte) {}))
			frame := frameOf(y.HardwareAddr(), x.HardwareAddr(), string(make([]byte, 1500)))
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				for int64(i)-got.Load() >= window {
					<-room
				}
				send.Send(frame)
			}
		})
	}
}
