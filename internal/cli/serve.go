package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/backends/remote/server"
	"github.com/anykernel/anykernel/sys"
)

// A serving is what the command serve was told.
type serving struct {
	spec              string
	setup             *setup
	limits            server.Options
	memory            int
	insecure          bool
	cert, key, client string
}

func newServeCommand(e *env) *cobra.Command {
	s := &serving{}
	cmd := &cobra.Command{
		Use:   "serve -k KERNEL ADDRESS...",
		Short: "Offer a kernel to other processes",
		Long: `Offer a kernel to other processes and machines by NetBSD's system call proxy,
until it is interrupted or the kernel ends. An ADDRESS is unix:///PATH,
tcp://HOST:PORT or tls://HOST:PORT; with port 0 the system chooses one. Each
address is printed as soon as it can be used.

Any kernel that can be served is used with -k remote:ADDRESS. A NetBSD kernel
also works with programs that are linked to librumpclient, which find it by
RUMP_SERVER=ADDRESS. Clients reach the memory of their own calls only, but
inside the kernel they have the rights of root.`,
		Example: `  anykernel serve -k rump unix:///tmp/netbsd
  anykernel exec -k remote:unix:///tmp/netbsd -- uname -a
  anykernel serve -k rump --mount disk.img:/mnt unix:///tmp/disk
  anykernel serve -k sentry tls://:4433 --cert cert.pem --key key.pem --client-ca ca.pem`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("serve needs an address, such as unix:///tmp/kernel")
			}
			return nil
		},
	}
	spec := e.kernelFlag(cmd)
	s.setup = setupFlags(cmd)
	f := cmd.Flags()
	f.BoolVar(&s.insecure, "insecure", false, "allow TCP without TLS on addresses that other machines reach")
	f.StringVar(&s.cert, "cert", "", "certificate `file` (PEM) for tls://")
	f.StringVar(&s.key, "key", "", "private key `file` (PEM) for tls://")
	f.StringVar(&s.client, "client-ca", "", "only clients with certificates of those in this `file` (PEM)")
	f.IntVar(&s.limits.MaxClients, "max-clients", 256, "`number` of connections")
	f.IntVar(&s.limits.MaxCalls, "max-calls", 1024, "`number` of calls that a client may have under way")
	f.IntVar(&s.memory, "max-memory", 64, "memory of the calls that a client has under way, in `MiB`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, stop := untilInterrupt(cmd.Context())
		defer stop()
		s.spec = *spec
		s.limits.MaxMemory = s.memory << 20
		return e.serve(ctx, s, args)
	}
	return cmd
}

func (e *env) serve(ctx context.Context, s *serving, addresses []string) error {
	config, err := s.tls()
	if err != nil {
		return err
	}
	return e.withConfig(ctx, s.spec, backends.Config{Guests: true}, s.setup, func(k *sys.Kernel) error {
		s.limits.Name, s.limits.Log = s.spec, e.log
		srv, err := server.New(k.Raw(), s.limits)
		if err != nil {
			return err
		}
		defer srv.Close()
		return e.listen(ctx, srv, k, addresses, server.ListenOptions{TLS: config, Insecure: s.insecure})
	})
}

// listen serves at addresses until ctx or the kernel ends.
func (e *env) listen(ctx context.Context, srv *server.Server, k *sys.Kernel, addresses []string, o server.ListenOptions) error {
	failed := make(chan error, len(addresses))
	for _, a := range addresses {
		l, err := server.Listen(a, o)
		if err != nil {
			return err
		}
		fmt.Fprintln(e.stdout, url(l, a))
		go func() { failed <- srv.Serve(l) }()
	}
	select {
	case <-ctx.Done():
		return nil
	case <-k.Raw().Done():
		return k.Raw().Err()
	case err := <-failed:
		return err
	}
}

// url is where a listener for an address is found: with the port that the
// system chose.
func url(l net.Listener, address string) string {
	return server.URL(l, strings.HasPrefix(address, "tls:"))
}

// tls is the configuration that the flags describe, nil where there is none.
func (s *serving) tls() (*tls.Config, error) {
	if s.cert == "" && s.key == "" && s.client == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(s.cert, s.key)
	if err != nil {
		return nil, usagef("--cert and --key: %w", err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}}
	if s.client == "" {
		return c, nil
	}
	pem, err := os.ReadFile(s.client)
	if err != nil {
		return nil, err
	}
	c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, usagef("--client-ca: %s has no certificate", s.client)
	}
	return c, nil
}
