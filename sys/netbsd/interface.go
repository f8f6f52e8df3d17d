package netbsd

import (
	"net"
	"net/netip"

	"github.com/anykernel/anykernel/sys"
)

// InterfaceFlags are the flags of a network interface; see netintro(4).
type InterfaceFlags uint32

const (
	IFF_UP          InterfaceFlags = 0x1
	IFF_BROADCAST   InterfaceFlags = 0x2
	IFF_DEBUG       InterfaceFlags = 0x4
	IFF_LOOPBACK    InterfaceFlags = 0x8
	IFF_POINTOPOINT InterfaceFlags = 0x10
	IFF_NOTRAILERS  InterfaceFlags = 0x20
	IFF_RUNNING     InterfaceFlags = 0x40
	IFF_NOARP       InterfaceFlags = 0x80
	IFF_PROMISC     InterfaceFlags = 0x100
	IFF_ALLMULTI    InterfaceFlags = 0x200
	IFF_OACTIVE     InterfaceFlags = 0x400
	IFF_SIMPLEX     InterfaceFlags = 0x800
	IFF_LINK0       InterfaceFlags = 0x1000
	IFF_LINK1       InterfaceFlags = 0x2000
	IFF_LINK2       InterfaceFlags = 0x4000
	IFF_MULTICAST   InterfaceFlags = 0x8000
)

var interfaceFlags = sys.NewFlagNames("interface flags", "IFF_", names(
	"UP", "BROADCAST", "DEBUG", "LOOPBACK", "POINTOPOINT", "NOTRAILERS", "RUNNING", "NOARP", "PROMISC", "ALLMULTI",
	"OACTIVE", "SIMPLEX", "LINK0", "LINK1", "LINK2", "MULTICAST")...)

// names is flags of one bit each, from the lowest on.
func names(all ...string) []sys.FlagName {
	list := make([]sys.FlagName, len(all))
	for i, n := range all {
		list[i] = sys.FlagName{Name: n, Value: 1 << i}
	}
	return list
}

// ParseInterfaceFlags reads flags by name, such as "up, running". The error is
// a [*sys.NameError].
func ParseInterfaceFlags(text string) (InterfaceFlags, error) {
	v, err := interfaceFlags.Parse(text)
	return InterfaceFlags(v), err
}

// String is the flags by name.
func (f InterfaceFlags) String() string { return interfaceFlags.Format(uint64(f)) }

// An Interface is a network interface.
type Interface struct {
	Index        int
	Name         string
	Type         uint8 // as <net/if_types.h> counts: 6 is Ethernet, 24 loopback
	Flags        InterfaceFlags
	MTU          int
	HardwareAddr net.HardwareAddr
	LinkState    int // 0 unknown, 1 down, 2 up
	Addresses    []InterfaceAddress
	Stats        InterfaceStats
}

// InterfaceStats are an interface's counters.
type InterfaceStats struct {
	RXPackets, RXBytes, RXErrors, RXDropped uint64
	TXPackets, TXBytes, TXErrors            uint64
	Collisions                              uint64
}

// An InterfaceAddress is an address of an interface.
type InterfaceAddress struct {
	Index     int          // of the interface
	Prefix    netip.Prefix // the address, and the length of its network
	Broadcast netip.Addr   // or the peer's address; invalid for none
}

func newInterface(r *record, index int) Interface {
	u := func(name string) uint64 { return uint64(r.get("ifm_data." + name)) }
	return Interface{
		Index: index, Type: uint8(u("ifi_type")), Flags: InterfaceFlags(r.get("ifm_flags") & 0xffff), MTU: int(u("ifi_mtu")),
		LinkState: int(u("ifi_link_state")),
		Stats: InterfaceStats{
			RXPackets: u("ifi_ipackets"), RXBytes: u("ifi_ibytes"), RXErrors: u("ifi_ierrors"), RXDropped: u("ifi_iqdrops"),
			TXPackets: u("ifi_opackets"), TXBytes: u("ifi_obytes"), TXErrors: u("ifi_oerrors"), Collisions: u("ifi_collisions"),
		},
	}
}

func newInterfaceAddress(index int, addrs *[axMax][]byte) InterfaceAddress {
	a := InterfaceAddress{Index: index, Broadcast: ipOf(addrs[axBrd])}
	if ip := ipOf(addrs[axIfa]); ip.IsValid() {
		a.Prefix = netip.PrefixFrom(ip, maskBits(addrs[axNetmask], ip))
	}
	return a
}

// Numbers of sysctl(7).
const (
	ctlNet    = 4
	rtDump    = 1
	rtIfList  = 5
	anyFamily = 0
)

// routeList is a list that sysctl(7) has under net.route.
func routeList(p *sys.Process, what int32) ([]RouteMessage, error) {
	family, _ := p.Kernel().ABI().Const("AF_ROUTE")
	b, err := p.SysctlNumbers(ctlNet, int32(family), 0, anyFamily, what, 0)
	if err != nil {
		return nil, err
	}
	return ParseRouteMessages(p.Kernel().ABI(), b)
}

// Interfaces is all network interfaces of p's kernel with their addresses.
func Interfaces(p *sys.Process) ([]Interface, error) {
	if err := want(p, "interfaces"); err != nil {
		return nil, err
	}
	messages, err := routeList(p, rtIfList)
	if err != nil {
		return nil, p.Fail("interfaces", "", err)
	}
	var list []Interface
	for _, m := range messages {
		last := len(list) - 1
		switch {
		case m.Type == RTM_IFINFO:
			list = append(list, m.Interface)
		case m.Type == RTM_NEWADDR && last >= 0 && list[last].Index == m.Index && m.Address.Prefix.IsValid():
			list[last].Addresses = append(list[last].Addresses, m.Address)
		}
	}
	return list, nil
}
