package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// when is the first instant at which read shows what is asked for.
func TestClockIsReadBothWays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := clock{
			boot:  time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "boot")),
			drift: rapid.Int64Range(-100_000, 100_000).Draw(t, "drift"),
		}
		instant := c.boot + time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "instant"))
		at := c.when(instant)
		require.GreaterOrEqual(t, c.read(at), instant)
		require.Less(t, c.read(at-1), instant)
	})
}

// An exponential draw has about the mean that is asked for, and a tail.
func TestExponentialDraws(t *testing.T) {
	d := newDraws(1, "test")
	var sum, longest time.Duration
	for range 100_000 {
		draw := d.exponential(second)
		sum, longest = sum+draw, max(longest, draw)
	}
	require.InEpsilon(t, float64(second), float64(sum/100_000), 0.1)
	require.Greater(t, longest, 5*second)
}

// A stream is named by seed, purpose and place, and by nothing else.
func TestStreamsAreApart(t *testing.T) {
	require.Equal(t, newDraws(1, "net", 2).Uint64(), newDraws(1, "net", 2).Uint64())
	different := map[uint64]bool{}
	for _, d := range []draws{newDraws(1, "net", 2), newDraws(2, "net", 2), newDraws(1, "disk", 2), newDraws(1, "net", 3), newDraws(1, "net", 2, 0)} {
		different[d.Uint64()] = true
	}
	require.Len(t, different, 5)
}
