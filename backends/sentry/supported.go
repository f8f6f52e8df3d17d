//go:build linux && (amd64 || arm64)

package sentry

import (
	"context"
	"errors"

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
	opts, opened, err := parseOptions(s)
	if err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	k, err := open(ctx, s.String(), opts, cfg, opened)
	if err != nil {
		return nil, err
	}
	return k, nil
}
