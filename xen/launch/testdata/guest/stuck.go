package main

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

// stuck reads from a pipe that nobody will write to.
func stuck([]string) {
	r, w, err := os.Pipe()
	check(err == nil, "%v", err)
	r.Read(make([]byte, 1))
	runtime.KeepAlive(w)
}

// busy is idle for longer than a watchdog of 2 seconds allows, but never for
// long without a word; and it is silent for longer, but not idle then.
func busy([]string) {
	for i := range 3 {
		time.Sleep(time.Second)
		fmt.Println(i)
	}
	for start := time.Now(); time.Since(start) < 3*time.Second; {
		sink++
	}
	fmt.Println("busy ok")
}
