package schedule

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
)

// Effort bounds a Shrink, and hears how it goes.
type Effort struct {
	// Runs is how often a schedule may be run.
	Runs int
	// Tell, when not nil, hears of each smaller schedule that still fails, and after how many runs it was found.
	Tell func(runs int, smaller Schedule)
}

// Shrink takes away from a schedule that fails whatever it can do without, and returns the smallest that it found to fail, and
// how many runs that took. fails runs a schedule, and is true when the same judge fires.
//
// What is large goes first: whole kinds of faults, then everything at one place, then windows of time, ever shorter, down to single
// faults. What is left is made to last less long and to cut fewer links, in a smaller world for less time. Then everything is tried
// once more, until nothing gives way or the runs are used up. Of what a run of all steps leaves, no single fault can be missed.
//
// From 5,000 faults to the three that matter it takes about a hundred runs when each run is the same but for what was taken away.
// Real runs are not: what was taken away changes all that comes after. So later faults go before earlier ones, which leaves most
// of a run as it was, and a failure need only be of the same kind, not the same.
func Shrink(s Schedule, effort Effort, fails func(Schedule) bool) (Schedule, int) {
	s.Faults = slices.SortedStableFunc(slices.Values(s.Faults), func(a, b Strike) int { return cmp.Compare(a.At, b.At) })
	x := &search{smallest: s, effort: effort, fails: fails, passed: map[[sha256.Size]byte]bool{}}
	// A short world makes all other runs cheaper, and so does one without faults.
	x.endSooner()
	x.try(x.with(nil))
	x.untilNothingGives(func() {
		x.untilNothingGives(x.drop)
		x.soften()
		x.fewerPlaces()
		x.endSooner()
	})
	return x.smallest, x.runs
}

// search is one Shrink.
type search struct {
	smallest Schedule
	effort   Effort
	fails    func(Schedule) bool
	runs     int
	found    int                        // how often something smaller failed
	passed   map[[sha256.Size]byte]bool // what was tried in vain
}

// try runs a schedule that is smaller, and keeps it if it fails.
func (x *search) try(smaller Schedule) bool {
	if x.runs == x.effort.Runs {
		return false
	}
	name := smaller.digest()
	if x.passed[name] {
		return false
	}
	x.runs++
	if !x.fails(smaller) {
		x.passed[name] = true
		return false
	}
	x.smallest, x.found = smaller, x.found+1
	if x.effort.Tell != nil {
		x.effort.Tell(x.runs, smaller)
	}
	return true
}

func (s Schedule) digest() [sha256.Size]byte {
	hash := sha256.New()
	_ = s.Write(hash) // a hash takes everything, and the schedule has been read or run before
	return [sha256.Size]byte(hash.Sum(nil))
}

func (x *search) with(faults []Strike) Schedule {
	s := x.smallest
	s.Faults = faults
	return s
}

// untilNothingGives repeats a step for as long as it finds something smaller.
func (x *search) untilNothingGives(step func()) {
	for before := -1; before != x.found; {
		before = x.found
		step()
	}
}

// drop takes faults away, the largest lots first.
func (x *search) drop() {
	x.dropParts(func(a, b Strike) int { return cmp.Compare(a.Fault, b.Fault) })
	x.dropParts(func(a, b Strike) int { return cmp.Compare(a.where(), b.where()) })
	x.dropStrikes()
}

// thin takes things out of a list of so many, half of them at a time, then a quarter, down to single ones, later ones first. without
// tries the list without those from one index to before another one, and says whether they are gone.
func thin(count int, without func(from, to int) bool) {
	for size := max(1, count/2); size > 0; size /= 2 {
		for to := count; to > 0; {
			from := max(0, to-size)
			if without(from, to) {
				count -= to - from
			}
			to = from
		}
	}
}

// dropStrikes takes faults away, as they come in time.
func (x *search) dropStrikes() {
	thin(len(x.smallest.Faults), func(from, to int) bool {
		return x.try(x.with(slices.Delete(slices.Clone(x.smallest.Faults), from, to)))
	})
}

// dropParts takes faults away that are equal in some way, all of them or none.
func (x *search) dropParts(order func(a, b Strike) int) {
	var parts [][]Strike // one of each
	sorted := slices.SortedStableFunc(slices.Values(x.smallest.Faults), order)
	for i, strike := range sorted {
		if i == 0 || order(sorted[i-1], strike) != 0 {
			parts = append(parts, nil)
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], strike)
	}
	thin(len(parts), func(from, to int) bool {
		gone := func(s Strike) bool { return order(s, parts[from][0]) >= 0 && order(s, parts[to-1][0]) <= 0 }
		if !x.try(x.with(slices.DeleteFunc(slices.Clone(x.smallest.Faults), gone))) {
			return false
		}
		parts = slices.Delete(parts, from, to)
		return true
	})
}

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
	for i := range x.smallest.Faults {
		for lasts := x.smallest.Faults[i].Lasts / 2; lasts >= Duration(time.Millisecond); lasts /= 2 {
			lasts -= lasts % Duration(time.Millisecond)
			if !x.tryInstead(i, func(s *Strike) { s.Lasts = lasts }) {
				break
			}
		}
		if cut := x.smallest.Faults[i].Cut; len(cut) > 1 {
			thin(len(cut), func(from, to int) bool {
				fewer := slices.Delete(slices.Clone(x.smallest.Faults[i].Cut), from, to)
				return len(fewer) > 0 && x.tryInstead(i, func(s *Strike) { s.Cut = fewer })
			})
		}
	}
}

// tryInstead tries the schedule with one fault changed.
func (x *search) tryInstead(i int, change func(*Strike)) bool {
	faults := slices.Clone(x.smallest.Faults)
	change(&faults[i])
	return x.try(x.with(faults))
}

// fewerPlaces tries the world with fewer clients and servers, the fewest first.
func (x *search) fewerPlaces() {
	for clients := 1; clients < x.smallest.Clients; clients *= 2 {
		smaller := x.smallest
		if smaller.Clients = clients; smaller.Check() == nil && x.try(smaller) {
			break
		}
	}
	for nodes := 1; nodes < x.smallest.Nodes; nodes += 2 {
		smaller := x.smallest
		if smaller.Nodes = nodes; smaller.Check() == nil && x.try(smaller) {
			break
		}
	}
}

// endSooner ends the world soon after its last fault, and then tries half the time, again and again.
func (x *search) endSooner() {
	const second = Duration(time.Second)
	last := Duration(0)
	for _, strike := range x.smallest.Faults {
		last = max(last, strike.At)
	}
	x.tryLasting(last + 2*second)
	for x.smallest.Duration >= 2*second && x.tryLasting(x.smallest.Duration/2) {
	}
}

// tryLasting tries a shorter world, of whole seconds.
func (x *search) tryLasting(duration Duration) bool {
	shorter := x.smallest
	shorter.Duration = duration - duration%Duration(time.Second)
	return shorter.Duration < x.smallest.Duration && x.try(shorter)
}
