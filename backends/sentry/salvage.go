//go:build linux && (amd64 || arm64)

package sentry

import (
	"errors"
	"time"
)

// salvageTime bounds how long Close of a kernel that panicked takes.
const salvageTime = 5 * time.Second

// salvage gives back what it can of a kernel that panicked.
func (k *Kernel) salvage() error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.netClock.close()
		if s := k.gv.RootNetworkNamespace().Stack(); s != nil {
			s.Destroy()
		}
		k.gv.MemoryFile().Destroy()
	}()
	select {
	case <-done:
		return nil
	case <-time.After(salvageTime):
		return errors.New("the kernel panicked, and some of its memory could not be given back")
	}
}
