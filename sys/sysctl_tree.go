package sys

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/anykernel/anykernel/sys/abi"
)

// The tree of variables of NetBSD, which the kernel describes itself; see
// sysctl(7) and sysctl(9).

// A sysctlNode is a variable, or a node with others below it.
type sysctlNode struct {
	num  int32
	name string
	kind uint32
	size int // of the value, in bytes
}

// What a node holds: the low bits of its flags.
const (
	ctlNode   = 1
	ctlInt    = 2
	ctlString = 3
	ctlQuad   = 4
	ctlBool   = 6
)

// struct sysctlnode of machines with pointers of 8 bytes: flags, number, name
// of 32 bytes, version, padding, a union of 16 bytes, size of the value, and
// three pointers.
const (
	sysctlNodeSize    = 96
	sysctlNameOffset  = 8
	sysctlNameSize    = 32
	sysctlValueOffset = 64
	sysctlVersion     = 1 << 24 // of the structure, among the flags
	ctlQuery          = -2      // asks for what is below a node
	maxSysctlNodes    = 4096    // below one node
	maxSysctlDepth    = 12      // CTL_MAXNAME
)

// sysctlBelow is what is below a node; the root has no number.
func (p *Process) sysctlBelow(mib []int32) ([]sysctlNode, error) {
	a := p.k.tab.abi
	if a.OS != "netbsd" || a.PointerSize != 8 {
		return nil, ErrNotSupported
	}
	query := make([]byte, sysctlNodeSize)
	a.Order.PutUint32(query, sysctlVersion)
	mib = append(slices.Clone(mib), ctlQuery)
	for nodes := 128; ; nodes = maxSysctlNodes {
		b := make([]byte, sysctlNodeSize*nodes)
		n, err := p.sysctl(mib, b, query)
		if err == nil {
			return decodeSysctlNodes(a, b[:min(n, len(b))]), nil
		}
		if !errors.Is(err, ENOMEM) || nodes == maxSysctlNodes {
			return nil, err
		}
	}
}

func decodeSysctlNodes(a *abi.ABI, b []byte) []sysctlNode {
	var nodes []sysctlNode
	for ; len(b) >= sysctlNodeSize; b = b[sysctlNodeSize:] {
		nodes = append(nodes, sysctlNode{
			num:  int32(a.Order.Uint32(b[4:])),
			name: cString(b[sysctlNameOffset : sysctlNameOffset+sysctlNameSize]),
			kind: a.Order.Uint32(b) & 15,
			size: int(a.Order.Uint32(b[sysctlValueOffset:])),
		})
	}
	return nodes
}

// sysctlLookup finds a variable by its name, with dots or slashes.
func (p *Process) sysctlLookup(name string) (mib []int32, node sysctlNode, err error) {
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '.' || r == '/' }) {
		nodes, err := p.sysctlBelow(mib)
		if err != nil {
			return nil, node, err
		}
		i := slices.IndexFunc(nodes, func(n sysctlNode) bool { return n.name == word })
		if i < 0 || len(mib) == maxSysctlDepth {
			return nil, node, ENOENT
		}
		node = nodes[i]
		mib = append(mib, node.num)
	}
	if len(mib) == 0 {
		return nil, node, fmt.Errorf("no name of a variable: %w", EINVAL)
	}
	return mib, node, nil
}

// sysctlText is the value of a variable of NetBSD as text.
func (p *Process) sysctlText(name string) (string, error) {
	mib, node, err := p.sysctlLookup(name)
	switch {
	case err != nil:
		return "", err
	case node.kind == ctlNode:
		return "", EISDIR
	}
	b, err := p.SysctlNumbers(mib...)
	if err != nil {
		return "", err
	}
	return node.format(p.k.tab.abi, b)
}

func (n *sysctlNode) format(a *abi.ABI, b []byte) (string, error) {
	switch {
	case n.kind == ctlString:
		return strings.TrimSuffix(cString(b), "\n"), nil
	case n.kind == ctlInt && len(b) >= 4:
		return strconv.Itoa(int(int32(a.Order.Uint32(b)))), nil
	case n.kind == ctlQuad && len(b) >= 8:
		return strconv.FormatInt(int64(a.Order.Uint64(b)), 10), nil
	case n.kind == ctlBool && len(b) >= 1:
		return strconv.Itoa(int(b[0])), nil
	}
	return "", fmt.Errorf("the value is no number and no text; SysctlNumbers gives its bytes: %w", ErrNotSupported)
}

// setSysctlText sets a variable of NetBSD from text.
func (p *Process) setSysctlText(name, value string) error {
	mib, node, err := p.sysctlLookup(name)
	if err != nil {
		return err
	}
	b, err := node.parse(p.k.tab.abi, strings.TrimSpace(value))
	if err != nil {
		return err
	}
	return p.SetSysctlNumbers(b, mib...)
}

func (n *sysctlNode) parse(a *abi.ABI, value string) ([]byte, error) {
	if n.kind == ctlString {
		return append([]byte(value), 0), nil
	}
	sizes := map[uint32]int{ctlInt: 4, ctlQuad: 8, ctlBool: 1}
	size := sizes[n.kind]
	if size == 0 {
		return nil, fmt.Errorf("the value is no number and no text; SetSysctlNumbers takes its bytes: %w", ErrNotSupported)
	}
	v, err := strconv.ParseInt(value, 0, 8*size)
	if err != nil {
		return nil, fmt.Errorf("%q is no number of %d bytes: %w", value, size, EINVAL)
	}
	b := bytes.Repeat([]byte{0}, 8)
	field := abi.Field{Size: size}
	field.PutUint(b, a.Order, uint64(v))
	return b[:size], nil
}

// sysctlNames is the names of the variables below a node that have a value as
// text.
func (p *Process) sysctlNames(prefix string, mib []int32) (names []string, err error) {
	nodes, err := p.sysctlBelow(mib)
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		switch n.kind {
		case ctlInt, ctlString, ctlQuad, ctlBool:
			names = append(names, prefix+n.name)
		case ctlNode:
			if len(mib)+1 == maxSysctlDepth {
				continue
			}
			below, err := p.sysctlNames(prefix+n.name+".", append(slices.Clone(mib), n.num))
			if dead := p.k.Err(); dead != nil {
				return nil, dead
			}
			if err == nil { // some nodes answer by functions of their own, and not this question
				names = append(names, below...)
			}
		}
	}
	return names, nil
}
