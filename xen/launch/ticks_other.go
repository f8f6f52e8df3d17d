//go:build !amd64

package launch

func ticks() uint64 { return 0 }
