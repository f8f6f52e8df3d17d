package packetdrill

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"strconv"
	"time"

	"github.com/anykernel/anykernel/packetdrill/script"
)

// A Config says how a script is run. The zero Config is valid.
type Config struct {
	// Kernel is the specification of the kernel; "" is "sentry".
	Kernel string
	// Tolerance is how early or late a packet or the end of a call may be,
	// where the script does not say it; 0 is 4 ms, and 25 ms for NetBSD's
	// kernel, which has ticks of 10 ms.
	Tolerance time.Duration
	// Defines are words of the script, and what stands for them.
	Defines map[string]string
	// Dir is the folder that commands name files from: their settings are made,
	// too. "": there are none.
	Dir string
	// Log receives each event with its time. nil: nothing.
	Log io.Writer
}

// ErrUnsupported is in errors of scripts that the runner, or the kernel's ABI,
// has not got what they need for.
var ErrUnsupported = errors.New("not supported")

func unsupported(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, ErrUnsupported)...)
}

// settings are a script's own options over a Config.
type settings struct {
	ipv6          bool
	local, remote netip.Addr
	gateway       netip.Addr
	bits          int
	tolerance     time.Duration // 0: the default
	strict        bool          // segments are as the script has them, and not in parts
	mtu           int
	localPort     uint16 // that sockets bind to
	remotePort    uint16 // that sockets connect to
}

func newSettings(s *script.Script, c Config) (*settings, error) {
	set := &settings{tolerance: c.Tolerance, localPort: 8080, remotePort: 8080}
	given := map[string]string{}
	for _, o := range s.Options {
		given[o.Key] = o.Value
		if err := set.option(o); err != nil {
			return nil, fmt.Errorf("option --%s=%s: %w", o.Key, o.Value, err)
		}
	}
	local, remote := "192.168.0.2", "192.0.2.1"
	set.bits, set.gateway = 16, netip.MustParseAddr("192.168.0.1")
	if set.ipv6 {
		local, remote = "fd3d:fa7b:d17d::2", "2001:db8::1"
		set.bits, set.gateway = 48, netip.MustParseAddr("fd3d:fa7b:d17d::1")
	}
	if !set.local.IsValid() {
		set.local = netip.MustParseAddr(local)
	}
	if !set.remote.IsValid() {
		set.remote = netip.MustParseAddr(remote)
	}
	if set.local.Is4() == set.ipv6 || set.remote.Is4() == set.ipv6 {
		return nil, fmt.Errorf("addresses %v and %v are not of the script's version of IP", set.local, set.remote)
	}
	if net := netip.PrefixFrom(set.local, set.bits); !net.Contains(set.gateway) || set.gateway == set.local {
		set.gateway = net.Masked().Addr().Next()
		if set.gateway == set.local {
			set.gateway = set.gateway.Next()
		}
	}
	return set, nil
}

// option takes one option. Those that say how Linux's own runner works have no
// meaning here.
func (s *settings) option(o script.Option) (err error) {
	switch o.Key {
	case "ip_version":
		switch o.Value {
		case "ipv4":
		case "ipv6":
			s.ipv6 = true
		default:
			return unsupported("IP version %q", o.Value)
		}
	case "local_ip":
		s.local, err = netip.ParseAddr(o.Value)
	case "remote_ip":
		s.remote, err = netip.ParseAddr(o.Value)
	case "tolerance_usecs":
		var us int
		us, err = strconv.Atoi(o.Value)
		s.tolerance = time.Duration(us) * time.Microsecond
	case "strict_segments":
		s.strict = true
	case "mtu":
		s.mtu, err = strconv.Atoi(o.Value)
	case "bind_port":
		s.localPort, err = parsePort(o.Value)
	case "connect_port":
		s.remotePort, err = parsePort(o.Value)
	case "speed", "mss", "non_fatal", "tcp_ts_tick_usecs", "tcp_ts_ecr_scaled", "init_scripts", "netmask_ip", "gateway_ip":
	default:
		return unsupported("it")
	}
	return err
}

func parsePort(text string) (uint16, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	return uint16(n), err
}

var anyWord = regexp.MustCompile(`\b[A-Za-z_][A-Za-z0-9_]*\b`)

// define puts definitions in their places, outside of what is quoted.
func define(text string, defines map[string]string) string {
	if len(defines) == 0 {
		return text
	}
	return anyWord.ReplaceAllStringFunc(text, func(w string) string {
		if v, ok := defines[w]; ok {
			return v
		}
		return w
	})
}
