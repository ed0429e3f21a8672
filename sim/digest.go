package sim

import (
	"encoding/binary"
	"math/bits"
)

// digest is a rolling 64-bit hash. It tells runs apart, and keys streams of random numbers; it guards against accidents, not malice.
type digest uint64

func newDigest() digest { return 0x9e3779b97f4a7c15 }

func (d digest) word(w uint64) digest {
	high, low := bits.Mul64(uint64(d)^w, 0xd6e8feb86659fd93)
	return digest(high ^ low ^ bits.RotateLeft64(w, 23) ^ bits.RotateLeft64(uint64(d), 41))
}

func (d digest) bytes(b []byte) digest {
	d = d.word(uint64(len(b)))
	for len(b) >= 8 {
		d = d.word(binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	var last [8]byte
	copy(last[:], b)
	return d.word(binary.LittleEndian.Uint64(last[:]))
}

func (d digest) text(s string) digest { return d.bytes([]byte(s)) }
