// Package draw gives a run everything in it that is random: streams of numbers, each named by the run's seed, a purpose and a place.
// One number more in one stream shifts none in another, so a run from which one fault was taken away is still the same run.
package draw

import (
	"math/bits"
	"math/rand/v2"
	"time"
)

// Million is what chances and the rates of clocks are parts of.
const Million = 1_000_000

// Draws is one stream. It is a rand.Source.
type Draws struct{ *rand.PCG }

// New names a stream by the run's seed, what it is for and where.
func New(seed uint64, purpose string, places ...int) Draws {
	key := NewDigest().Text(purpose)
	for _, place := range places {
		key = key.Word(uint64(place))
	}
	return Draws{rand.NewPCG(seed, uint64(key))}
}

// Named is the stream that a digest names.
func Named(name Digest) Draws { return Draws{rand.NewPCG(uint64(name), uint64(name.Word(1)))} }

// Below draws from 0 to n-1. One number is used up, whatever n is.
func (d Draws) Below(n int) int {
	high, _ := bits.Mul64(d.Uint64(), uint64(n))
	return int(high)
}

// Between draws from low to high, both included.
func (d Draws) Between(low, high time.Duration) time.Duration {
	return low + time.Duration(d.Below(int(high-low)+1))
}

// Chance is true so many times in a million.
func (d Draws) Chance(parts int) bool { return d.Below(Million) < parts }

// Exponential draws a duration of about this mean: most are short, a few are many times as long.
func (d Draws) Exponential(mean time.Duration) time.Duration {
	u := d.Uint64()
	// The binary logarithm of a number drawn evenly, between two powers of two taken as a straight line.
	zeros := bits.LeadingZeros64(u | 1)
	rest := (u << zeros << 1) >> 48
	log := uint64(zeros+1)<<16 - rest
	const ln2 = 45426 // of 65536
	return time.Duration(uint64(mean) * log >> 16 * ln2 >> 16)
}

// Pick draws one of the values.
func Pick[T any](d Draws, values ...T) T { return values[d.Below(len(values))] }
