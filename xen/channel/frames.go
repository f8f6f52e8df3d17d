package channel

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/anykernel/anykernel/xen/device"
)

const (
	mtu          = 1500
	headerSize   = 14      // of Ethernet
	lengthSize   = 4       // in front of each frame
	longestFrame = 1 << 16 // that is read; longer ones have lost their way
)

// What the two ends are called on their link: locally administered.
var (
	hostMAC  = net.HardwareAddr{0x52, 0x54, 0, 0xa, 0xb, 0x1}
	guestMAC = net.HardwareAddr{0x52, 0x54, 0, 0xa, 0xb, 0x2}
)

// A wire is a network interface whose frames go over a stream, each behind its
// length as 4 bytes, big-endian: the form of QEMU's network "stream".
type wire struct {
	conn net.Conn
	mac  net.HardwareAddr

	reading sync.Mutex
	in      *bufio.Reader

	writing sync.Mutex
	out     []byte
}

var _ device.NIC = (*wire)(nil)

func newWire(conn net.Conn, mac net.HardwareAddr) *wire {
	return &wire{conn: conn, mac: mac, in: bufio.NewReaderSize(conn, lengthSize+longestFrame)}
}

func (w *wire) HardwareAddr() net.HardwareAddr    { return w.mac }
func (w *wire) MTU() int                          { return mtu }
func (w *wire) SetReadDeadline(t time.Time) error { return w.conn.SetReadDeadline(t) }
func (w *wire) Close() error                      { return w.conn.Close() }

// ReadFrame takes nothing from the stream until the whole frame is there, so
// that a deadline does not cut one in pieces.
func (w *wire) ReadFrame(b []byte) (int, error) {
	w.reading.Lock()
	defer w.reading.Unlock()
	head, err := w.in.Peek(lengthSize)
	if err != nil {
		return 0, err
	}
	n := binary.BigEndian.Uint32(head)
	if n > longestFrame {
		return 0, fmt.Errorf("a frame of %d bytes: %d are the most", n, longestFrame)
	}
	frame, err := w.in.Peek(lengthSize + int(n))
	if err != nil {
		return 0, err
	}
	size := copy(b, frame[lengthSize:])
	_, err = w.in.Discard(len(frame))
	return size, err
}

// WriteFrame sends a frame with its length in one piece.
func (w *wire) WriteFrame(b []byte) error {
	if len(b) > longestFrame {
		return fmt.Errorf("a frame of %d bytes: %d are the most", len(b), longestFrame)
	}
	w.writing.Lock()
	defer w.writing.Unlock()
	w.out = binary.BigEndian.AppendUint32(w.out[:0], uint32(len(b)))
	w.out = append(w.out, b...)
	_, err := w.conn.Write(w.out)
	return err
}
