package linearizability

import (
	"cmp"
	"slices"
)

// witness is an order of all acts of the lock, each as early as the chain lets it be.
func (c *chain) witness() []moment {
	type seen struct {
		moment
		next int // the moment of the chain that it comes before
	}
	sightings := make([]seen, 0, len(c.acts)-len(c.bounds)+1)
	add := func(act int, after uint64, next int) {
		sightings = append(sightings, seen{moment{act, after}, next})
	}
	for w, i := range c.free {
		k, after := c.gap[w], c.acts[i].after
		if k > 0 {
			after = max(after, c.moments[2*k-1])
		}
		add(i, after, 2*k)
	}
	for i := range c.acts {
		a := &c.acts[i]
		k := find(c.tenures, a.token)
		switch {
		case a.deed == isHeld:
			add(i, max(a.after, c.moments[2*k]), 2*k+1)
		case a.deed == isNot && (k < 0 || a.after <= c.moments[2*k]):
			add(i, a.after, c.following(a.after))
		case a.deed == isNot || a.deed == isOver:
			after := max(a.after, c.moments[2*k+1])
			add(i, after, c.following(after+1))
		}
	}
	slices.SortFunc(sightings, func(a, b seen) int { return cmp.Or(cmp.Compare(a.next, b.next), cmp.Compare(a.after, b.after)) })
	order := make([]moment, 0, len(c.acts))
	for k := range len(c.moments) + 1 {
		for len(sightings) > 0 && sightings[0].next == k {
			order, sightings = append(order, sightings[0].moment), sightings[1:]
		}
		if act := c.link(k); act >= 0 {
			order = append(order, moment{act, c.moments[k]})
		}
	}
	return order
}

// following is the first moment of the chain that is right after this event, or later.
func (c *chain) following(event uint64) int {
	k, _ := slices.BinarySearch(c.moments, event)
	return k
}

// link is the act of a moment of the chain, or -1 if it never comes.
func (c *chain) link(k int) int {
	switch {
	case k == len(c.moments):
		return -1
	case k%2 == 0:
		return c.tenures[k/2].grant
	}
	return c.tenures[k/2].end
}

// certify replays an order through the model. It knows nothing of how the order was found, so a mistake of the sweep
// can't pass a history that has none: every act is there once, within its own span, in order, and possible.
func (s *strand) certify(order []moment) *Violation {
	var lock state
	var last uint64
	done := make([]bool, len(s.acts))
	for _, m := range order {
		a := &s.acts[m.act]
		next, possible := lock.step(a.deed, a.token)
		if !possible || done[m.act] || m.after < last || m.after < a.after || m.after >= a.before {
			return s.disagreement("the order that the sweep has found is none", m.act)
		}
		lock, last, done[m.act] = next, m.after, true
	}
	if missing := slices.Index(done, false); missing >= 0 {
		return s.disagreement("the order that the sweep has found is not whole", missing)
	}
	return nil
}

// disagreement is a mistake of a judge's, which showed at an act.
func (s *strand) disagreement(what string, act int) *Violation {
	a := &s.acts[act]
	return violation(JudgesDisagree, a.afterBy, a.beforeBy, "lock %q: %s, at token %d", s.lock, what, a.token)
}
