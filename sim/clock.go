package sim

import (
	"fmt"
	"math"
	"math/bits"
	"time"

	"lockd/sim/draw"
)

// never is an instant that does not come.
const never = time.Duration(math.MaxInt64)

// clock is a place's own monotonic clock. It begins at an instant of its own, as that of a real machine does, so that nobody can
// compare two of them. Over true time it is a straight line, a little steeper or flatter than it should be, until faults bend it
// (clockfault.go): it may jump ahead, run at any rate for a while, or stand still. It never goes back.
//
// Whoever bends a clock sets the alarms of its place anew: when they ring was reckoned with the line as it was.
type clock struct {
	// The last straight piece. True time never goes back, so nobody asks for an earlier one.
	since time.Duration // true time at which it begins
	shown time.Duration // what the clock showed then
	part  uint64        // and how much of a further nanosecond had passed, in a draw.Million
	rate  uint64        // how many nanoseconds it counts in a draw.Million of true ones

	own   uint64        // the rate when nothing ails it
	least uint64        // the slowest rate that the protocol allows
	lag   time.Duration // how far it fell behind that, up to this piece

	spell spell // what ails it for a while
}

// newClock is a clock that shows boot at true time zero and runs fast by drift, in parts of a draw.Million. Bound is the drift that
// the protocol allows.
func newClock(boot time.Duration, drift, bound int64) clock {
	own := uint64(draw.Million + drift)
	return clock{shown: boot, rate: own, own: own, least: uint64(draw.Million - bound)}
}

// read is what the clock shows at an instant of true time, which must not lie before its last change.
func (c *clock) read(at time.Duration) time.Duration {
	shown, _ := c.position(at)
	return shown
}

// position is what the clock shows, and how much of the next nanosecond has passed: pieces join without a rounding.
func (c *clock) position(at time.Duration) (shown time.Duration, part uint64) {
	if at < c.since {
		panic(fmt.Sprintf("sim: a clock that changed at %v is read at %v", c.since, at))
	}
	true := uint64(at - c.since)
	// Whole millions and the rest are scaled apart: an hour times a million times a rate is past 64 bits.
	rest := c.part + true%draw.Million*c.rate
	return c.shown + time.Duration(true/draw.Million*c.rate+rest/draw.Million), rest % draw.Million
}

// when is the first true time, from the last change on, at which the clock shows an instant or a later one: of an instant that was
// jumped over it is the time of the jump. It is never of a later instant than a clock that stands still shows.
func (c *clock) when(instant time.Duration) time.Duration {
	if instant <= c.shown {
		return c.since
	}
	high, low := bits.Mul64(uint64(instant-c.shown), draw.Million)
	low, borrow := bits.Sub64(low, c.part, 0)
	low, carry := bits.Add64(low, max(c.rate, 1)-1, 0)
	high += carry - borrow
	if high >= c.rate {
		return never
	}
	true, _ := bits.Div64(high, low, c.rate)
	if true > uint64(never-c.since) {
		return never
	}
	return c.since + time.Duration(true)
}

// bend begins a new piece.
func (c *clock) bend(now time.Duration) {
	c.lag = c.behind(now)
	c.shown, c.part = c.position(now)
	c.since = now
}

// jump moves the clock ahead.
func (c *clock) jump(now, by time.Duration) {
	if by < 0 {
		panic(fmt.Sprintf("sim: a monotonic clock jumps by %v", by))
	}
	c.bend(now)
	c.shown += by
}

// setRate lets the clock count at a rate, in a draw.Million of true time.
func (c *clock) setRate(now time.Duration, rate uint64) {
	c.bend(now)
	c.rate = rate
}

// freeze lets the clock stand still. What passes until it is thawed it never makes up for.
func (c *clock) freeze(now time.Duration) { c.setRate(now, 0) }

// thaw lets the clock run at its own rate again, whatever it did before.
func (c *clock) thaw(now time.Duration) { c.setRate(now, c.own) }

// behind is by how much the clock has fallen behind the slowest that is allowed, added up over all its spells since true time zero. It
// never falls: what the clock gains at other times is not set off against it. So between any a and b it has counted at least
//
//	(b-a)·(1-ρ) - (behind(b)-behind(a))
//
// but for the nanosecond that two readings may lose.
func (c *clock) behind(now time.Duration) time.Duration {
	if c.rate >= c.least {
		return c.lag
	}
	true, slack := uint64(now-c.since), c.least-c.rate
	return c.lag + time.Duration(true/draw.Million*slack+(true%draw.Million*slack+draw.Million-1)/draw.Million)
}
