//go:build linux

// Command xensentry is gVisor's Linux kernel with no operating system under it:
// a guest that opens the kernel, plugs the guest's network interface into it,
// and serves files that are in it on its own TCP.
//
//	anykernel image build ./examples/xensentry --files examples/xensentry/site -o xensentry.img
//	anykernel run xensentry.img --mem 192 --net user,tcp:8080:80
//	curl http://127.0.0.1:8080/uname
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/anykernel/anykernel/backends"
	_ "github.com/anykernel/anykernel/backends/sentry"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/netif"
	"github.com/anykernel/anykernel/xen/device"
	"github.com/anykernel/anykernel/xen/link"
	"github.com/anykernel/anykernel/xen/netstack"
)

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal("xensentry: ", err)
	}
}

func run() error {
	devices, err := device.Open()
	if err != nil {
		return err
	}
	nic, err := devices.NIC(0)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	lease, err := netstack.Lease(ctx, nic)
	if err != nil {
		return err
	}
	k, err := sys.OpenConfig(ctx, "sentry:hostname=guest", backends.Config{
		NICs: []backends.NIC{{Net: link.Net(nic), MTU: nic.MTU()}},
	})
	if err != nil {
		return err
	}
	defer k.Close()
	return serve(ctx, k.Init(), lease)
}

// serve answers HTTP with what is in p's kernel, until it is asked to end.
func serve(ctx context.Context, p *sys.Process, lease netstack.Config) error {
	if err := configure(p, lease); err != nil {
		return err
	}
	if err := p.CopyFS("/www", os.DirFS("/www")); err != nil {
		return err
	}
	l, err := p.Listen(ctx, "tcp", ":80")
	if err != nil {
		return err
	}
	log.Printf("serving on %v", lease.Addr)

	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(p.FS("/www")))
	mux.HandleFunc("GET /uname", func(w http.ResponseWriter, _ *http.Request) {
		uname, err := p.Uname()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, uname)
	})
	s := &http.Server{Handler: mux}
	mux.HandleFunc("POST /exit", func(http.ResponseWriter, *http.Request) {
		go s.Shutdown(context.Background())
	})
	if err := s.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return s.Shutdown(context.Background()) // waits for the last answer
}

// configure gives the kernel's first interface the addresses of a lease.
func configure(p *sys.Process, lease netstack.Config) error {
	name, err := netif.Name(p, 0)
	if err != nil {
		return err
	}
	if err := netif.Configure(p, name, netif.Config{Addrs: []netip.Prefix{lease.Addr}}); err != nil {
		return err
	}
	if !lease.Gateway.IsValid() {
		return nil
	}
	return netif.AddRoute(p, netip.PrefixFrom(netip.IPv4Unspecified(), 0), lease.Gateway)
}
