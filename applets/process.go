package applets

import (
	"context"
	"errors"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/sys"
	"github.com/anykernel/anykernel/sys/linux"
)

// NewProcess is a process for an applet of that name: a child of parent, where
// the kernel can make one, else parent itself. end ends it and waits for it in
// the parent's name.
//
// The child inherits no descriptors. An applet's input and output are readers
// and writers of Go, and a copy of a pipe's end would keep the pipe open: who
// reads at the other end would wait for an applet that waits for them.
func NewProcess(ctx context.Context, parent *sys.Process, name string) (p *sys.Process, end func() error, err error) {
	if !parent.Kernel().Capabilities().Has(backends.Processes) {
		return parent, func() error { return nil }, nil
	}
	if p, err = parent.Fork(ctx, backends.CleanDescriptors); err != nil {
		return nil, nil, err
	}
	if parent.Kernel().ABI().OS == "linux" {
		_ = linux.SetName(p, name) // for ps; a kernel that keeps no names has none to show
	}
	return p, func() error {
		if err := p.Close(); err != nil {
			return err
		}
		_, err := p.Wait()
		if errors.Is(err, sys.ECHILD) {
			return nil // a call of the parent's has waited for it
		}
		return err
	}, nil
}
