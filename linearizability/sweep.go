package linearizability

import (
	"cmp"
	"slices"
)

// Sweep judges a history of any length by the order of its tokens alone, in O(n log n).
//
// The tokens of a lock give its grants their order, and so all that ever changed the lock is one chain of moments,
//
//	grant 1 < end 1 < grant 2 < end 2 < …
//
// What the answers say becomes bounds of these moments:
//
//   - An Acquire's answer bounds its grant, a Release's the end of its token: each lies within its operation. Other ends have
//     an earliest moment: the call of a Release or Close that may have been carried out, or the session's earliest legal end.
//   - "Token t held the lock", seen between c and r, is possible if and only if grant t < r and c < end t.
//   - "Token t is over" is possible if and only if end t < r.
//   - "Token t did not hold the lock" is possible if and only if c < grant t or end t < r. If end t can't come before r, the
//     first must be true. Else nothing need be done: with every moment as early as possible, end t either comes before r, or
//     is late only because grant t is, which then comes after r and so after c.
//   - "The lock was free" is possible if and only if there is a k with end k < r and c < grant k+1.
//
// If two assignments of moments satisfy all this, so does that of the earlier moment of each pair: it is plain for bounds
// and for "not", and if one has its free moment after end k and the other after end l, with k no more than l, then
// the earlier ones have one after end l: its end is no later than in the second, and grant l+1 is later than c in both. So
// if there is any solution, there is a least one, and it is found by setting moments in the order of the chain, each as early
// as those before it and its own lower bounds allow. A free moment whose r comes before end k+1 can lie
// after end k at the latest, so it holds grant k+1 back until c. That moves no end, since c comes before r. A moment that is then not before its upper bound has none in any solution, and what forced the
// moment on and what bounds it contradict each other. Hence the sweep is exact.
//
// Tokens that repeat, that nobody asked for, that were released twice, and answers that contradict themselves have no
// order and are found before.
func Sweep(h *History) Verdict {
	strands := unravel(h)
	verdict := Verdict{Result: Pass, Keys: len(strands)}
	for i := range strands {
		order, violation := strands[i].sweep(h)
		verdict.convict(violation)
		if violation == nil {
			verdict.convict(strands[i].certify(order))
		}
	}
	return verdict
}

// moment is an act with the place that the sweep has found for it: right after an event, and after all moments that come
// before it in the witness.
type moment struct {
	act   int
	after uint64
}

// sweep finds the earliest moment of every act, in a possible order, or the two operations that leave no room for one.
func (s *strand) sweep(h *History) ([]moment, *Violation) {
	if s.broken != nil {
		return nil, s.broken
	}
	c := newChain(s)
	if violation := c.settle(h, nil); violation != nil {
		return nil, violation // two answers that contradict each other, which says more than what follows from a third
	}
	c.postpone()
	if violation := c.settle(h, c.free); violation != nil {
		return nil, violation
	}
	return c.witness(), nil
}

// chain is the grants and ends of a lock, grant k at 2k and its end at 2k+1.
type chain struct {
	*strand
	bounds  []span
	absent  []int // acts that saw a token not hold the lock
	free    []int // acts, in the order in which they must be over
	gap     []int // for each of free, the tenure before which it is
	moments []uint64
}

// newChain turns all that was seen into bounds, but for the free moments.
func newChain(s *strand) *chain {
	c := &chain{strand: s, bounds: make([]span, 2*len(s.tenures))}
	for k, t := range s.tenures {
		c.bounds[2*k] = s.acts[t.grant].span
		c.bounds[2*k+1] = span{after: Never, before: Never, afterBy: t.operation, beforeBy: t.operation}
		if t.end >= 0 {
			c.bounds[2*k+1] = s.acts[t.end].span
		}
	}
	for i := range s.acts {
		a := &s.acts[i]
		switch k := find(s.tenures, a.token); {
		case a.deed == isFree:
			c.free = append(c.free, i)
		case k < 0:
		case a.deed == isHeld:
			c.bounds[2*k].notAfter(a.before, a.beforeBy)
			c.bounds[2*k+1].notBefore(a.after, a.afterBy)
		case a.deed == isOver:
			c.bounds[2*k+1].notAfter(a.before, a.beforeBy)
		case a.deed == isNot:
			c.absent = append(c.absent, i)
		}
	}
	slices.SortFunc(c.free, func(a, b int) int { return cmp.Compare(s.acts[a].before, s.acts[b].before) })
	return c
}

// postpone puts those grants off that would be seen too early by who was told that their tokens did not hold the lock.
func (c *chain) postpone() {
	for _, i := range c.absent {
		a := &c.acts[i]
		if k := find(c.tenures, a.token); a.before <= c.bounds[2*k+1].after {
			c.bounds[2*k].notBefore(a.after, a.afterBy)
		}
	}
}

// settle sets the moments, each as early as can be, with room for these acts that saw the lock free.
func (c *chain) settle(h *History, free []int) *Violation {
	c.moments, c.gap = make([]uint64, len(c.bounds)), make([]int, len(free))
	waiting, earliest, by := 0, uint64(0), -1
	for k, t := range c.tenures {
		grant, end := c.bounds[2*k], c.bounds[2*k+1]
		grant.notBefore(earliest, by)
		end.notBefore(grant.after, grant.afterBy)
		for waiting < len(free) && c.acts[free[waiting]].before <= end.after {
			seen := &c.acts[free[waiting]]
			grant.notBefore(seen.after, seen.afterBy)
			c.gap[waiting] = k
			waiting++
		}
		if grant.after >= grant.before {
			return c.blame(h, t, "can't have been granted when it was", grant)
		}
		if end.after >= end.before && end.before != Never {
			return c.blame(h, t, "can't have ended when it did", end)
		}
		c.moments[2*k], c.moments[2*k+1] = grant.after, end.after
		earliest, by = end.after, end.afterBy
	}
	for ; waiting < len(free); waiting++ {
		c.gap[waiting] = len(c.tenures)
	}
	return nil
}

// blame names the operations that a moment lies between.
func (c *chain) blame(h *History, t tenure, what string, bounds span) *Violation {
	why := ""
	switch kind := h.Operations[bounds.afterBy].Kind; {
	case kind == Open || kind == Renew:
		why = ", and its TTL was not over"
	case bounds.after == Never:
		why = ", and nothing can have ended that"
	}
	return violation(TokenSweep, bounds.afterBy, bounds.beforeBy, "lock %q, token %d %s: %s, but %s%s", c.lock, t.token, what,
		h.describe(bounds.beforeBy), h.describe(bounds.afterBy), why)
}
