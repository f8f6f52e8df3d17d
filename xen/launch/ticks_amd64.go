package launch

// ticks reads the time stamp counter.
func ticks() uint64
