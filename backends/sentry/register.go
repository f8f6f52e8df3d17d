package sentry

import (
	"context"

	"github.com/anykernel/anykernel/backends"
)

// Name is what specifications call the backend.
const Name = "sentry"

func init() {
	backends.Register(backends.Backend{
		Name:         Name,
		Summary:      "gVisor's Linux kernel in this process",
		Options:      optionInfos,
		Requirements: requirements,
		Open:         openSpec,
	})
}

// optionInfos describes the options of a specification.
var optionInfos = []backends.OptionInfo{
	{Key: "hostname", Value: "name", Default: Name, Doc: "host name"},
}

func openSpec(ctx context.Context, s backends.Spec, cfg backends.Config) (backends.Kernel, error) {
	return openSpecified(ctx, s, cfg)
}
