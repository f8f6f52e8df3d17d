// Package tail keeps the end of a text, such as that of a console.
//
// What may be in this room: that. What may not: what the text means.
package tail

import (
	"bytes"
	"sync"
)

// A Buffer keeps the last Size bytes that are written to it. Its methods may be
// called concurrently.
type Buffer struct {
	Size int

	mu sync.Mutex
	b  bytes.Buffer
}

// Write never fails.
func (t *Buffer) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	t.b.Write(p[max(0, n-t.Size):])
	t.b.Next(max(0, t.b.Len()-t.Size))
	return n, nil
}

// Bytes is a copy of what is kept.
func (t *Buffer) Bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.b.Bytes())
}

// String is what is kept.
func (t *Buffer) String() string { return string(t.Bytes()) }
