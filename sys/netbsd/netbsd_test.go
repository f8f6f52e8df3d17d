package netbsd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/anykernel/anykernel/backends"
	_ "github.com/anykernel/anykernel/backends/host"
	"github.com/anykernel/anykernel/backends/kerneltest"
	_ "github.com/anykernel/anykernel/backends/rump"
	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/internal/fsimages"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/abi/netbsd/fsargs"
	"github.com/anykernel/anykernel/sys/netbsd"
)

func find(t testing.TB, p *sys.Process, name string) netbsd.Interface {
	t.Helper()
	list, err := netbsd.Interfaces(p)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(i netbsd.Interface) bool { return i.Name == name })
	if i < 0 {
		return netbsd.Interface{}
	}
	return list[i]
}

func TestInterfaces(t *testing.T) {
	p := kerneltest.New(t, "rump:net_netinet,net_netinet6,net_shmif,net_bridge").Init()
	lo := find(t, p, "lo0")
	if lo.Index == 0 || lo.Flags&(netbsd.IFF_UP|netbsd.IFF_LOOPBACK) != netbsd.IFF_UP|netbsd.IFF_LOOPBACK || lo.MTU < 1500 || lo.Type != 24 || lo.Flags>>16 != 0 {
		t.Errorf("lo0 is %+v", lo)
	}
	must(t, netbsd.CreateInterface(p, "shmif0"))
	must(t, netbsd.SetLink(p, "shmif0", filepath.Join(t.TempDir(), "bus")))
	must(t, netbsd.SetMTU(p, "shmif0", 1400))
	for _, a := range []string{"10.1.2.3/20", "10.9.0.1/32", "fd00::1/64"} {
		must(t, netbsd.WithoutProbes(p, func() error { return netbsd.AddAddress(p, "shmif0", netip.MustParsePrefix(a)) }))
	}
	must(t, netbsd.SetUp(p, "shmif0", true))
	i := find(t, p, "shmif0")
	if i.MTU != 1400 || len(i.HardwareAddr) != 6 || i.Flags&netbsd.IFF_UP == 0 || i.Type != 6 {
		t.Errorf("shmif0 is %+v", i)
	}
	var addrs []string
	for _, a := range i.Addresses {
		if !a.Prefix.Addr().IsLinkLocalUnicast() {
			addrs = append(addrs, a.Prefix.String())
		}
	}
	if want := []string{"10.1.2.3/20", "10.9.0.1/32", "fd00::1/64"}; !slices.Equal(addrs, want) {
		t.Errorf("shmif0 has the addresses %v, want %v", addrs, want)
	}
	if b := i.Addresses[slices.IndexFunc(i.Addresses, func(a netbsd.InterfaceAddress) bool { return a.Prefix.Bits() == 20 })].Broadcast; b.String() != "10.1.15.255" {
		t.Errorf("the broadcast address is %v", b)
	}
	must(t, netbsd.DeleteAddress(p, "shmif0", netip.MustParseAddr("10.9.0.1")))
	must(t, netbsd.DeleteAddress(p, "shmif0", netip.MustParseAddr("fd00::1")))
	must(t, netbsd.SetUp(p, "shmif0", false))
	i = find(t, p, "shmif0")
	if i.Flags&netbsd.IFF_UP != 0 || slices.ContainsFunc(i.Addresses, func(a netbsd.InterfaceAddress) bool {
		return a.Prefix.Bits() == 32 || a.Prefix.Addr() == netip.MustParseAddr("fd00::1")
	}) {
		t.Errorf("shmif0 is %+v after what it had was taken", i)
	}
	must(t, netbsd.DestroyInterface(p, "shmif0"))
	if i := find(t, p, "shmif0"); i.Index != 0 {
		t.Errorf("shmif0 is still there: %+v", i)
	}
	if err := netbsd.SetMTU(p, "nothing0", 1400); !errors.Is(err, sys.ENXIO) {
		t.Errorf("the MTU of an interface that is not there: %v", err)
	}
	for _, name := range []string{"", "a name that is too long", "a\x00b"} {
		if err := netbsd.SetUp(p, name, true); err == nil {
			t.Errorf("an interface %q was brought up", name)
		}
	}
}

// TestProcesses: the kernel lists what processes it has.
func TestProcesses(t *testing.T) {
	k := kerneltest.New(t, "rump:vfs")
	child, err := k.NewProcess(t.Context())
	must(t, err)
	defer child.Close()
	list, err := netbsd.Processes(k.Init())
	must(t, err)
	i := slices.IndexFunc(list, func(p netbsd.ProcessInfo) bool { return p.PID == child.ID() })
	if i < 0 || list[i].PPID != 1 || list[i].UID != 0 || list[i].LWPs < 1 {
		t.Errorf("process %d is not among %+v, or not as it should be", child.ID(), list)
	}
	must(t, child.Setuid(77))
	if list, err = netbsd.Processes(k.Init()); err != nil || list[i].UID != 77 {
		t.Errorf("after setuid it is %+v, %v", list[i], err)
	}
}

func TestRoutes(t *testing.T) {
	p := kerneltest.New(t, "rump:net_netinet,net_netinet6,net_shmif").Init()
	must(t, netbsd.CreateInterface(p, "shmif0"))
	must(t, netbsd.SetLink(p, "shmif0", filepath.Join(t.TempDir(), "bus")))
	must(t, netbsd.WithoutProbes(p, func() error { return netbsd.AddAddress(p, "shmif0", netip.MustParsePrefix("10.1.0.1/24")) }))
	index := find(t, p, "shmif0").Index
	for _, r := range []netbsd.Route{
		{Dst: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("10.1.0.254")},
		{Dst: netip.MustParsePrefix("192.168.0.0/19"), Gateway: netip.MustParseAddr("10.1.0.2")},
		{Dst: netip.MustParsePrefix("192.168.77.1/32"), Gateway: netip.MustParseAddr("10.1.0.3")},
		{Dst: netip.MustParsePrefix("172.16.0.0/12"), Index: index},
	} {
		must(t, netbsd.AddRoute(p, r))
		got := findRoute(t, p, r.Dst)
		if got.Gateway != r.Gateway || got.Index != index || got.Flags&(netbsd.RTF_UP|netbsd.RTF_STATIC) != netbsd.RTF_UP|netbsd.RTF_STATIC {
			t.Errorf("the route to %v is %+v", r.Dst, got)
		}
		if err := netbsd.AddRoute(p, r); !errors.Is(err, sys.EEXIST) {
			t.Errorf("the same route to %v again: %v", r.Dst, err)
		}
		must(t, netbsd.DeleteRoute(p, netbsd.Route{Dst: r.Dst}))
		if got := findRoute(t, p, r.Dst); got.Dst.IsValid() {
			t.Errorf("the route to %v is still there: %+v", r.Dst, got)
		}
		if err := netbsd.DeleteRoute(p, r); !errors.Is(err, sys.ESRCH) {
			t.Errorf("the route to %v, deleted again: %v", r.Dst, err)
		}
	}
	if r := findRoute(t, p, netip.MustParsePrefix("10.1.0.0/24")); r.Index != index || r.Flags&netbsd.RTF_CONNECTED == 0 {
		t.Errorf("the network's own route is %+v", r)
	}
}

func findRoute(t testing.TB, p *sys.Process, dst netip.Prefix) netbsd.Route {
	t.Helper()
	list, err := netbsd.Routes(p)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(r netbsd.Route) bool { return r.Dst == dst })
	if i < 0 {
		return netbsd.Route{}
	}
	return list[i]
}

// TestRouteEvents: what changes is told.
func TestRouteEvents(t *testing.T) {
	p := kerneltest.New(t, "rump:net_netinet,net_netinet6,net_shmif").Init()
	s, err := netbsd.OpenRoutes(p)
	must(t, err)
	defer s.Close()
	must(t, s.SetReadDeadline(time.Now().Add(10*time.Second)))
	must(t, netbsd.CreateInterface(p, "shmif7"))
	must(t, netbsd.SetLink(p, "shmif7", filepath.Join(t.TempDir(), "bus")))
	must(t, netbsd.AddAddress(p, "shmif7", netip.MustParsePrefix("10.7.0.1/24")))
	must(t, netbsd.AddRoute(p, netbsd.Route{Dst: netip.MustParsePrefix("10.8.0.0/16"), Gateway: netip.MustParseAddr("127.0.0.1")}))
	must(t, netbsd.DestroyInterface(p, "shmif7"))
	var seen []string
	for want := []string{"announced shmif7", "address 10.7.0.1/24", "route 10.8.0.0/16", "DELADDR"}; len(want) > 0; {
		m, err := s.Next()
		if err != nil {
			t.Fatalf("%v; seen so far: %q, missing %q", err, seen, want)
		}
		event := m.Type.String()
		switch {
		case m.Type == netbsd.RTM_IFANNOUNCE && m.Departed:
			event = "departed " + m.Interface.Name
		case m.Type == netbsd.RTM_IFANNOUNCE:
			event = "announced " + m.Interface.Name
		case m.Type == netbsd.RTM_NEWADDR:
			event = "address " + m.Address.Prefix.String()
		case m.Type == netbsd.RTM_ADD:
			event = "route " + m.Route.Dst.String()
		}
		seen = append(seen, event)
		if event == want[0] {
			want = want[1:]
		}
	}
}

// TestMount mounts with typed arguments, of an image that is the program's own
// memory, too.
func TestMount(t *testing.T) {
	k := kerneltest.New(t, "rump:fs_tmpfs,fs_kernfs,fs_null,fs_union")
	p := k.Init()
	for _, dir := range []string{"/small", "/kern", "/null", "/union"} {
		must(t, p.Mkdir(dir, 0o755))
	}
	must(t, netbsd.Mount(p, "/small", 0, &fsargs.Tmpfs{Size: 256 << 10, Mode: 0o700}))
	if st, err := p.Stat("/small"); err != nil || st.Mode.Perm() != 0o700 {
		t.Errorf("its root is %v, %v", st.Mode, err)
	}
	if err := p.WriteFile("/small/big", make([]byte, 1<<20), 0o644); !errors.Is(err, sys.ENOSPC) {
		t.Errorf("1 MiB in 256 KiB: %v", err)
	}
	must(t, p.WriteFile("/small/file", []byte("here"), 0o644))
	must(t, netbsd.Mount(p, "/kern", sys.MS_RDONLY, &fsargs.Kernfs{}))
	must(t, netbsd.Mount(p, "/null", 0, &fsargs.Null{Target: "/small"}))
	if b, err := p.ReadFile("/null/file"); string(b) != "here" || err != nil {
		t.Errorf("through null: %q, %v", b, err)
	}
	must(t, netbsd.Mount(p, "/union", 0, &fsargs.Union{Target: "/small", Where: fsargs.UnionBelow}))
	if b, err := p.ReadFile("/union/file"); string(b) != "here" || err != nil {
		t.Errorf("through union: %q, %v", b, err)
	}
	var mounted []string
	all, err := p.Mounts()
	for _, m := range all {
		mounted = append(mounted, m.Type+" "+m.On)
	}
	for _, want := range []string{"rumpfs /", "tmpfs /small", "kernfs /kern", "null /null", "union /union"} {
		if !slices.Contains(mounted, want) {
			t.Errorf("mounts are %q, %v, without %q", mounted, err, want)
		}
	}
	must(t, p.Unmount("/union", 0))
	must(t, p.Unmount("/null", 0))
	if err := netbsd.Mount(p, "/null", 0, &fsargs.FFS{Device: "/dev/nothing"}); err == nil {
		t.Error("a file system that the kernel lacks was mounted")
	}
}

// TestRegister: files of the host, and of the program, in a kernel.
func TestRegister(t *testing.T) {
	k := kerneltest.New(t, "rump:vfs")
	p := k.Init()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "file"), []byte("0123456789"), 0o644))
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "sub", "x"), []byte("deep"), 0o644))
	must(t, netbsd.Register(k, "/file", backends.HostFile{Path: filepath.Join(dir, "file")}))
	if b, err := p.ReadFile("/file"); string(b) != "0123456789" || err != nil {
		t.Errorf("/file has %q, %v", b, err)
	}
	must(t, netbsd.Register(k, "/tree", backends.HostFile{Path: dir, Kind: backends.HostTree}))
	if b, err := p.ReadFile("/tree/sub/x"); string(b) != "deep" || err != nil {
		t.Errorf("/tree/sub/x has %q, %v", b, err)
	}
	must(t, netbsd.Register(k, "/flat", backends.HostFile{Path: dir, Kind: backends.HostDir}))
	if st, err := p.Stat("/flat/file"); st.Size != 10 || err != nil {
		t.Errorf("/flat/file has %d bytes, %v", st.Size, err)
	}
	if _, err := p.ReadFile("/flat/sub/x"); err == nil {
		t.Error("a directory without its own showed one of them")
	}
	must(t, netbsd.Unregister(k, "/file"))
	if _, err := p.Stat("/file"); !errors.Is(err, sys.ENOENT) {
		t.Errorf("/file after Unregister: %v", err)
	}
	own := &memory{b: bytes.Repeat([]byte("x"), 8192)}
	copy(own.b[512:], "from the program")
	must(t, netbsd.Register(k, "/dev/rown", backends.HostFile{File: own, Kind: backends.HostCharacter, Offset: 512, Size: 4096}))
	f, err := p.Open("/dev/rown", sys.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	b := make([]byte, 512)
	if _, err := f.ReadAt(b, 0); string(b[:16]) != "from the program" || err != nil {
		t.Errorf("the device begins with %q, %v", b[:16], err)
	}
	_, err = f.WriteAt(make([]byte, 512), 512)
	must(t, err)
	if !bytes.Equal(own.b[1024:1536], make([]byte, 512)) {
		t.Error("what was written is not where it belongs")
	}
	for _, f := range []backends.HostFile{{}, {Path: "x", File: own}, {Path: "x", Kind: 99}, {Path: "x", Offset: -1}} {
		if err := netbsd.Register(k, "/bad", f); err == nil {
			t.Errorf("%+v was registered", f)
		}
	}
	if err := netbsd.Register(k, "relative", backends.HostFile{Path: dir}); err == nil {
		t.Error("a relative path was registered")
	}
}

// memory is a disk of the program's own.
type memory struct{ b []byte }

func (m *memory) ReadAt(p []byte, off int64) (int, error)  { return copy(p, m.b[off:]), nil }
func (m *memory) WriteAt(p []byte, off int64) (int, error) { return copy(m.b[off:], p), nil }
func (m *memory) Size() int64                              { return int64(len(m.b)) }
func (m *memory) Sync() error                              { return nil }
func (m *memory) Close() error                             { return nil }

// TestOtherKernels: what only NetBSD has is said to be so.
func TestOtherKernels(t *testing.T) {
	k, err := sys.Open(context.Background(), "host")
	if err != nil {
		t.Skip(err)
	}
	defer k.Close()
	p := k.Init()
	for what, err := range map[string]error{
		"mount":      netbsd.Mount(p, "/", 0, &fsargs.Kernfs{}),
		"register":   netbsd.Register(k, "/x", backends.HostFile{Path: "/x"}),
		"interfaces": second(netbsd.Interfaces(p)),
		"routes":     second(netbsd.Routes(p)),
		"up":         netbsd.SetUp(p, "lo0", true),
	} {
		if p.Kernel().ABI().OS != "netbsd" && !errors.Is(err, sys.ErrNotSupported) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ExampleInterfaceFlags() {
	f, err := netbsd.ParseInterfaceFlags("up, running")
	fmt.Println(f, err)
	// Output: IFF_UP|IFF_RUNNING <nil>
}

// TestImageInMemory mounts an image that is bytes in memory and cannot be
// written, as an embedded one.
func TestImageInMemory(t *testing.T) {
	tree := fsimages.Tree(t)
	i := slices.IndexFunc(fsimages.Kinds, func(k fsimages.Kind) bool { return k.Name == "ffs2" })
	b, err := os.ReadFile(fsimages.Kinds[i].Make(t, tree))
	must(t, err)
	k := kerneltest.New(t, "rump:fs_ffs")
	p := k.Init()
	disk := hypercall.Image(bytes.NewReader(b), int64(len(b)))
	must(t, netbsd.Register(k, "/dev/disk0", backends.HostFile{File: disk, Kind: backends.HostBlock}))
	must(t, p.Mkdir("/mnt", 0o755))
	must(t, netbsd.Mount(p, "/mnt", sys.MS_RDONLY, &fsargs.FFS{Device: "/dev/disk0"}))
	if got, err := fs.ReadFile(p.FS("/mnt"), "readme.txt"); string(got) != "hello\n" || err != nil {
		t.Errorf("readme.txt is %q, %v", got, err)
	}
	if n, err := disk.WriteAt([]byte("x"), 0); n != 0 || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a write to it: %d, %v", n, err)
	}
}
