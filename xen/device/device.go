package device

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/anykernel/anykernel/xen/guest"
	"github.com/anykernel/anykernel/xen/xenbus"
)

// A NIC is a network interface that carries Ethernet frames. Its methods may
// be called concurrently.
type NIC interface {
	HardwareAddr() net.HardwareAddr
	// MTU is the size of the largest packet in a frame, in bytes.
	MTU() int
	// ReadFrame waits for a frame and copies it to b: what does not fit is
	// dropped. After Close it fails with fs.ErrClosed.
	ReadFrame(b []byte) (int, error)
	// SetReadDeadline lets ReadFrame fail with os.ErrDeadlineExceeded from t
	// on; zero: never.
	SetReadDeadline(t time.Time) error
	// WriteFrame sends a frame. It waits for room, and does not keep b.
	WriteFrame(b []byte) error
	Close() error
}

// A ChecksumNIC is a NIC whose other side is on the same machine: checksums of
// TCP and UDP over IPv4 need not be computed, nor looked at. Package link uses
// that where it can.
type ChecksumNIC interface {
	NIC
	// ReadChecked is ReadFrame of a frame whose checksums may be incomplete;
	// where checked, they are known to be right.
	ReadChecked(b []byte) (n int, checked bool, err error)
	// WriteBlank is WriteFrame of a frame whose checksum is that of the
	// pseudo-header alone. The other side completes it where that is necessary.
	WriteBlank(b []byte) error
}

// A Disk is a block device. Its methods may be called concurrently.
type Disk interface {
	io.ReaderAt // at any offset
	io.WriterAt // whole sectors of 512 bytes
	// Size and BlockSize are in bytes.
	Size() int64
	BlockSize() int
	ReadOnly() bool
	// Flush waits until what was written is on stable storage.
	Flush() error
	// Discard tells that size bytes at off are not needed any more.
	Discard(off, size int64) error
	Close() error
}

// A Set is a guest's devices, in the order in which they were given to it.
type Set struct {
	NICs  []NIC
	Disks []Disk
	// Bus is xenstore, event channels and grants of a domain of Xen; nil
	// elsewhere.
	Bus *xenbus.Bus
}

// Open starts all devices of this guest. Outside of a guest it fails with
// guest.ErrNotGuest. A device that does not start is an error; those that did
// are in the set all the same.
func Open() (*Set, error) {
	if !guest.Present() {
		return nil, guest.ErrNotGuest
	}
	s := &Set{}
	if guest.OnXen() {
		return s, s.openXen(context.Background()) // each step has a time limit
	}
	line, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return nil, err
	}
	return s, s.openVirtio(string(line))
}

// Close stops all devices.
func (s *Set) Close() error {
	var errs []error
	for _, n := range s.NICs {
		errs = append(errs, n.Close())
	}
	for _, d := range s.Disks {
		errs = append(errs, d.Close())
	}
	return errors.Join(errs...)
}

// NIC is the network interface with that number; the error says how to give
// the guest one.
func (s *Set) NIC(i int) (NIC, error) {
	if i < 0 || i >= len(s.NICs) {
		return nil, fmt.Errorf("no network interface %d: this guest has %d (anykernel run --net user)", i, len(s.NICs))
	}
	return s.NICs[i], nil
}

// Disk is the disk with that number; the error says how to give the guest one.
func (s *Set) Disk(i int) (Disk, error) {
	if i < 0 || i >= len(s.Disks) {
		return nil, fmt.Errorf("no disk %d: this guest has %d (anykernel run --disk FILE)", i, len(s.Disks))
	}
	return s.Disks[i], nil
}
