//go:build linux && (amd64 || arm64)

package sentry

import (
	"context"

	"github.com/anykernel/anykernel/backends"
)

func requirements() []backends.Requirement {
	_, addresses := reserveWindow()
	return []backends.Requirement{
		{Name: "gvisor", Err: prepare(), Remedy: "build with the version of gvisor.dev/gvisor that go.mod names"},
		{Name: "addresses", Err: addresses, Remedy: "raise the limit on address space (ulimit -v)"},
	}
}

func openSpecified(ctx context.Context, s backends.Spec, cfg backends.Config) (backends.Kernel, error) {
	opts, err := parseOptions(s)
	if err != nil {
		return nil, err
	}
	k, err := open(ctx, s.String(), opts, cfg)
	if err != nil {
		return nil, err
	}
	return k, nil
}

func parseOptions(s backends.Spec) (Options, error) {
	var o Options
	for _, opt := range s.Options {
		switch opt.Key {
		case "hostname":
			o.Hostname = opt.Value
		}
	}
	return o, nil
}
