package turns

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/fnv"
	"io"
	"math/rand/v2"
)

// derive is a seed of its own for one use of a seed.
func derive(seed uint64, use string) [32]byte {
	return sha256.Sum256(append(binary.LittleEndian.AppendUint64(nil, seed), use...))
}

// stream is a source of numbers for one use of a seed: what one use draws
// changes nothing for another.
func stream(seed uint64, use string) *rand.Rand {
	b := derive(seed, use)
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])))
}

// Rand is for what a scenario draws itself.
func (s *Scheduler) Rand() *rand.Rand { return s.user }

// Random is an endless stream of bytes, of the seed and a name.
func (s *Scheduler) Random(name string) io.Reader {
	return rand.NewChaCha8(derive(s.seed, "random "+name))
}

func hash(b []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(b)
	return h.Sum64()
}
