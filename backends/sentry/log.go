//go:build linux && (amd64 || arm64)

package sentry

import (
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"gvisor.dev/gvisor/pkg/log"
)

// gVisor has one log for all kernels of a process. It goes to the log of every
// kernel that is open and was given one, and to nobody else.
var logs = logTargets{m: map[*Kernel]hclog.Logger{}}

type logTargets struct {
	mu sync.Mutex
	m  map[*Kernel]hclog.Logger
}

func (l *logTargets) add(k *Kernel) {
	if k.cfg.Log == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.m[k] = k.cfg.Log.Named("gvisor")
}

func (l *logTargets) remove(k *Kernel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.m, k)
}

// Emit implements log.Emitter.
func (l *logTargets) Emit(_ int, level log.Level, _ time.Time, format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.m) == 0 {
		return
	}
	text := fmt.Sprintf(format, v...)
	for _, target := range l.m {
		switch level {
		case log.Warning:
			target.Warn(text)
		case log.Info:
			target.Info(text)
		default:
			target.Debug(text)
		}
	}
}
