package linearizability

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/anishathalye/porcupine"
)

// Porcupine judges a history by search alone, each lock by itself, in at most budget steps of the model altogether. Locks
// that are longer than Longest or busier than Busiest are skipped, and the verdict counts them. A search that runs out of
// budget ends undecided, and takes the same number of steps on every machine.
func Porcupine(h *History, budget int) Verdict {
	strands := unravel(h)
	verdict := Verdict{Result: Pass, Keys: len(strands)}
	for i := range strands {
		s := &strands[i]
		if s.spared() {
			verdict.Skipped++
			continue
		}
		found, steps := s.search(budget - verdict.Steps)
		verdict.Steps += steps
		switch {
		case found == Undecided && verdict.Result == Pass:
			verdict.Result = Undecided
		case found == Fail:
			verdict.convict(s.stuck(h, budget))
		}
	}
	return verdict
}

// given is an act as the search needs it. Every act of a strand must find its place, and tokens rise, so a grant can only come
// right after that of the token before, and an end only when all have looked who saw the token held: saying so at once spares the
// search from finding it out. A search that lets a token end one look too early finds out when that look is over, and tries till then
// every part of the dozens of other looks that are open.
type given struct {
	deed             deed
	token, precursor uint64
	looks            int // that must come before an end
}

// seen is the lock, and how many looks its tenure has had.
type seen struct {
	state
	looks int
}

// search asks porcupine for an order of a lock's acts.
func (s *strand) search(budget int) (Result, int) {
	operations, possible := s.given()
	if !possible {
		return Fail, 0
	}
	steps := 0
	model := porcupine.Model{
		Init: func() any { return seen{} },
		Step: func(before, input, _ any) (bool, any) {
			if steps++; steps > budget {
				return true, seen{state: state{uint64(steps), Never}} // anything goes, so that the search ends; its answer is thrown away
			}
			lock := before.(seen)
			after, possible := lock.step(input.(*given))
			if after == lock {
				return possible, before
			}
			return possible, after
		},
		Equal: func(a, b any) bool { return a.(seen) == b.(seen) },
		Hash: func(of any) uint64 {
			lock := of.(seen)
			return lock.holder*0x9e3779b97f4a7c15 ^ lock.last*0xc2b2ae3d27d4eb4f ^ uint64(lock.looks)
		},
	}
	found := porcupine.CheckOperations(model, operations)
	switch {
	case steps > budget:
		return Undecided, budget
	case found:
		return Pass, steps
	}
	return Fail, steps
}

// step is the lock after an act, if it can come now.
func (s seen) step(g *given) (seen, bool) {
	after, possible := s.state.step(g.deed, g.token)
	switch {
	case !possible, g.deed == grants && s.last != g.precursor, g.deed == ends && s.looks != g.looks:
		return s, false
	case g.deed == isHeld:
		return seen{after, s.looks + 1}, true
	case g.deed == grants:
		return seen{state: after}, true
	}
	return seen{after, s.looks}, true
}

// given are the acts as porcupine takes them; it is not possible if an act has no moment at all. An end comes no earlier
// than those were called who saw its token held: saying so spares the search the ends that are too early.
func (s *strand) given() (operations []porcupine.Operation, possible bool) {
	inputs, spans := make([]given, len(s.acts)), make([]span, len(s.acts))
	for i := range s.acts {
		inputs[i], spans[i] = given{deed: s.acts[i].deed, token: s.acts[i].token}, s.acts[i].span
	}
	for k := range s.tenures {
		if t := s.tenures[k]; k > 0 && t.grant >= 0 {
			inputs[t.grant].precursor = s.tenures[k-1].token
		}
	}
	for i := range s.acts {
		a := &s.acts[i]
		if k := find(s.tenures, a.token); a.deed == isHeld && k >= 0 && s.tenures[k].end >= 0 {
			spans[s.tenures[k].end].notBefore(a.after, a.afterBy)
			inputs[s.tenures[k].end].looks++
		}
	}
	operations = make([]porcupine.Operation, len(s.acts))
	for i := range s.acts {
		if spans[i].after >= spans[i].before {
			return nil, false
		}
		operations[i] = porcupine.Operation{Input: &inputs[i], Call: instant(spans[i].after), Return: instant(spans[i].before)}
	}
	return operations, true
}

func instant(position uint64) int64 { return int64(min(position, math.MaxInt64)) }

// stuck names the operation whose answer left no order: the first event up to which there is none. What the answers after
// it say is taken away for that; but that a token will be granted, and will end, stays known.
func (s *strand) stuck(h *History, budget int) *Violation {
	if s.broken != nil {
		v := *s.broken
		v.Oracle = Linearizability
		return &v
	}
	answers := make([]int, len(s.acts))
	for i := range answers {
		answers[i] = i
	}
	slices.SortFunc(answers, func(a, b int) int { return cmp.Compare(s.acts[a].before, s.acts[b].before) })
	first := sort.Search(len(answers)-1, func(n int) bool {
		found, _ := s.upTo(s.acts[answers[n]].before).search(budget)
		return found == Fail
	})
	a := &s.acts[answers[first]]
	return violation(Linearizability, a.afterBy, a.beforeBy, "lock %q, token %d: no order explains all answers up to this one: %s", s.lock, a.token, h.describe(a.beforeBy))
}

// upTo is the strand as far as it is known when an event is over.
func (s *strand) upTo(event uint64) *strand {
	known := *s
	known.acts = slices.Clone(s.acts)
	for i := range known.acts {
		switch a := &known.acts[i]; {
		case a.before <= event:
		case a.deed == grants || a.deed == ends:
			a.before = Never
		default:
			*a = act{isNot, 0, a.span} // which is always true
		}
	}
	return &known
}
