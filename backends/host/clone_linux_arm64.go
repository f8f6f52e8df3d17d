package host

// cloneArgs are the arguments of clone(2) for an LWP with block b: flags,
// stack, parent's tid or pidfd, thread-local storage, the word to clear.
func cloneArgs(flags uintptr, b *block) [5]uintptr {
	return [5]uintptr{flags, b.stack(), b.pidfdAddr(), 0, b.addr()}
}
