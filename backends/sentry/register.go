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
		NICs:         true,
		Scheduled:    true,
		Open:         openSpec,
	})
}

// optionInfos describes the options of a specification.
var optionInfos = []backends.OptionInfo{
	{Key: "hostname", Value: "name", Default: Name, Doc: "host name"},
	{Key: "mem", Value: "size", Doc: "bound on the memory of files and mappings, such as 64m"},
	{Key: "env", Value: "KEY=VALUE", Doc: "environment of the first process; may be repeated"},
	{Key: "user", Value: "name:uid[:gid]", Doc: "a user in /etc/passwd; may be repeated"},
	{Key: "mount", Value: "hostfolder:path", Doc: "a folder of the host, read-only; may be repeated"},
	{Key: "copy", Value: "hostfolder:path", Doc: "a folder of the host, copied into memory; may be repeated"},
	backends.SeparateOption,
}

func openSpec(ctx context.Context, s backends.Spec, cfg backends.Config) (backends.Kernel, error) {
	return openSpecified(ctx, s, cfg)
}
