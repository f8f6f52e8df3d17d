package hypercall

import (
	"io"
	"io/fs"
	"net"
	"time"
)

// A Host answers a kernel's requests, concern by concern. A nil concern is
// answered by the kernel's backend without being asked here. Every method may
// be called by several goroutines at a time, also while another call on the
// same concern blocks.
type Host struct {
	Memory    Memory
	Clock     Clock
	Random    Random
	Threads   Threads
	Block     Block
	Net       Net
	Console   Console
	Params    Params
	Lifecycle Lifecycle
	Scheduler Scheduler
}

// Memory is asked before a kernel takes memory.
type Memory interface {
	// Allocate is told that the kernel wants n bytes, aligned to align. An
	// error refuses them: the kernel sees that it has no memory.
	Allocate(n, align int) error
}

// Clock is what time it is. Requests are frequent: thousands a second in a
// busy kernel.
type Clock interface {
	// Now is the time of day.
	Now() time.Time
	// Monotonic is a time that never goes back, since some moment.
	Monotonic() time.Duration
}

// Random is where a kernel's entropy comes from.
type Random interface {
	// Read fills p, or fails. The kernel asks again later for what is missing.
	Read(p []byte) (n int, err error)
}

// Threads is told of a kernel's threads.
type Threads interface {
	// Start is told of a thread before it starts. An error refuses it.
	Start(name string) error
}

// Block is the files of the host that a kernel may open: images of disks, and
// what is mapped into its file system.
type Block interface {
	// Stat says what is at a path.
	Stat(path string) (FileInfo, error)
	// Open opens what is at a path.
	Open(path string, mode OpenMode) (File, error)
}

// OpenMode is how a kernel opens a file of the host.
type OpenMode uint8

const (
	Read      OpenMode = 1 << iota // for reading
	Write                          // for writing
	Create                         // make it if it is not there
	Exclusive                      // and fail if it is
)

// A FileInfo is what a kernel needs to know of a file before it opens it.
type FileInfo struct {
	Size int64       // in bytes; of a device its capacity
	Mode fs.FileMode // its type
}

// A File is an open file of the host.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes what was written last.
	Sync() error
}

// Net is the cables that a kernel's network interfaces are plugged into.
type Net interface {
	// Attach plugs in a network interface: frames from the cable go to
	// receive, which copies them and may be called until the Link is closed.
	Attach(nic NIC, receive func(frame []byte)) (Link, error)
}

// A NIC is a network interface of a kernel.
type NIC struct {
	Name string // as the kernel counts them: "virt0"
	MAC  net.HardwareAddr
	// Segments takes frames as of [Segmenter]. nil: they come one by one.
	Segments func(frame []byte, size int)
}

// A Link is one end of a cable.
type Link interface {
	// Send takes an Ethernet frame. It may be dropped. The frame is the
	// caller's again when Send returns.
	Send(frame []byte)
	// Close pulls the plug: receive is not called any more.
	Close() error
}

// A Segmenter is a Link that takes several segments of TCP as one frame, as
// network cards do: its cable is long enough for what one of TCP is too long for.
type Segmenter interface {
	// SendSegments is Send of a frame of TCP over IPv4 or IPv6, of at most 64 KiB,
	// whose payload is that of several: size bytes of each but the last. The
	// headers are the first one's, lengths and checksums the frame's own.
	SendSegments(frame []byte, size int)
}

// Addressed is a Link that decides which address the interface has. Others
// leave it the one that it came with.
type Addressed interface {
	HardwareAddr() net.HardwareAddr
}

// Console is what the kernel prints: whole lines, as long as they are not
// very long, or what a process writes to it at a time. An error says that it
// is lost; whether the kernel minds is its own affair.
type Console interface {
	Print(text []byte) error
}

// Params are the kernel's settings by name, which its backend documents.
type Params interface {
	Param(name string) (value string, ok bool)
}

// Lifecycle is told of what a kernel would do to the process that it is in,
// and of its end, once.
type Lifecycle interface {
	// Signal is told of a signal that a process inside was sent; the number
	// is the kernel's. The kernel holds locks: the call must not make calls
	// on the same kernel.
	Signal(pid, signal int)
	// Exit is told that the kernel was halted or closed.
	Exit(status int)
	// Panic is told that the kernel died, and why, in one line.
	Panic(reason string)
}

// A Middleware makes a host of another one.
type Middleware func(Host) Host

// Wrap puts middleware around a host: the first one is the outermost and sees
// a request first.
func Wrap(h Host, mw ...Middleware) Host {
	for i := len(mw) - 1; i >= 0; i-- {
		h = mw[i](h)
	}
	return h
}
