// Package cli is the command anykernel: one file for each subcommand, each a
// constructor that the list in root.go names.
//
// Exit statuses are 0, 1 where something failed, 2 where the command was
// called in a wrong way, 130 where it was interrupted, and, for exec and sh,
// the status of what ran.
//
// What may be in this room: flags, arguments, output for people and machines.
// What may not: work that a program would want without the command; that
// belongs in a package of its own.
package cli
