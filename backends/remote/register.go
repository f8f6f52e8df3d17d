package remote

import (
	"context"

	"github.com/anykernel/anykernel/backends"
)

// Name is what specifications call the backend.
const Name = "remote"

func init() {
	backends.Register(backends.Backend{
		Name:      Name,
		Summary:   "a kernel in another process or machine, by NetBSD's system call proxy",
		Args:      "the address of a server: unix:///PATH, tcp://HOST:PORT or tls://HOST:PORT",
		NeedsArgs: true,
		Options: []backends.OptionInfo{
			{Key: "insecure", Value: "0 or 1", Default: "0", Doc: "allow TCP without TLS to other machines"},
			{Key: "ca", Value: "file", Doc: "certificates (PEM) to know the server by, instead of the system's"},
			{Key: "cert", Value: "file", Doc: "certificate (PEM) to be known by, with key"},
			{Key: "key", Value: "file", Doc: "its private key (PEM)"},
		},
		Open: open,
	})
	backends.RegisterConnector(func(ctx context.Context, c backends.Connection) (backends.Kernel, error) {
		k, err := connect(ctx, c.Name, c.Dial, c.Owner)
		if err != nil {
			return nil, err // and no typed nil
		}
		return k, nil
	})
}

func open(ctx context.Context, s backends.Spec, cfg backends.Config) (backends.Kernel, error) {
	d, err := dialerOf(s)
	if err != nil {
		return nil, err
	}
	return connect(ctx, s.String(), d, nil)
}
