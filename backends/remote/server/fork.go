package server

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/rump/sysproxy"
)

// A pendingFork is a process that was forked and whose client has not come.
// It outlives the parent, who may have gone into the background.
type pendingFork struct {
	guest  backends.Guest
	parent *client
	since  time.Time
}

const (
	maxForks = 16 // pending, of one client
	forkTime = time.Minute
)

// prefork answers a prefork with a token. fds is how the child has its
// parent's descriptors.
func (s *Server) prefork(parent *client, fds backends.Descriptors) (sysproxy.Token, error) {
	var t sysproxy.Token
	if fds > backends.CleanDescriptors {
		return t, sysproxy.ErrMalformed
	}
	if !s.mayFork(parent) {
		return t, sysproxy.ErrTryAgain
	}
	g, err := parent.guest.ForkGuest(context.Background(), fds)
	if err != nil {
		s.o.Log.Warn("fork", "client", parent.name(), "error", err)
		return t, sysproxy.ErrForkFailed
	}
	_, _ = rand.Read(t[:])
	s.mu.Lock()
	s.forks[t] = &pendingFork{g, parent, time.Now()}
	s.mu.Unlock()
	return t, nil
}

// mayFork bounds the processes whose clients have not come: those of a client,
// and, as clients come and go, all of them to as many as clients there may be.
func (s *Server) mayFork(parent *client) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, f := range s.forks {
		if f.parent == parent {
			n++
		}
	}
	return n < maxForks && len(s.forks) < s.o.MaxClients
}

// claim gives the process of a token to whoever has it, once.
func (s *Server) claim(t sysproxy.Token) (backends.Guest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.forks[t]
	if f == nil {
		return nil, sysproxy.ErrInvalidPrefork
	}
	delete(s.forks, t)
	return f.guest, nil
}

// expire ends processes whose clients did not come in time, or, for the zero
// time, all.
func (s *Server) expire(now time.Time) {
	var late []backends.Guest
	s.mu.Lock()
	for t, f := range s.forks {
		if now.IsZero() || now.Sub(f.since) > forkTime {
			late = append(late, f.guest)
			delete(s.forks, t)
		}
	}
	s.mu.Unlock()
	for _, g := range late {
		_ = g.Close()
	}
}
