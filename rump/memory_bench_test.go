//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// BenchmarkMemory reports what each of several kernels takes of this machine:
// memory that is its own, and threads.
func BenchmarkMemory(b *testing.B) {
	needKit(b)
	for _, components := range bootSets {
		b.Run(strings.Join(append([]string{"rump"}, components...), ","), func(b *testing.B) {
			const n = 20
			first, err := tryBoot(components...)
			if err != nil {
				b.Fatal(err)
			}
			defer first.Close()
			for b.Loop() {
				runtime.GC()
				memory, threads, used := private(b), len(entries(b, "/proc/self/task")), 0
				var kernels []*Kernel
				for range n {
					k, err := tryBoot(components...)
					if err != nil {
						b.Fatal(err)
					}
					kernels = append(kernels, k)
					used += k.MemoryUsed()
				}
				runtime.GC()
				b.ReportMetric(float64(private(b)-memory)/n/1024, "MiB")
				b.ReportMetric(float64(used)/n/1024/1024, "MiB-arena")
				b.ReportMetric(float64(len(entries(b, "/proc/self/task"))-threads)/n, "threads")
				for _, k := range kernels {
					if err := k.Close(); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func entries(b *testing.B, dir string) []os.DirEntry {
	list, err := os.ReadDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	return list
}

// private is the memory of this process that it shares with nobody and with no
// file, in KiB.
func private(b *testing.B) (kib int) {
	text, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if n, _ := fmt.Sscanf(line, "Private_Dirty: %d", &kib); n == 1 {
			return kib
		}
	}
	b.Fatal("smaps_rollup has no Private_Dirty")
	return 0
}
