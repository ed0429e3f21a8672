package linearizability

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// strand is what a history says about one lock: acts, each of which happened once, at some moment of its span. What may not
// have happened, and what says nothing, is not among them.
type strand struct {
	lock    string
	acts    []act
	tenures []tenure // in order of their tokens
	// broken is what can't be made an act, whatever the order.
	broken *Violation
}

// tenure is the time from a token's grant to its end.
type tenure struct {
	token      uint64
	grant, end int // acts; an end of -1 never comes
	session    uint64
	operation  int
}

// act is something that happened to a lock, or was seen of it.
type act struct {
	deed  deed
	token uint64
	span
}

// span is when an act happened: strictly after one event and before another, for which two operations answer. Events are
// counted in twos, so that an odd number is a moment between two of them.
type span struct {
	after, before     uint64
	afterBy, beforeBy int
}

func (s *span) notBefore(after uint64, by int) {
	if after > s.after {
		s.after, s.afterBy = after, by
	}
}

func (s *span) notAfter(before uint64, by int) {
	if before < s.before {
		s.before, s.beforeBy = before, by
	}
}

// position is where an event stands in spans.
func position(event uint64) uint64 {
	if event == Never {
		return Never
	}
	return 2 * event
}

// unravel parts a history by locks, in order of their names.
func unravel(h *History) []strand {
	numbers, members := map[string]int{}, [][]int(nil)
	for i := range h.Operations {
		o := &h.Operations[i]
		if o.Kind != Acquire && o.Kind != Release && o.Kind != Check {
			continue
		}
		number, known := numbers[o.Lock]
		if !known {
			number = len(members)
			numbers[o.Lock] = number
			members = append(members, nil)
		}
		members[number] = append(members[number], i)
	}
	lives := sessions(h)
	strands := make([]strand, 0, len(members))
	for _, lock := range slices.Sorted(maps.Keys(numbers)) {
		b := spinner{history: h, lives: lives, members: members[numbers[lock]], strand: strand{lock: lock}}
		strands = append(strands, b.spin())
	}
	return strands
}

// spinner makes a strand of a lock's operations.
type spinner struct {
	history *History
	lives   map[uint64]*life
	members []int
	strand
}

func (s *spinner) spin() strand {
	s.acts = make([]act, 0, 2*len(s.members))
	s.granted()
	s.orphans()
	s.told()
	s.ends()
	return s.strand
}

// add notes an act of an operation's, whose span is the operation's.
func (s *spinner) add(what deed, token uint64, operation int) int {
	o := &s.history.Operations[operation]
	s.acts = append(s.acts, act{what, token, span{position(o.Call), position(o.Return), operation, operation}})
	return len(s.acts) - 1
}

// fault notes what no order can make right.
func (s *spinner) fault(first, second int, format string, arguments ...any) {
	if s.broken == nil {
		s.broken = violation(TokenSweep, first, second, fmt.Sprintf("lock %q: ", s.lock)+format, arguments...)
	}
}

// granted notes the tenures that an Acquire was told of.
func (s *spinner) granted() {
	for _, i := range s.members {
		switch o := &s.history.Operations[i]; {
		case o.Kind != Acquire || o.Outcome != Done:
		case o.Token == 0:
			s.contradiction(i)
		default:
			s.tenures = append(s.tenures, tenure{token: o.Token, grant: s.add(grants, o.Token, i), end: -1, session: o.Session, operation: i})
		}
	}
	slices.SortFunc(s.tenures, func(a, b tenure) int {
		return cmp.Or(cmp.Compare(a.token, b.token), cmp.Compare(s.acts[a.grant].after, s.acts[b.grant].after))
	})
	for k := 1; k < len(s.tenures); k++ {
		if first, second := s.tenures[k-1], s.tenures[k]; first.token == second.token {
			s.fault(first.operation, second.operation, "%s, and %s", s.history.describe(first.operation), s.history.describe(second.operation))
		}
	}
}

// orphans notes the tenures that nobody was granted, as far as anybody knows, but that were seen. Each must belong to an
// Acquire whose outcome is unknown. Which one can't be known; but since tokens rise, the second of them was granted when at
// least two such Acquires had been called, and so on. Nobody knows either how an orphan ended: by a Cancel, or with a
// session that its client never heard of.
func (s *spinner) orphans() {
	var calls, tellers []int
	known := len(s.tenures)
	for _, i := range s.members {
		o := &s.history.Operations[i]
		if o.Kind == Acquire && o.Outcome == Unknown {
			calls = append(calls, i)
		}
		for _, token := range o.shown() {
			if token != 0 && find(s.tenures[:known], token) < 0 {
				tellers = append(tellers, i)
				s.tenures = append(s.tenures, tenure{token: token, operation: i})
			}
		}
	}
	if len(tellers) == 0 {
		return
	}
	seen := s.tenures[known:]
	slices.SortFunc(seen, func(a, b tenure) int {
		return cmp.Or(cmp.Compare(a.token, b.token), cmp.Compare(s.history.Operations[a.operation].Return, s.history.Operations[b.operation].Return))
	})
	seen = slices.CompactFunc(seen, func(a, b tenure) bool { return a.token == b.token })
	s.tenures = s.tenures[:known+len(seen)]
	slices.SortFunc(calls, func(a, b int) int { return cmp.Compare(s.history.Operations[a].Call, s.history.Operations[b].Call) })
	s.adopt(seen, calls)
	slices.SortFunc(s.tenures, func(a, b tenure) int { return cmp.Compare(a.token, b.token) })
}

// adopt gives each orphan the call that it needs.
func (s *spinner) adopt(seen []tenure, calls []int) {
	for k := range seen {
		orphan := &seen[k]
		if k >= len(calls) {
			other := seen[max(k-1, 0)].operation
			s.fault(other, orphan.operation, "of the tokens seen, %d were granted to nobody known, and only %d Acquires got no answer: %s, and %s",
				len(seen), len(calls), s.history.describe(other), s.history.describe(orphan.operation))
			orphan.grant, orphan.end = -1, -1
			continue
		}
		called := position(s.history.Operations[calls[k]].Call)
		orphan.grant = len(s.acts)
		orphan.end = orphan.grant + 1
		whole := span{called, Never, calls[k], orphan.operation}
		s.acts = append(s.acts, act{grants, orphan.token, whole}, act{ends, orphan.token, whole})
	}
}

// shown are the tokens under which an answer says that the lock was held.
func (o *Operation) shown() [2]uint64 {
	var shown [2]uint64
	if o.Outcome == Done && (o.Kind == Release || o.Kind == Check) {
		shown[0] = o.Token
	}
	if o.Tells && (o.Outcome == Done || o.Outcome == Refused) {
		shown[1] = o.Current
	}
	return shown
}

// find is the index of a token's tenure, or -1.
func find(tenures []tenure, token uint64) int {
	k, found := slices.BinarySearchFunc(tenures, token, func(t tenure, token uint64) int { return cmp.Compare(t.token, token) })
	if !found {
		return -1
	}
	return k
}

// told notes what the answers say about the lock.
func (s *spinner) told() {
	for _, i := range s.members {
		switch o := &s.history.Operations[i]; {
		case o.Outcome != Done && o.Outcome != Refused:
		case o.Kind == Acquire && o.Outcome == Done:
			s.later(i)
		case o.Kind == Release && o.Outcome == Done:
			s.released(i)
			s.later(i)
		case o.Kind == Release:
			s.add(isNot, o.Token, i)
			s.current(i)
		case o.Kind == Check:
			s.checked(i)
		default:
			s.current(i)
		}
	}
}

// current notes the holder that an answer tells.
func (s *spinner) current(i int) {
	switch o := &s.history.Operations[i]; {
	case !o.Tells:
	case o.Current == 0:
		s.add(isFree, 0, i)
	default:
		s.add(isHeld, o.Current, i)
	}
}

// later notes the holder that the answer to a grant or a release tells. An answer that is given again, because the first
// one was lost, tells who holds the lock by then: the token's own grant, or a later one. That a lock was free after its
// release says nothing: it always is, if only for a moment.
func (s *spinner) later(i int) {
	o := &s.history.Operations[i]
	granted := o.Kind == Acquire
	switch {
	case !o.Tells, granted && o.Current == o.Token, !granted && o.Current == 0:
	case granted && o.Current == 0:
		s.add(isOver, o.Token, i)
	case o.Current > o.Token:
		s.add(isHeld, o.Current, i)
	default:
		s.contradiction(i)
	}
}

// released notes a release as the end of its token's tenure.
func (s *spinner) released(i int) {
	o := &s.history.Operations[i]
	k := find(s.tenures, o.Token)
	switch {
	case k < 0: // zero, or a fault already
		s.add(never, o.Token, i)
		s.fault(i, i, "%s", s.history.describe(i))
	case s.tenures[k].end < 0:
		s.tenures[k].end = s.add(ends, o.Token, i)
	case s.acts[s.tenures[k].end].before == Never: // an orphan's, which any end may be
		s.acts[s.tenures[k].end].span = span{position(o.Call), position(o.Return), i, i}
	default:
		first := s.acts[s.tenures[k].end].beforeBy
		s.add(ends, o.Token, i)
		s.fault(first, i, "%s, and %s", s.history.describe(first), s.history.describe(i))
	}
}

// checked notes the one moment at which a Check looked.
func (s *spinner) checked(i int) {
	switch o := &s.history.Operations[i]; {
	case o.Tells && (o.Token != 0 && o.Current == o.Token) != (o.Outcome == Done):
		s.contradiction(i)
	case o.Outcome == Done && o.Token == 0:
		s.contradiction(i)
	case o.Outcome == Done:
		s.add(isHeld, o.Token, i)
	case o.Tells:
		s.current(i)
	default:
		s.add(isNot, o.Token, i)
	}
}

func (s *spinner) contradiction(i int) {
	s.add(never, s.history.Operations[i].Token, i)
	s.fault(i, i, "%s, which contradicts itself", s.history.describe(i))
}

// ends gives each tenure that nobody is known to have released the ends that it can have had. A session's death, if it ends
// any tenure of the lock, ends the last: whoever is dead is granted nothing.
func (s *spinner) ends() {
	unknown := map[uint64]int{} // the first Release of each token that may have been carried out
	for _, i := range s.members {
		if o := &s.history.Operations[i]; o.Kind == Release && o.Outcome == Unknown {
			if first, known := unknown[o.Token]; !known || o.Call < s.history.Operations[first].Call {
				unknown[o.Token] = i
			}
		}
	}
	buried := map[uint64]bool{}
	for k := len(s.tenures) - 1; k >= 0; k-- {
		t := &s.tenures[k]
		owner := s.lives[t.session]
		if owner == nil {
			owner = immortal
		}
		if t.end < 0 && t.grant >= 0 {
			s.end(t, unknown, owner, !buried[t.session])
		}
		if t.end >= 0 {
			s.acts[t.end].notAfter(owner.gone, owner.goneBy)
		}
		buried[t.session] = true
	}
}

// end adds the end of a tenure that may have come about in several ways: from the first of them on.
func (s *spinner) end(t *tenure, unknown map[uint64]int, owner *life, last bool) {
	open := span{Never, Never, t.operation, t.operation}
	if i, is := unknown[t.token]; is {
		open.after, open.afterBy = position(s.history.Operations[i].Call), i
	}
	if last && owner.expiry < open.after {
		open.after, open.afterBy = owner.expiry, owner.renewedBy
	}
	if last && owner.closed < open.after {
		open.after, open.afterBy = owner.closed, owner.closedBy
	}
	if open.after == Never && owner.gone == Never {
		return
	}
	t.end = len(s.acts)
	s.acts = append(s.acts, act{ends, t.token, open})
}
