package sim

import (
	"math/bits"
	"math/rand/v2"
	"time"
)

// million is what chances and clock drifts are parts of.
const million = 1_000_000

// draws is one stream of random numbers. Each purpose at each place has its own, so that a message more on one link,
// or a fault taken away, shifts no draw anywhere else.
type draws struct{ source *rand.PCG }

// newDraws names a stream by the run's seed, what it is for and where.
func newDraws(seed uint64, purpose string, places ...int) draws {
	key := newDigest().text(purpose)
	for _, place := range places {
		key = key.word(uint64(place))
	}
	return draws{rand.NewPCG(seed, uint64(key))}
}

// Uint64 makes draws a rand.Source.
func (d draws) Uint64() uint64 { return d.source.Uint64() }

// below draws from 0 to n-1. One number is used up, whatever n is.
func (d draws) below(n int) int {
	high, _ := bits.Mul64(d.Uint64(), uint64(n))
	return int(high)
}

// between draws from low to high, both included.
func (d draws) between(low, high time.Duration) time.Duration {
	return low + time.Duration(d.below(int(high-low)+1))
}

// chance is true so many times in a million.
func (d draws) chance(parts int) bool { return d.below(million) < parts }

// exponential draws a duration of about this mean: most are short, a few are many times as long.
func (d draws) exponential(mean time.Duration) time.Duration {
	u := d.Uint64()
	// The binary logarithm of a number drawn evenly, between two powers of two taken as a straight line.
	zeros := bits.LeadingZeros64(u | 1)
	rest := (u << zeros << 1) >> 48
	log := uint64(zeros+1)<<16 - rest
	const ln2 = 45426 // of 65536
	return time.Duration(uint64(mean) * log >> 16 * ln2 >> 16)
}

// pick draws one of the values.
func pick[T any](d draws, values ...T) T { return values[d.below(len(values))] }
