package linearizability

import (
	"cmp"
	"slices"
)

// tokenOrder finds what is wrong between locks: a token of two grants or two locks, and a grant that came after that of a
// higher token. It takes the strands as they are when the sweep has gone over them.
func tokenOrder(h *History, strands []strand) *Violation {
	if v := repeated(h); v != nil {
		return v
	}
	var all []rise
	for i := range strands {
		all = append(all, strands[i].rises()...)
	}
	slices.SortFunc(all, func(a, b rise) int { return cmp.Compare(a.token, b.token) })
	latest := rise{}
	for _, r := range all {
		if latest.after >= r.before {
			return violation(TokenOrder, r.beforeBy, latest.operation, "token %d was granted after token %d: %s, although before it %s",
				latest.token, r.token, h.describe(latest.operation), h.describe(r.beforeBy))
		}
		if r.after > latest.after {
			latest = r
		}
	}
	return nil
}

// rise is a grant, of whichever lock, and when it happened.
type rise struct {
	token uint64
	span
	operation int
}

// rises are the grants of a lock. One that was seen had been made by then.
func (s *strand) rises() []rise {
	if s.broken != nil {
		return nil
	}
	c := newChain(s)
	all := make([]rise, len(s.tenures))
	for k, t := range s.tenures {
		all[k] = rise{t.token, c.bounds[2*k], t.operation}
		all[k].notAfter(c.bounds[2*k+1].before, c.bounds[2*k+1].beforeBy)
	}
	return all
}

// putOff leaves no grant earlier than the sweep has found possible.
func (s *strand) putOff(order []moment) {
	for _, m := range order {
		if a := &s.acts[m.act]; a.deed == grants {
			a.notBefore(m.after, a.afterBy)
		}
	}
}

// sight is a token that an answer told.
type sight struct {
	token     uint64
	granted   bool
	operation int
}

// repeated finds two grants of one token, or a token that two locks were held under.
func repeated(h *History) *Violation {
	var seen []sight
	for i := range h.Operations {
		o := &h.Operations[i]
		if o.Kind == Acquire && o.Outcome == Done {
			seen = append(seen, sight{o.Token, true, i})
		}
		for _, token := range o.shown() {
			if token != 0 {
				seen = append(seen, sight{token, false, i})
			}
		}
	}
	slices.SortFunc(seen, func(a, b sight) int {
		return cmp.Or(cmp.Compare(a.token, b.token), cmp.Compare(a.rank(), b.rank()), cmp.Compare(h.Operations[a.operation].Call, h.Operations[b.operation].Call))
	})
	for k := 1; k < len(seen); k++ {
		first, second := seen[k-1], seen[k]
		if first.token == second.token && (second.granted || h.Operations[first.operation].Lock != h.Operations[second.operation].Lock) {
			return violation(TokenOrder, first.operation, second.operation, "%s, and %s", h.describe(first.operation), h.describe(second.operation))
		}
	}
	return nil
}

// rank puts grants before what was seen of them.
func (s sight) rank() int {
	if s.granted {
		return 0
	}
	return 1
}
