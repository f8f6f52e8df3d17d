// Package host is the backend "host": the kernel that this program runs on,
// called directly, without a C library where the OS allows that.
//
// # The first process
//
// The first process is this program itself, so what is done in it is done to
// the program and seen by the whole system. Its calls are ordinary system
// calls of the calling thread. Those that are bound by a Cancel channel and
// may block are made by a thread that can be interrupted; see below. Calls
// that change attributes of one thread only, such as unshare, are refused:
// nobody knows on which of the program's threads a goroutine runs next. Where
// credentials change, they do so on all threads.
//
// # Other processes (Linux)
//
// A process made by Fork is a real process of the kernel. It was cloned with
// CLONE_VM: it shares the memory of this program, so that calls need not copy
// theirs, and nothing else that fork(2) separates. It runs no Go code and no
// C. Its only code is a loop of some fifty instructions that waits on a futex
// for a call, makes it, and says that it is done; see lwp_linux.go and
// lwp_linux_amd64.s. So it has credentials, namespaces, filters, limits and a
// directory of its own, which no goroutine can have, can be waited for and
// killed, and becomes any other program by execve.
//
// What differs from fork(2): the child shares the memory of its parent, and a
// process ends when the one that made it does, so that none is left behind by
// a program that was killed.
//
// A program that makes processes with [backends.CopiedDescriptors] gives them
// copies of everything that it has open; the other end of a pipe of the
// program sees no end of file while such a child lives.
// [backends.CleanDescriptors] does not have that effect.
//
// # What is left open by Close
//
// Close ends all processes and gives back all that they had. A call of the
// first process that is blocked without a Cancel channel stays so until it
// returns by itself: the kernel under this program lives on.
//
// What may be in this room: the way to the host's kernel, and nothing that
// package sys could do with calls. What may not: cgo.
package host
