package store

import (
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// Types of messages (public/io/xs_wire.h).
type message uint32

const (
	msgDirectory        message = 1
	msgRead             message = 2
	msgWatch            message = 4
	msgUnwatch          message = 5
	msgTransactionStart message = 6
	msgTransactionEnd   message = 7
	msgWrite            message = 11
	msgMkdir            message = 12
	msgRemove           message = 13
	msgWatchEvent       message = 15
	msgError            message = 16
)

var messageNames = map[message]string{
	msgDirectory: "directory", msgRead: "read", msgWatch: "watch", msgUnwatch: "unwatch",
	msgTransactionStart: "transaction start", msgTransactionEnd: "transaction end",
	msgWrite: "write", msgMkdir: "mkdir", msgRemove: "remove",
}

const (
	headerSize = 16 // type, request, transaction, size of the payload: 4 bytes each
	// maxPayload is XENSTORE_PAYLOAD_MAX; a longer message ends the connection.
	maxPayload = 4096
	// MaxPath is the size of the longest absolute path, in bytes.
	MaxPath = 3072
)

// A packet is one message.
type packet struct {
	kind                 message
	request, transaction uint32
	payload              []byte
}

func writePacket(w io.Writer, p packet) error {
	if len(p.payload) > maxPayload {
		return fmt.Errorf("xenstore: a message of %d bytes, %d is the most", len(p.payload), maxPayload)
	}
	b := make([]byte, headerSize, headerSize+len(p.payload))
	binary.LittleEndian.PutUint32(b, uint32(p.kind))
	binary.LittleEndian.PutUint32(b[4:], p.request)
	binary.LittleEndian.PutUint32(b[8:], p.transaction)
	binary.LittleEndian.PutUint32(b[12:], uint32(len(p.payload)))
	_, err := w.Write(append(b, p.payload...))
	return err
}

func readPacket(r io.Reader) (packet, error) {
	var h [headerSize]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return packet{}, err
	}
	size := binary.LittleEndian.Uint32(h[12:])
	if size > maxPayload {
		return packet{}, fmt.Errorf("xenstore: the other side sends a message of %d bytes, %d is the most", size, maxPayload)
	}
	p := packet{
		kind:        message(binary.LittleEndian.Uint32(h[:])),
		request:     binary.LittleEndian.Uint32(h[4:]),
		transaction: binary.LittleEndian.Uint32(h[8:]),
		payload:     make([]byte, size),
	}
	_, err := io.ReadFull(r, p.payload)
	return p, err
}

// An Error is one that xenstore answered with.
type Error struct {
	Op   string // such as "read"
	Path string // may be empty
	Name string // of the error, such as "ENOENT"
}

func (e *Error) Error() string { return fmt.Sprintf("xenstore: %s %s: %s", e.Op, e.Path, e.Name) }

// Is makes fs.ErrNotExist of ENOENT, and so on.
func (e *Error) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		return e.Name == "ENOENT"
	case fs.ErrExist:
		return e.Name == "EEXIST"
	case fs.ErrPermission:
		return e.Name == "EACCES" || e.Name == "EPERM"
	}
	return false
}

// splitStrings splits strings that each end with a NUL. The last may not.
func splitStrings(b []byte) []string {
	s := strings.TrimSuffix(string(b), "\x00")
	if s == "" {
		return nil
	}
	return strings.Split(s, "\x00")
}
