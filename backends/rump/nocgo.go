//go:build !(cgo && linux && (amd64 || arm64))

package rump

import (
	"context"
	"errors"

	"github.com/anykernel/anykernel/backends"
)

var errNoCgo = errors.New("this program was built without cgo, or for another platform than linux/amd64 and linux/arm64")

func requirements() []backends.Requirement {
	return []backends.Requirement{
		{Name: "cgo", Err: errNoCgo, Remedy: "build for linux/amd64 or linux/arm64 with CGO_ENABLED=1 and a C compiler"},
		needKit(),
	}
}

func open(ctx context.Context, s backends.Spec, cfg backends.Config) (backends.Kernel, error) {
	if _, err := parse(s); err != nil {
		return nil, err
	}
	return nil, errNoCgo
}
