package sys

import (
	"bytes"
	"testing"

	"github.com/anykernel/anykernel/sys/abi/netbsd"
)

// appendSysctlNode is a node as NetBSD describes it.
func appendSysctlNode(b []byte, n sysctlNode) []byte {
	a := netbsd.AMD64
	node := make([]byte, sysctlNodeSize)
	a.Order.PutUint32(node, sysctlVersion|n.kind)
	a.Order.PutUint32(node[4:], uint32(n.num))
	copy(node[sysctlNameOffset:], n.name)
	a.Order.PutUint32(node[sysctlValueOffset:], uint32(n.size))
	return append(b, node...)
}

func FuzzSysctlNodes(f *testing.F) {
	one := appendSysctlNode(nil, sysctlNode{num: 1, name: "kern", kind: ctlNode})
	f.Add(one)
	f.Add(appendSysctlNode(one, sysctlNode{num: -1, name: "a name that fills all of 32 bytes", kind: ctlString, size: 1 << 30}))
	f.Add(one[:sysctlNodeSize-1])
	f.Fuzz(func(t *testing.T, b []byte) {
		a := netbsd.AMD64
		nodes := decodeSysctlNodes(a, b)
		if len(nodes) != len(b)/sysctlNodeSize {
			t.Fatalf("%d nodes in %d bytes", len(nodes), len(b))
		}
		for i, n := range nodes {
			if len(n.name) > sysctlNameSize || bytes.IndexByte([]byte(n.name), 0) >= 0 {
				t.Errorf("a node is named %q", n.name)
			}
			value := b[i*sysctlNodeSize:]
			_, _ = n.format(a, value[:min(len(value), n.size&63)])
			if text, err := n.parse(a, n.name); err == nil && n.kind != ctlString && len(text) > 8 {
				t.Errorf("%q is %d bytes", n.name, len(text))
			}
		}
	})
}
