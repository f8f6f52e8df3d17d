package timeline

import (
	"fmt"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/record"
)

// describe is a frame in words.
func describe(args hypercall.Fields) string {
	b := args.Bytes("data")
	head := fmt.Sprintf("%s %s, %d bytes", args.Text("nic"), args.Text("dir"), len(b))
	if d, ok := args.Get("data").(record.Digest); ok {
		return fmt.Sprintf("%s %s, %v", args.Text("nic"), args.Text("dir"), d)
	}
	p := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	if n := p.NetworkLayer(); n != nil {
		head += fmt.Sprintf(": %v", n.NetworkFlow())
	}
	switch t := p.TransportLayer().(type) {
	case *layers.TCP:
		head += fmt.Sprintf(" TCP %d > %d [%s] seq %d ack %d, %d of payload", t.SrcPort, t.DstPort, flags(t), t.Seq, t.Ack, len(t.Payload))
	case *layers.UDP:
		head += fmt.Sprintf(" UDP %d > %d, %d of payload", t.SrcPort, t.DstPort, len(t.Payload))
	default:
		if last := p.Layers(); len(last) > 0 {
			head += " " + last[len(last)-1].LayerType().String()
		}
	}
	return short(head)
}

func flags(t *layers.TCP) string {
	out := ""
	for _, f := range []struct {
		set  bool
		name string
	}{{t.SYN, "S"}, {t.FIN, "F"}, {t.RST, "R"}, {t.PSH, "P"}, {t.ACK, "A"}} {
		if f.set {
			out += f.name
		}
	}
	return out
}
