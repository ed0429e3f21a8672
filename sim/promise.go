package sim

import (
	"time"

	"lockd/sim/draw"
)

// What still holds when clocks break their promise. The protocol promises safety without any clock, and two things if no clock is
// off by more than ρ: a session lasts for TTL/(1+ρ) of true time after its last renewal, and no client believes in its locks for
// longer. A clock that strobes does not take these sentences away; it weakens them by what can be measured. Two things are measured:
//
//   - ahead: by how much leaders have counted more cluster time than the fastest clock allowed would have let them, added up over
//     all members and steps (counting.step);
//   - behind: by how much a client's clock has fallen behind the slowest one allowed (clock.behind).
//
// Both are running totals that never fall, so what one of them grew by between two instants bounds what happened in any part
// of that time.

// counting follows how one member counts cluster time, from outside.
//
// At each step raft adds what the member's clock has shown since the step before, at most one heartbeat (raft/clock.go), if the
// member led when the step began. So a clock that jumps by an hour makes its leader count a heartbeat too much, and no more,
// however many jumps lie between two steps; and one that is no leader's makes no difference at all. A jump takes no more than
//
//	min(jump, heartbeat)
//
// from the sessions, and a fast spell what it exceeds (1+ρ) by. After a freeze or a pause a leader has counted too little: that
// only lengthens leases, and is never set off against anything.
type counting struct{ at, shown time.Duration } // the last step, in true time and on the member's clock

// step notes a step of the member, and returns by how much cluster time ran ahead in it if the member leads. Who has only just come to
// lead has counted nothing yet; to take that step into account all the same excuses too much by a heartbeat at most.
func (c *counting) step(at, shown, heartbeat time.Duration, drift int64, leads bool) time.Duration {
	counted := min(shown-c.shown, heartbeat)
	fastest := roundUp(at-c.at, draw.Million+drift, draw.Million)
	c.at, c.shown = at, shown
	if !leads || counted <= fastest {
		return 0
	}
	return counted - fastest + 1 // what was rounded up
}

// begin notes the first look of a new process at its clock.
func (c *counting) begin(at, shown time.Duration) { *c = counting{at, shown} }

// readings is what whole nanoseconds can take from a bound: one for each leader that counted in between, two for who looks.
const readings = microsecond

// earliestExpiry is the true time before which a session must not expire. Its last renewal was proposed no earlier than renewed, and
// ahead is what the total has grown by since.
//
// Proof. The Expire that ends it stands in an entry whose time is at least that of the renewal's entry plus TTL. Take the entries
// between these two, in the order of the log, and cut them into reigns, the runs of one term. A leader starts with the time of the last
// entry in its log, which is the one before its reign's first in this very log; so the times of this log grow by what each leader counted
// from its election (the first one: from the renewal's proposal) to the last of its entries here, and by nothing else. Each had
// received the entries of the one before when it was elected: these spans of true time are disjoint, and lie between renewed and now. In
// each the leader counted at most (1+ρ) times the span, and what the total grew by meanwhile. Added up:
//
//	TTL ≤ (1+ρ)·(now-renewed) + ahead
func earliestExpiry(renewed, ttl, ahead time.Duration, drift int64) time.Duration {
	return renewed + max(0, ttl-ahead)*draw.Million/time.Duration(draw.Million+drift) - readings
}

// overstay is how much of its lease a client may have left at most, on its own clock, when the servers end its session or grant its
// lock to somebody else: ahead and behind are what the totals have grown by since it first sent the renewal by which it counts. Without
// faults of clocks it is nothing, but for the rounding.
//
// Proof. Let the renewal be sent at s, and the session expire at e. The client's lease is TTL·(1-ρ)/(1+ρ) on its clock, which by e has
// counted at least (e-s)·(1-ρ) - behind. The renewal was proposed after s, so e-s ≥ (TTL-ahead)/(1+ρ), by earliestExpiry. What is
// left is
//
//	TTL·(1-ρ)/(1+ρ) - (e-s)·(1-ρ) + behind ≤ ahead·(1-ρ)/(1+ρ) + behind
//
// and later it is less.
func overstay(ahead, behind time.Duration, drift int64) time.Duration {
	return roundUp(ahead, draw.Million-drift, draw.Million+drift) + behind + readings
}

// roundUp is d·times/by, to the next nanosecond. It takes up to two hours of d.
func roundUp(d time.Duration, times, by int64) time.Duration {
	return (d*time.Duration(times) + time.Duration(by) - 1) / time.Duration(by)
}

// pledge is how the totals stood when a client first sent the renewal, or the Open, by which it counts its lease.
type pledge struct{ ahead, behind time.Duration }

// since is what a client whose totals stood so may have left of its lease by now, at most, if its session has ended.
func (p pledge) since(ahead, behind time.Duration, drift int64) time.Duration {
	return overstay(ahead-p.ahead, behind-p.behind, drift)
}
