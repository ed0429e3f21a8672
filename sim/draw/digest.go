package draw

import (
	"encoding/binary"
	"math/bits"
)

// Digest is a rolling 64-bit hash. It tells runs apart, and names streams of random numbers; it guards against accidents, not malice.
type Digest uint64

// NewDigest returns the digest of nothing.
func NewDigest() Digest { return 0x9e3779b97f4a7c15 }

// Word mixes a number in.
func (d Digest) Word(w uint64) Digest {
	high, low := bits.Mul64(uint64(d)^w, 0xd6e8feb86659fd93)
	return Digest(high ^ low ^ bits.RotateLeft64(w, 23) ^ bits.RotateLeft64(uint64(d), 41))
}

// Bytes mixes bytes in, and how many they are.
func (d Digest) Bytes(b []byte) Digest {
	d = d.Word(uint64(len(b)))
	for len(b) >= 8 {
		d = d.Word(binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	var last [8]byte
	copy(last[:], b)
	return d.Word(binary.LittleEndian.Uint64(last[:]))
}

// Text mixes a text in, as its bytes.
func (d Digest) Text(s string) Digest { return d.Bytes([]byte(s)) }

// Below turns the digest into a number from 0 to n-1.
func (d Digest) Below(n int) int {
	high, _ := bits.Mul64(uint64(d), uint64(n))
	return int(high)
}
