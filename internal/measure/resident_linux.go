package measure

import (
	"fmt"
	"os"
	"runtime/debug"
)

// resident is the memory that this program has now, in bytes, without what
// the collector may give back.
func resident() (int64, error) {
	for range 2 { // what is in a sync.Pool outlives one collection
		debug.FreeOSMemory()
	}
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		return 0, fmt.Errorf("/proc/self/statm: %w", err)
	}
	return pages * int64(os.Getpagesize()), nil
}
