package host

// cloneArgs are the arguments of clone(2) for an LWP with block b: flags,
// stack, parent's tid or pidfd, the word to clear, thread-local storage.
func cloneArgs(flags uintptr, b *block) [5]uintptr {
	return [5]uintptr{flags, b.stack(), b.pidfdAddr(), b.addr(), 0}
}
