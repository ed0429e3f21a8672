package draw

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An exponential draw has about the mean that is asked for, and a tail.
func TestExponentialDraws(t *testing.T) {
	d := New(1, "test")
	var sum, longest time.Duration
	for range 100_000 {
		one := d.Exponential(time.Second)
		sum, longest = sum+one, max(longest, one)
	}
	require.InEpsilon(t, float64(time.Second), float64(sum/100_000), 0.1)
	require.Greater(t, longest, 5*time.Second)
}

// A stream is named by seed, purpose and place, and by nothing else.
func TestStreamsAreApart(t *testing.T) {
	require.Equal(t, New(1, "net", 2).Uint64(), New(1, "net", 2).Uint64())
	different := map[uint64]bool{}
	for _, d := range []Draws{New(1, "net", 2), New(2, "net", 2), New(1, "disk", 2), New(1, "net", 3), New(1, "net", 2, 0)} {
		different[d.Uint64()] = true
	}
	require.Len(t, different, 5)
}
