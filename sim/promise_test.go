package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lockd/sim/draw"
)

// reigns is consensus reduced to its clocks: one leader at a time counts, as raft does it, and everybody's clock is bent at will.
type reigns struct {
	now       time.Duration
	drift     int64
	heartbeat time.Duration
	clocks    []clock
	watched   []counting
	last      []time.Duration // what each node's clock showed at its last step
	leader    int
	cluster   time.Duration // cluster time
	ahead     time.Duration
	guest     clock // a client's
}

func newReigns(t *rapid.T) *reigns {
	r := &reigns{drift: rapid.SampledFrom([]int64{100, 1000, 50_000}).Draw(t, "drift"), heartbeat: 50 * millisecond}
	for range 3 {
		r.clocks = append(r.clocks, r.newClock(t))
	}
	r.guest = r.newClock(t)
	r.watched, r.last = make([]counting, 3), make([]time.Duration, 3)
	for i := range r.clocks {
		r.last[i] = r.clocks[i].read(0)
		r.watched[i].begin(0, r.last[i])
	}
	return r
}

func (r *reigns) newClock(t *rapid.T) clock {
	drift := rapid.SampledFrom([]int64{-r.drift, 0, r.drift}).Draw(t, "rate")
	return newClock(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "boot")), drift, r.drift)
}

// step is a step of a member: the leader counts in it.
func (r *reigns) step(member int) {
	shown := r.clocks[member].read(r.now)
	if member == r.leader {
		r.cluster += min(shown-r.last[member], r.heartbeat)
	}
	r.last[member] = shown
	r.ahead += r.watched[member].step(r.now, shown, r.heartbeat, r.drift, member == r.leader)
}

// pass lets some time pass, in which something happens.
func (r *reigns) pass(t *rapid.T) {
	r.now += time.Duration(rapid.Int64Range(0, int64(80*millisecond)).Draw(t, "passing"))
	i := rapid.IntRange(0, 2).Draw(t, "member")
	switch rapid.IntRange(0, 9).Draw(t, "what") {
	case 0:
		bendAtWill(t, &r.clocks[i], r.now)
	case 1:
		bendAtWill(t, &r.guest, r.now)
	case 2:
		r.step(i)
		r.leader = i
	default:
		r.step(i)
		r.step(r.leader)
	}
}

func bendAtWill(t *rapid.T, c *clock, now time.Duration) {
	switch rapid.IntRange(0, 3).Draw(t, "how") {
	case 0:
		c.jump(now, time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "by")))
	case 1:
		c.setRate(now, rapid.Uint64Range(1, 5*draw.Million).Draw(t, "rate"))
	case 2:
		c.freeze(now)
	case 3:
		c.thaw(now)
	}
}

// However clocks are bent, no session ends before earliestExpiry, and no client has more left of its lease than overstay then.
func TestPromisesOfBentClocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newReigns(t)
		for range rapid.IntRange(0, 5).Draw(t, "before") {
			r.pass(t)
		}
		ttl := time.Duration(rapid.Int64Range(int64(millisecond), int64(second)).Draw(t, "ttl"))
		believed := ttl * draw.Million / time.Duration(draw.Million+r.drift) * time.Duration(draw.Million-r.drift) / draw.Million
		made := pledge{ahead: r.ahead, behind: r.guest.behind(r.now)}
		until := r.guest.read(r.now) + believed
		for range rapid.IntRange(0, 5).Draw(t, "on its way") {
			r.pass(t)
		}
		renewed, ahead := r.now, r.ahead
		r.step(r.leader)
		deadline := r.cluster + ttl
		for range 200 {
			r.pass(t)
			r.step(r.leader)
			if r.cluster >= deadline {
				require.GreaterOrEqual(t, r.now, earliestExpiry(renewed, ttl, r.ahead-ahead, r.drift))
				left := until - r.guest.read(r.now)
				require.LessOrEqual(t, left, made.since(r.ahead, r.guest.behind(r.now), r.drift))
				return
			}
		}
	})
}

// Without faults the bounds are the promises themselves, but for the rounding.
func TestPromisesOfStraightClocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newReigns(t)
		for range 100 {
			r.now += time.Duration(rapid.Int64Range(0, int64(80*millisecond)).Draw(t, "passing"))
			if i := rapid.IntRange(0, 2).Draw(t, "member"); rapid.Bool().Draw(t, "elected") {
				r.leader = i
			}
			r.step(r.leader)
		}
		require.Zero(t, r.ahead)
		require.Zero(t, r.guest.behind(r.now))
	})
	require.Equal(t, second+9*second-readings, earliestExpiry(second, 9090*millisecond, 0, 10_000))
	require.Equal(t, readings, overstay(0, 0, 1000))
}

// The bound is sharp: under a leader whose clock is as fast as allowed, and jumps again and again, it is met but for a few steps.
func TestEarliestExpiryIsSharp(t *testing.T) {
	const drift, heartbeat, ttl, stride = 50_000, 50 * millisecond, 2 * second, 10 * millisecond
	c, w := newClock(0, drift, drift), counting{}
	var cluster, ahead, last time.Duration
	for now := stride; ; now += stride {
		if now%(10*stride) == 0 {
			c.jump(now, time.Hour)
		}
		shown := c.read(now)
		cluster += min(shown-last, heartbeat)
		ahead += w.step(now, shown, heartbeat, drift, true)
		last = shown
		if cluster >= ttl {
			require.InDelta(t, now, earliestExpiry(0, ttl, ahead, drift), float64(3*stride))
			return
		}
	}
}

// A jump costs the sessions at most one heartbeat, however far it goes; and nothing if the member does not lead.
func TestJumpCountsAsOneHeartbeat(t *testing.T) {
	for _, leads := range []bool{true, false} {
		c, w := newClock(0, 0, 1000), counting{}
		c.jump(millisecond, time.Hour)
		c.jump(2*millisecond, time.Hour)
		ahead := w.step(3*millisecond, c.read(3*millisecond), 50*millisecond, 1000, leads)
		if leads {
			require.InDelta(t, 47*millisecond, ahead, float64(5*microsecond))
		} else {
			require.Zero(t, ahead)
		}
		require.Zero(t, w.step(103*millisecond, c.read(103*millisecond), 50*millisecond, 1000, leads), "later steps make up for nothing")
	}
}
