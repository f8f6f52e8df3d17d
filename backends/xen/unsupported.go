//go:build !linux

package xen

import (
	"context"
	"fmt"
	"runtime"

	"github.com/anykernel/anykernel/backends"
)

var errPlatform = fmt.Errorf("guests are reached from Linux only, this is %s", runtime.GOOS)

func requirements() []backends.Requirement {
	return []backends.Requirement{{Name: "platform", Err: errPlatform, Remedy: "run on Linux, or use another kernel"}}
}

func open(_ context.Context, s backends.Spec, _ backends.Config) (backends.Kernel, error) {
	if _, err := parse(s); err != nil {
		return nil, err
	}
	return nil, errPlatform
}
