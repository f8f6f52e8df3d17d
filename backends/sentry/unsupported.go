//go:build !linux || (!amd64 && !arm64)

package sentry

import (
	"context"
	"fmt"
	"runtime"

	"github.com/anykernel/anykernel/backends"
)

var errPlatform = fmt.Errorf("gVisor's kernel runs on linux/amd64 and linux/arm64 only, this is %s/%s", runtime.GOOS, runtime.GOARCH)

func requirements() []backends.Requirement {
	return []backends.Requirement{{
		Name:   "platform",
		Err:    errPlatform,
		Remedy: "run on Linux, or use another kernel",
	}}
}

func openSpecified(context.Context, backends.Spec, backends.Config) (backends.Kernel, error) {
	return nil, errPlatform
}
