package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/applets"
	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/sentry/gateway"
	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/vnet"
	"github.com/anykernel/anykernel/netlab"
	"github.com/anykernel/anykernel/shell"
)

func newNetCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "net TOPOLOGY [-c PROGRAM | FILE] [ARG...]",
		Short: "Run a shell on kernels that are joined by a virtual network",
		Long: `Open the kernels of a topology, join them by a virtual network, and run a shell.
No root is needed, and nothing of it is seen from outside.

TOPOLOGY is text such as 'a--sw--b loss=1% delay=20ms; b: rump mtu=9000', or
@FILE. Names that begin with "sw" are switches; others are kernels, of the kind
that a line such as 'b: rump' says, or that -k says. What stands behind links is
done to frames, both ways: delay, jitter, loss, reorder, hold, duplicate,
corrupt, rate, queue, and down; a line such as 'a->sw loss=5%' changes one way.
A kernel with several links is a router. "nat" leads outside without root, has a
name server, and gives addresses by DHCP to who asks; "tap0" is an interface of the host, which needs root.

In the shell, the name of a node is a program that runs its arguments there, and
what stands alone runs on the first node. Further programs:

  nodes                     list nodes and their addresses
  links                     list links, each way, with what became of frames
  link A--B CONDITION...    change a link, such as 'link a--sw loss=10%' or 'down'
  link 'A->B' CONDITION...  change one way of it`,
		Example: `  anykernel net 'a--b delay=20ms' -c 'a ping -c 3 b'
  anykernel net 'client--sw--server loss=1%; server: rump' --capture out.pcapng \
    -c 'server httpd -l :80 -n 1 /etc & client fetch http://server/hosts; wait; links'`,
	}
	kernel := e.kernelFlag(cmd)
	seed := cmd.Flags().Uint64("seed", 1, "the `number` that decides everything left to chance")
	capture := cmd.Flags().String("capture", "", "write what enters links to a pcapng `file` of the host, for Wireshark")
	forwards := cmd.Flags().StringArray("forward", nil, "let connections in, by the node \"nat\": `HOST:PORT=ADDRESS:PORT`; may be repeated")
	program := cmd.Flags().StringP("command", "c", "", "the `program` to run")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("which topology? such as a--sw--b")
		}
		script, err := e.script(cmd.Flags().Changed("command"), *program, args[1:])
		if err != nil {
			return err
		}
		ctx, stop := cmd.Context(), context.CancelFunc(func() {})
		if script != nil {
			ctx, stop = untilInterrupt(ctx)
		}
		defer stop()
		return e.net(ctx, args[0], *kernel, *seed, *capture, *forwards, script)
	}
	return cmd
}

// net opens a lab and runs a shell on its first node.
func (e *env) net(ctx context.Context, topology, kernel string, seed uint64, capture string, forwards []string, script *script) (err error) {
	if file, ok := strings.CutPrefix(topology, "@"); ok {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		topology = string(text)
	}
	nat := &natDevice{forwards: forwards}
	lab, err := netlab.Open(ctx, topology, netlab.Config{
		Devices: map[string]netlab.Device{"nat": nat.open},
		Kernel:  kernel, Network: vnet.Config{Seed: seed},
		Node: func(name string) backends.Config { return backends.Config{Log: e.log, Console: e.console(name)} },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	if len(forwards) > 0 && !nat.opened {
		return usagef("--forward: the topology has no node nat")
	}
	if capture != "" {
		end, err := captureTo(lab, capture)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, end()) }()
	}
	nodes := lab.Nodes()
	if len(nodes) == 0 {
		return usagef("a topology without a kernel")
	}
	return e.shell(ctx, lab.Kernel(nodes[0]), "", script, func(sh *shell.Shell) error { return e.addNetCommands(sh, lab) })
}

// A natDevice is the way out of a lab, and in.
type natDevice struct {
	forwards []string
	opened   bool
}

func (d *natDevice) open(_ context.Context, _ string, nic hypercall.Net, addrs []netip.Prefix) (io.Closer, error) {
	g, err := gateway.New(nic, gateway.Config{Addrs: addrs, DHCP: true})
	if err != nil {
		return nil, err
	}
	if d.opened {
		return g, nil // a second one lets nobody in
	}
	d.opened = true
	for _, f := range d.forwards {
		from, to, ok := strings.Cut(f, "=")
		if !ok {
			err = usagef("--forward %q: it is HOST:PORT=ADDRESS:PORT, such as 127.0.0.1:8080=10.0.0.1:80", f)
		} else {
			_, err = g.Forward(from, to)
		}
		if err != nil {
			return nil, errors.Join(err, g.Close())
		}
	}
	return g, nil
}

// captureTo writes all links to a file of the host, until end.
func captureTo(lab *netlab.Lab, path string) (end func() error, err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	c := lab.Capture(f)
	return func() error { return errors.Join(c.Close(), f.Close()) }, nil
}

// addNetCommands gives a shell the nodes, and what looks at the network.
func (e *env) addNetCommands(sh *shell.Shell, lab *netlab.Lab) error {
	for _, name := range lab.Nodes() {
		k := lab.Kernel(name)
		node, err := shell.New(&applets.Env{Process: k.Init(), Stdout: e.stdout, Stderr: e.stderr, Environ: environ(k)})
		if err != nil {
			return err
		}
		sh.Add(name, func(ctx context.Context, env *applets.Env, args []string) int {
			if len(args) == 0 {
				fmt.Fprintf(env.Stderr, "usage: %s PROGRAM [ARG...], such as %s ip addr\n", name, name)
				return applets.StatusUsage
			}
			on := *env
			on.Dir = "/"
			return node.Exec(ctx, &on, args...)
		})
	}
	for name, f := range map[string]func(*netlab.Lab, *applets.Env, []string) error{
		"nodes": listNodes, "links": listLinks, "link": changeLink,
	} {
		sh.Add(name, func(_ context.Context, env *applets.Env, args []string) int {
			err := f(lab, env, args)
			if err != nil {
				fmt.Fprintf(env.Stderr, "%s: %v\n", name, err)
				if isUsage(err) {
					return applets.StatusUsage
				}
				return 1
			}
			return 0
		})
	}
	return nil
}

func listNodes(lab *netlab.Lab, env *applets.Env, args []string) error {
	t := newTable("NODE", "KERNEL", "ADDRESSES")
	for _, n := range lab.Topology.Nodes {
		kernel := n.Kind
		switch k := lab.Kernel(n.Name); {
		case k != nil:
			kernel = k.Name()
		case n.IsSwitch():
			kernel = vnet.KindSwitch
		}
		var addrs []string
		for _, a := range lab.Addrs(n.Name) {
			addrs = append(addrs, a.String())
		}
		t.add(n.Name, kernel, strings.Join(addrs, " "))
	}
	return t.print(env.Stdout)
}

func listLinks(lab *netlab.Lab, env *applets.Env, args []string) error {
	t := newTable("WAY", ">FRAMES", ">BYTES", ">LOST", ">DROPPED", ">DUPLICATED", ">REORDERED", ">CORRUPTED", "CONDITIONS")
	for _, l := range lab.Cables {
		a, b := l.Ends()
		for _, way := range [][2]vnet.Node{{a, b}, {b, a}} {
			s, err := l.Stats(way[0])
			if err != nil {
				return err
			}
			c, err := l.Conditions(way[0])
			if err != nil {
				return err
			}
			row := []string{way[0].Name() + "->" + way[1].Name()}
			for _, n := range []uint64{s.Sent, s.SentBytes, s.Lost, s.Dropped, s.Duplicated, s.Reordered, s.Corrupted} {
				row = append(row, fmt.Sprint(n))
			}
			t.add(append(row, c.String())...)
		}
	}
	return t.print(env.Stdout)
}

func changeLink(lab *netlab.Lab, _ *applets.Env, args []string) error {
	if len(args) < 2 {
		return usagef("it is link A--B CONDITION..., such as link a--sw loss=5%%")
	}
	return lab.Change(args[0], strings.Join(args[1:], " "))
}
