//go:build cgo && linux && (amd64 || arm64)

package rump

import (
	"bytes"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/anykernel/anykernel/hypercall"
)

// TestHooks has a kernel read and write a disk while hooks look on: they see
// what its boot asked for, and a sector that one of them calls bad is bad.
func TestHooks(t *testing.T) {
	needKit(t)
	var mu sync.Mutex
	seen := map[string]int{}
	see := hypercall.Observe(func(ev *hypercall.Event) {
		mu.Lock()
		defer mu.Unlock()
		seen[ev.Name]++
		if ev.Name == hypercall.EventParam && ev.Args.Text("param") == "_RUMPUSER_HOSTNAME" && ev.Result.Text("value") != "box" {
			t.Errorf("the host name is answered by %+v", ev.Result)
		}
	})
	const bad = 64 << 10
	sector := hypercall.Intercept(func(ev *hypercall.Event, next func()) {
		if off := ev.Args.Int("offset"); ev.Args.Text("device") == OwnFile+"/disk" && off <= bad && bad < off+ev.Args.Int("length") {
			ev.Err = syscall.EIO
			return
		}
		next()
	}, hypercall.EventBio)
	k, err := Boot(Config{Components: []string{"vfs", "dev_disk"}, Hostname: "box", Hooks: hypercall.NewHooks("rump", see, sector)})
	if err != nil {
		t.Fatal(err)
	}
	disk := &memory{bytes.Repeat([]byte("sector.."), 32<<10)}
	if err := k.RegisterFile("/disk", disk, BlockDevice, 0, ToTheEnd); err != nil {
		t.Fatal(err)
	}
	fd, errno, err := call(k.Init(), sysOpen, "/disk", 2, 0)
	if errno != 0 || err != nil {
		t.Fatalf("open: error %d, %v", errno, err)
	}
	buf := make([]byte, 4096)
	if n, errno, err := call(k.Init(), sysRead, int(fd), buf, len(buf)); int(n) != len(buf) || errno != 0 || err != nil || !strings.HasPrefix(string(buf), "sector..") {
		t.Errorf("read: %d, error %d, %v", n, errno, err)
	}
	const sysPread, eio = 173, 5
	if _, errno, err := call(k.Init(), sysPread, int(fd), buf, len(buf), 0, bad); errno != eio || err != nil {
		t.Errorf("read of a bad sector: error %d, %v, want EIO", errno, err)
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{
		hypercall.EventAlloc, hypercall.EventClock, hypercall.EventRandom, hypercall.EventThread, hypercall.EventConsole,
		hypercall.EventParam, hypercall.EventStat, hypercall.EventOpen, hypercall.EventBio, hypercall.EventExit,
	} {
		if seen[name] == 0 {
			t.Errorf("no event %q", name)
		}
	}
	if seen[hypercall.EventExit] != 1 || seen[hypercall.EventPanic] != 0 {
		t.Errorf("the end was told as %v", seen)
	}
}
