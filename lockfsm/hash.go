package lockfsm

import (
	"encoding/binary"
	"math/bits"
)

// hash accumulates 64-bit words. It guards against accidents, not against malice: whoever
// makes two commands collide under one sequence number deceives only their own session.
type hash uint64

// The digits of the golden ratio and of the square root of two: odd, with their ones well spread.
const (
	hashSeed       hash   = 0x9e3779b97f4a7c15
	hashMultiplier uint64 = 0x6a09e667f3bcc909
)

func (h hash) word(w uint64) hash {
	high, low := bits.Mul64(uint64(h)^w, hashMultiplier)
	return hash(high ^ low ^ bits.RotateLeft64(uint64(h), 29) ^ w)
}

// hashText adds a text and its length, so that two texts in a row can't trade bytes.
func hashText[T ~string | ~[]byte](h hash, text T) hash {
	h = h.word(uint64(len(text)))
	var block [8]byte
	for len(text) > 0 {
		size := copy(block[:], text)
		clear(block[size:])
		h = h.word(binary.LittleEndian.Uint64(block[:]))
		text = text[size:]
	}
	return h
}
