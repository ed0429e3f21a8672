package sim

import (
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lockd/sim/draw"
)

// dumbClock is what a clock must show, added up nanosecond by nanosecond.
type dumbClock struct {
	rate, least uint64
	parts       uint64 // of a nanosecond, in a draw.Million
	lag         uint64 // parts
	shown       []time.Duration
}

func (d *dumbClock) tick() {
	d.parts += d.rate
	d.lag += max(d.least, d.rate) - d.rate
	d.note()
}

func (d *dumbClock) note() {
	d.shown = append(d.shown, time.Duration(d.parts/draw.Million))
}

// first is the first instant from one on at which an instant was shown.
func (d *dumbClock) first(instant time.Duration, from int) time.Duration {
	for at := from; at < len(d.shown); at++ {
		if d.shown[at] >= instant {
			return time.Duration(at)
		}
	}
	return never
}

// However a clock is bent, it shows what the small steps add up to, and when is the inverse of read.
func TestClockIsWhatSmallStepsAddUpTo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		boot := rapid.Int64Range(0, 1000).Draw(t, "boot")
		drift := rapid.Int64Range(-100_000, 100_000).Draw(t, "drift")
		c := newClock(time.Duration(boot), drift, 100_000)
		twin := &dumbClock{rate: uint64(draw.Million + drift), least: 900_000, parts: uint64(boot) * draw.Million}
		twin.note()
		now, pieces := 0, 0
		for range rapid.IntRange(1, 8).Draw(t, "changes") {
			for range rapid.IntRange(0, 100).Draw(t, "passing") {
				twin.tick()
				now++
				require.Equal(t, twin.shown[now], c.read(time.Duration(now)))
			}
			bendBoth(t, &c, twin, now)
			pieces++
			require.Equal(t, twin.shown[now], c.read(time.Duration(now)))
		}
		require.InDelta(t, float64(twin.lag)/draw.Million, float64(c.behind(time.Duration(now))), float64(pieces+1))
		require.GreaterOrEqual(t, uint64(c.behind(time.Duration(now)))*draw.Million, twin.lag)
		instant := twin.shown[now] + time.Duration(rapid.Int64Range(-20, 100).Draw(t, "instant"))
		for range 1000 {
			twin.tick()
		}
		expected := twin.first(instant, now)
		if expected == never && c.rate != 0 {
			return // the twin has not come so far
		}
		require.Equal(t, expected, c.when(instant))
	})
}

func bendBoth(t *rapid.T, c *clock, twin *dumbClock, now int) {
	at := time.Duration(now)
	switch rapid.IntRange(0, 3).Draw(t, "how") {
	case 0:
		by := rapid.Int64Range(0, 300).Draw(t, "by")
		c.jump(at, time.Duration(by))
		twin.parts += uint64(by) * draw.Million
		twin.shown[now] = time.Duration(twin.parts / draw.Million)
	case 1:
		rate := rapid.Uint64Range(1, 10_000_000).Draw(t, "rate")
		c.setRate(at, rate)
		twin.rate = rate
	case 2:
		c.freeze(at)
		twin.rate = 0
	case 3:
		c.thaw(at)
		twin.rate = c.own
	}
}

// Hours, and rates far from one, are no trouble: the exact line is held against arithmetic without bounds.
func TestClockOverHours(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClock(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "boot")), 0, 1000)
		changed := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "changed"))
		rate := rapid.Uint64Range(1, 100*draw.Million).Draw(t, "rate")
		c.setRate(changed, rate)
		at := changed + time.Duration(rapid.Int64Range(0, int64(2*time.Hour)).Draw(t, "passing"))
		exact := new(big.Int).Mul(big.NewInt(int64(at-changed)), new(big.Int).SetUint64(rate))
		require.Equal(t, exact.Div(exact, big.NewInt(draw.Million)).Int64(), int64(c.read(at)-c.read(changed)))

		instant := c.shown + time.Duration(rapid.Int64Range(1, int64(24*time.Hour)).Draw(t, "instant"))
		when := c.when(instant)
		if when != never {
			require.GreaterOrEqual(t, c.read(when), instant)
			require.Less(t, c.read(when-1), instant)
		}
	})
}

func TestClockThatStandsStill(t *testing.T) {
	c := newClock(time.Minute, 0, 1000)
	c.freeze(second)
	require.Equal(t, time.Minute+second, c.read(time.Hour))
	require.Equal(t, never, c.when(time.Minute+second+1))
	require.Equal(t, second, c.when(time.Minute+second), "what it shows already is no news")
	c.thaw(3 * second)
	require.Equal(t, time.Minute+2*second, c.read(4*second), "it does not make up for it")
	require.Equal(t, 1998*millisecond, c.behind(4*second), "two seconds, of which the drift excuses two milliseconds")
}

func TestClockThatJumps(t *testing.T) {
	c := newClock(time.Minute, 0, 1000)
	c.jump(second, time.Hour)
	require.Equal(t, second, c.when(time.Minute+30*time.Minute), "what is jumped over comes with the jump")
	require.Equal(t, 2*second, c.when(time.Minute+time.Hour+2*second))
	require.Panics(t, func() { c.jump(2*second, -1) }, "it never goes back")
	require.Panics(t, func() { c.read(second - 1) }, "nor does true time")
	require.Zero(t, c.behind(time.Hour))
}
