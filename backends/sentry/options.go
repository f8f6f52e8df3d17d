//go:build linux && (amd64 || arm64)

package sentry

import (
	"io"
)

// Options say what a kernel is like. The zero Options are a kernel as the
// specification "sentry" opens it.
type Options struct {
	// Hostname is the host name; "" is "sentry".
	Hostname string
	// Env is the environment of the first process, KEY=VALUE.
	Env []string
	// Users are in /etc/passwd besides root and nobody.
	Users []User

	// Clock is where the kernel takes its time from; nil is this machine's.
	Clock Clock
	// Random is where the network stack takes its randomness from; nil is
	// crypto/rand.
	Random io.Reader
	// NICs are the network interfaces besides the loopback.
	NICs []NIC
}
