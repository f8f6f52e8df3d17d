// Package scripts is programs for the flag --script: what can go wrong in the
// machine below a kernel. Each says at its top what it does, and a command that
// shows it.
package scripts
