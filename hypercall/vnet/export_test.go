package vnet

import "bytes"

// Addresses is how many addresses a switch knows.
func Addresses(s *Switch) int { return len(s.addresses) }

// Cut is the frames that a frame of segments is cut into.
func Cut(b []byte, size int) (frames [][]byte) {
	if len(b) > MaxFrame || size <= 0 {
		return nil
	}
	f := newFrame(len(b))
	copy(f.data, b)
	f.segment = size
	for _, s := range f.cut() {
		frames = append(frames, bytes.Clone(s.data))
		s.release()
	}
	return frames
}
