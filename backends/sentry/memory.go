//go:build linux && (amd64 || arm64)

package sentry

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/sentry/limits"
	"gvisor.dev/gvisor/pkg/sentry/pgalloc"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/sys/abi"
)

// A memory is what a kernel keeps pages of files and mappings in: one sparse
// memfd of the host.
//
// gVisor has no bound on it. Two things make one. The root file system has the
// bound as its size, and is exact. Everything else (other memory file systems,
// memfds, mappings) is bounded by counting the memfd's pages now and then, and
// refusing the calls that add to them where they are too many: exact to what
// the calls in flight add.
type memory struct {
	file  *pgalloc.MemoryFile
	host  *os.File
	limit int64            // 0: none
	asked hypercall.Memory // nil: nobody

	mu      sync.Mutex
	counted atomic.Int64 // bytes in use when they were counted last
	since   atomic.Int64 // bytes that calls may have added since then
}

// slack is what the kernel itself may take beyond the bound, and the most that
// one call may add where the bound is near.
const slack = 1 << 20

func newMemory(limit int64, asked hypercall.Memory) (*memory, error) {
	fd, err := unix.MemfdCreate("sentry", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memory of the kernel: memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), "sentry")
	mf, err := pgalloc.NewMemoryFile(f, pgalloc.MemoryFileOpts{
		DisableMemoryAccounting: true,
		DisableIMAWorkAround:    true,
	})
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("memory of the kernel: %w", err)
	}
	return &memory{file: mf, host: f, limit: limit, asked: asked}, nil
}

// rootOptions are the mount options of the root file system. Without a bound
// its size is what tmpfs has on Linux: half of the memory there is.
func (m *memory) rootOptions() string {
	size := uint64(m.limit)
	var info unix.Sysinfo_t
	if size == 0 && unix.Sysinfo(&info) == nil {
		size = uint64(info.Totalram) * uint64(info.Unit) / 2
	}
	if size == 0 {
		return "mode=0755"
	}
	return fmt.Sprintf("mode=0755,size=%d", size)
}

// limitData bounds what a process maps for itself.
func (m *memory) limitData(l *limits.LimitSet) {
	if m.limit > 0 {
		l.SetUnchecked(limits.Data, limits.Limit{Cur: uint64(m.limit), Max: uint64(m.limit)})
	}
}

// A grower is a call that may add to the memory.
type grower struct {
	length int // argument that says how much at most; -1: unknown
	file   int // argument that is the file that grows; -1: none
	errno  abi.Errno
	whole  bool // the length is what it will take, not a bound
}

var growers = map[uintptr]grower{
	unix.SYS_WRITE:           {length: 2, file: 0, errno: abi.Errno(unix.ENOSPC)},
	unix.SYS_PWRITE64:        {length: 2, file: 0, errno: abi.Errno(unix.ENOSPC)},
	unix.SYS_WRITEV:          {length: -1, file: 0, errno: abi.Errno(unix.ENOSPC)},
	unix.SYS_PWRITEV:         {length: -1, file: 0, errno: abi.Errno(unix.ENOSPC)},
	unix.SYS_PWRITEV2:        {length: -1, file: 0, errno: abi.Errno(unix.ENOSPC)},
	unix.SYS_FALLOCATE:       {length: 3, file: 0, errno: abi.Errno(unix.ENOSPC), whole: true},
	unix.SYS_SENDFILE:        {length: 3, file: 0, errno: abi.Errno(unix.ENOSPC)},
	unix.SYS_SPLICE:          {length: 4, file: 2, errno: abi.Errno(unix.ENOSPC)},
	unix.SYS_COPY_FILE_RANGE: {length: 4, file: 2, errno: abi.Errno(unix.ENOSPC)},
	unix.SYS_MMAP:            {length: 1, file: -1, errno: abi.Errno(unix.ENOMEM), whole: true},
	unix.SYS_MREMAP:          {length: 2, file: -1, errno: abi.Errno(unix.ENOMEM), whole: true},
	unix.SYS_MLOCK:           {length: 1, file: -1, errno: abi.Errno(unix.ENOMEM), whole: true},
	unix.SYS_BRK:             {length: -1, file: -1, errno: abi.Errno(unix.ENOMEM)},
}

// bounded reports whether calls are to be admitted.
func (m *memory) bounded() bool { return m.limit > 0 || m.asked != nil }

// admit refuses a call that would exceed the bound or that the host refuses,
// or shortens it.
func (m *memory) admit(t *task, c *backends.Call) error {
	g, ok := growers[c.Num]
	if !ok {
		return nil
	}
	n := int64(slack)
	if g.length >= 0 {
		n = int64(min(c.Args[g.length].Word(), 1<<62))
	}
	near := m.limit > 0 && m.counted.Load()+m.since.Add(n) > m.limit
	if m.asked == nil && !near || g.file >= 0 && !t.inMemory(int32(c.Args[g.file].Word())) {
		return nil
	}
	if m.asked != nil && m.asked.Allocate(int(n), 1) != nil {
		return g.errno
	}
	if !near {
		return nil
	}
	room := m.limit + slack - m.recount(n)
	switch {
	case room <= 0 || g.whole && n > room:
		return g.errno
	case g.length >= 0 && !g.whole && n > room:
		c.Args[g.length] = backends.Int(uintptr(max(room, slack/16)))
	}
	return nil
}

// recount counts the pages in use. Where they are too many it gives the
// kernel, which frees pages in the background, a moment to do so.
func (m *memory) recount(n int64) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	for wait := time.Millisecond; ; wait *= 2 {
		info, err := m.host.Stat()
		if err != nil {
			return 0 // the kernel is being closed
		}
		used := info.Sys().(*syscall.Stat_t).Blocks * 512
		m.counted.Store(used)
		m.since.Store(0)
		if used+n <= m.limit+slack || wait > 16*time.Millisecond {
			return used
		}
		time.Sleep(wait)
	}
}

// inMemory reports whether a descriptor is a file in the kernel's memory. The
// caller holds the task.
func (c *task) inMemory(fd int32) bool {
	if !c.take() {
		return true
	}
	defer c.giveBack()
	f := c.t.GetFile(fd)
	if f == nil {
		return false
	}
	defer f.DecRef(c.t)
	switch f.Mount().Filesystem().FilesystemType().Name() {
	case "tmpfs", "dev", "overlay":
		return true
	}
	return false
}
