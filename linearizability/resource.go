package linearizability

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// fenced judges the resources that locks protect, one for each lock. Such a resource holds a value, at first zero, which
// its clients read and replace under their tokens; no value is written twice but by who replaces the same one. So the
// accepted writes must form one chain, each in the place of the one before, and each within its operation; a read lies
// between the write of its value and the next. A write without an answer was applied if its value was seen. And no write may
// be accepted under a lower token than a read or a write before it.
func fenced(h *History) *Violation {
	registers := map[string]*register{}
	for i := range h.Operations {
		o := &h.Operations[i]
		if o.Kind != Read && o.Kind != Write {
			continue
		}
		r := registers[o.Lock]
		if r == nil {
			r = &register{history: h, lock: o.Lock, next: map[uint64]int{}, source: map[uint64]int{}, alike: map[uint64]int{}}
			registers[o.Lock] = r
		}
		r.take(o, i)
	}
	for _, lock := range slices.Sorted(maps.Keys(registers)) {
		if v := registers[lock].judge(); v != nil {
			return v
		}
	}
	return nil
}

// register is what a history says about one resource.
type register struct {
	history *History
	lock    string
	reads   []int
	writes  []int          // accepted ones
	lost    []int          // writes without an answer
	alike   map[uint64]int // how many of those there are of each value
	next    map[uint64]int // the applied write that replaced each value
	source  map[uint64]int // the write that each value comes from
	chain   []int          // the applied writes, in order
	places  map[uint64]int // how many writes there were when each value was written
}

func (r *register) take(o *Operation, i int) {
	switch {
	case o.Kind == Read && o.Outcome == Done:
		r.reads = append(r.reads, i)
	case o.Kind == Write && o.Outcome == Done:
		r.writes = append(r.writes, i)
	case o.Kind == Write && o.Outcome == Unknown:
		r.lost = append(r.lost, i)
		r.alike[o.Value]++
	}
}

func (r *register) at(i int) *Operation { return &r.history.Operations[i] }

func (r *register) judge() *Violation {
	byCall := func(a, b int) int { return cmp.Compare(r.at(a).Call, r.at(b).Call) }
	slices.SortFunc(r.writes, byCall)
	slices.SortFunc(r.lost, byCall)
	for _, find := range []func() *Violation{r.apply, r.explain, r.link, r.outranked, r.place} {
		if v := find(); v != nil {
			return v
		}
	}
	return nil
}

// apply notes the accepted writes. If two replaced one value, the first of them is lost.
func (r *register) apply() *Violation {
	for _, i := range r.writes {
		if v := r.replace(i); v != nil {
			return v
		}
		if other, twice := r.source[r.at(i).Value]; twice {
			return r.blame(other, i, "a value was written twice")
		}
		r.source[r.at(i).Value] = i
	}
	for _, i := range r.lost {
		if _, known := r.source[r.at(i).Value]; !known {
			r.source[r.at(i).Value] = i
		}
	}
	return nil
}

func (r *register) replace(i int) *Violation {
	if other, is := r.next[r.at(i).Base]; is {
		return r.blame(other, i, "an update was lost")
	}
	r.next[r.at(i).Base] = i
	return nil
}

// explain finds where each value comes from that was read or replaced. Writes without an answer that are needed for that were applied.
func (r *register) explain() *Violation {
	for _, i := range r.reads {
		if v := r.needs(i, r.at(i).Value); v != nil {
			return v
		}
	}
	for _, i := range r.writes {
		if v := r.needs(i, r.at(i).Base); v != nil {
			return v
		}
	}
	return nil
}

func (r *register) needs(i int, value uint64) *Violation {
	for value != 0 {
		source, known := r.source[value]
		if !known {
			return r.blame(i, i, "a value is there that nobody wrote")
		}
		base := r.at(source).Base
		if applied, is := r.next[base]; is && applied == source {
			return nil
		}
		if v := r.replace(source); v != nil {
			return v
		}
		i, value = source, base
	}
	return nil
}

// link follows the chain from its beginning: every applied write must be in it.
func (r *register) link() *Violation {
	r.places = make(map[uint64]int, len(r.next))
	for i, is := r.next[0]; is && r.places[r.at(i).Value] == 0; i, is = r.next[r.at(i).Value] {
		r.chain = append(r.chain, i)
		r.places[r.at(i).Value] = len(r.chain)
	}
	for _, i := range slices.Concat(r.writes, r.reads) {
		if value := r.at(i).Value; value != 0 && r.places[value] == 0 {
			return r.blame(i, i, "a value does not come from the first one")
		}
	}
	return nil
}

// outranked looks along the chain for a write that was accepted under a lower token than a write or a read before it. If
// several writes of one value got no answer, any of them may be the one that was accepted, so their tokens say nothing.
func (r *register) outranked() *Violation {
	readers := make([]int, len(r.chain)+1) // of each value the one with the highest token
	for i := range readers {
		readers[i] = -1
	}
	for _, i := range r.reads {
		k := r.places[r.at(i).Value]
		readers[k] = r.higher(readers[k], i)
	}
	highest := readers[0]
	for k, i := range r.chain {
		if o := r.at(i); o.Outcome == Done || r.alike[o.Value] == 1 {
			if highest = r.higher(highest, i); highest != i {
				return r.blame(highest, i, "a lower token was accepted after a higher one")
			}
		}
		if reader := readers[k+1]; reader >= 0 {
			highest = r.higher(highest, reader)
		}
	}
	return nil
}

// higher is the one of two operations with the higher token, the second if they are equal.
func (r *register) higher(first, second int) int {
	if first >= 0 && r.at(first).Token > r.at(second).Token {
		return first
	}
	return second
}

// place finds the earliest moment of each write, as the sweep does for grants.
func (r *register) place() *Violation {
	spans := make([]span, len(r.chain))
	for k, i := range r.chain {
		spans[k] = span{position(r.at(i).Call), position(r.at(i).Return), i, i}
	}
	for _, i := range r.reads {
		k := r.places[r.at(i).Value]
		if k > 0 {
			spans[k-1].notAfter(position(r.at(i).Return), i)
		}
		if k < len(spans) {
			spans[k].notBefore(position(r.at(i).Call), i)
		}
	}
	for k := range spans {
		if k > 0 {
			spans[k].notBefore(spans[k-1].after, spans[k-1].afterBy)
		}
		if spans[k].after >= spans[k].before {
			return r.blame(spans[k].afterBy, spans[k].beforeBy, "values were seen in the wrong order")
		}
	}
	return nil
}

func (r *register) blame(first, second int, what string) *Violation {
	clause := r.history.describe(second)
	if first != second {
		clause = fmt.Sprintf("%s, and %s", r.history.describe(first), clause)
	}
	return violation(FencedResource, first, second, "the resource of lock %q: %s: %s", r.lock, what, clause)
}
