package schedule

import (
	"fmt"
	"slices"
	"time"
)

// The steps of a Shrink that go through a schedule in order.

// dropLots takes much away at a time: an eighth of what there is at least.
func (x *search) dropLots() {
	x.dropParts(4, Strike.kind)
	x.dropParts(4, Strike.where)
	x.dropStrikes(8)
	x.fewerPlaces()
	x.endSooner()
}

// dropAll takes away as little as a single fault at a time.
func (x *search) dropAll() {
	x.dropParts(everything, Strike.kind)
	x.dropParts(everything, Strike.where)
	x.dropStrikes(everything)
}

// everything is into more shares than there are of anything.
const everything = 1 << 30

// thin takes shares out of a list: its halves, then its quarters, down to one of so many, later ones first. What is left of the list is read
// before each attempt, as more may go than was asked for. without tries the list without those from one index to before another one.
func thin(shares int, count func() int, without func(from, to int)) {
	whole := count()
	for size := max(1, whole/2); size >= max(1, whole/shares); size /= 2 {
		for to := count(); to > 0; to = min(to-size, count()) {
			without(max(0, to-size), to)
		}
	}
}

// dropStrikes takes faults away, as they come in time.
func (x *search) dropStrikes(shares int) {
	thin(shares, func() int { return len(x.smallest.Faults) }, func(from, to int) {
		x.try(x.with(slices.Delete(slices.Clone(x.smallest.Faults), from, to)))
	})
}

// dropParts takes faults away that have the same name in some way, all of them or none.
func (x *search) dropParts(shares int, name func(Strike) string) {
	parts := x.smallest.parts(name)
	thin(shares, func() int { return len(parts) }, func(from, to int) {
		gone := func(s Strike) bool { return slices.Contains(parts[from:to], name(s)) }
		if x.try(x.with(slices.DeleteFunc(slices.Clone(x.smallest.Faults), gone))) {
			parts = x.smallest.parts(name)
		}
	})
}

// parts are the names that the faults have in some way, each once.
func (s Schedule) parts(name func(Strike) string) (parts []string) {
	for _, strike := range s.Faults {
		parts = append(parts, name(strike))
	}
	slices.Sort(parts)
	return slices.Compact(parts)
}

func (s Strike) kind() string { return s.Fault.String() }

// where says whom a strike hits, as far as it says itself.
func (s Strike) where() string {
	switch {
	case s.Place != "":
		return s.Place
	case s.Server != 0:
		return fmt.Sprint("s", s.Server)
	case s.Client != 0:
		return fmt.Sprint("c", s.Client)
	case len(s.Cut) > 0:
		return s.Cut[0]
	}
	return ""
}

// soften makes each fault last half as long, again and again, and cut fewer directions.
func (x *search) soften() {
	for i := 0; i < len(x.smallest.Faults); i++ {
		x.shorten(i)
		if i < len(x.smallest.Faults) {
			x.cutLess(i)
		}
	}
}

func (x *search) shorten(i int) {
	const millisecond = Duration(time.Millisecond)
	for i < len(x.smallest.Faults) {
		lasts := x.smallest.Faults[i].Lasts / 2
		lasts -= lasts % millisecond
		if lasts == 0 || !x.tryInstead(i, func(s *Strike) { s.Lasts = lasts }) {
			return
		}
	}
}

func (x *search) cutLess(i int) {
	cut := func() []string {
		if i < len(x.smallest.Faults) {
			return x.smallest.Faults[i].Cut
		}
		return nil
	}
	thin(everything, func() int { return len(cut()) }, func(from, to int) {
		if fewer := slices.Delete(slices.Clone(cut()), from, to); len(fewer) > 0 {
			x.tryInstead(i, func(s *Strike) { s.Cut = fewer })
		}
	})
}

// tryInstead tries the schedule with one fault changed.
func (x *search) tryInstead(i int, change func(*Strike)) bool {
	faults := slices.Clone(x.smallest.Faults)
	change(&faults[i])
	return x.try(x.with(faults))
}

// fewerPlaces tries the world with fewer clients and servers, the fewest first. What would befall the others does not.
func (x *search) fewerPlaces() {
	for clients := 1; clients < x.smallest.Clients; clients *= 2 {
		smaller := x.smallest
		if smaller.Clients = clients; x.try(smaller.inhabited()) {
			break
		}
	}
	for nodes := 1; nodes < x.smallest.Nodes; nodes += 2 {
		smaller := x.smallest
		if smaller.Nodes = nodes; x.try(smaller.inhabited()) {
			break
		}
	}
}

// inhabited is the schedule without the faults of places that its world does not have.
func (s Schedule) inhabited() Schedule {
	s.Faults = slices.DeleteFunc(slices.Clone(s.Faults), func(strike Strike) bool { return s.check(strike) != nil })
	return s
}

// endSooner looks for the shortest world that fails, to the second. Where the failure comes before the end, the world ends then already.
func (x *search) endSooner() {
	const second = Duration(time.Second)
	for passes := Duration(0); x.at >= x.smallest.Duration && x.smallest.Duration > passes+second; {
		shorter := x.smallest
		shorter.Duration = (passes + shorter.Duration) / 2
		shorter.Duration = max(second, shorter.Duration-shorter.Duration%second)
		if !x.try(shorter) {
			passes = shorter.Duration
		}
	}
}
