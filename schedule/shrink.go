package schedule

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"time"
)

// Ending is how a run of a schedule ended.
type Ending struct {
	// Fails: the judge fired that is to fire.
	Fails bool
	// At is when it fired. A judge that looks back when all is over gives an instant that is not before the schedule's Duration.
	At Duration
	// Faults are those of the schedule that had come about by then. With these alone the run is the same.
	Faults []Strike
}

// Effort bounds a Shrink, and hears how it goes.
type Effort struct {
	// Runs is how often a schedule may be run.
	Runs int
	// Enough, when not nil, is asked before each run, and ends the search when it is true.
	Enough func() bool
	// Tell, when not nil, hears of each smaller schedule that still fails, and after how many runs it was found.
	Tell func(runs int, smaller Schedule)
}

// Shrunk is what a Shrink has come to.
type Shrunk struct {
	Schedule // the smallest that was found to fail
	Runs     int
	// Minimal: the effort was enough to try everything. No single fault can be missed.
	Minimal bool
}

// Shrink takes away from a schedule that fails whatever it can do without. It is given how the schedule's own run ended, and knows nothing
// of what it shrinks but how such runs end.
//
// Whatever had not come about when the run failed goes at once, and so it is after each failure that is found. Then what is large
// goes: whole kinds of faults, all at one place, windows of time down to an eighth of them, members and clients. Then bets are laid (bet.go),
// and then ever shorter windows go, down to single faults. What is left is made to last less long and to cut fewer links. Then everything
// is tried once more, until nothing gives way.
//
// From 5,000 faults to the three that matter it takes about a hundred runs when each run is the same but for what was taken away.
// Real runs are not: what was taken away changes all that comes after. So later faults go before earlier ones, which leaves most
// of a run as it was, and a failure need only be of the same kind, not the same.
func Shrink(s Schedule, known Ending, effort Effort, run func(Schedule) Ending) Shrunk {
	x := &search{smallest: s.until(known), at: known.At, effort: effort, run: run, tried: map[[sha256.Size]byte]bool{}, bets: everyBet()}
	x.tried[x.smallest.digest()] = true
	// A world that is short, or has no faults, makes all other runs cheaper.
	x.endSooner()
	x.try(x.with(nil))
	x.untilNothingGives(func() {
		x.untilNothingGives(x.dropLots)
		x.wager()
		x.untilNothingGives(x.dropAll)
		x.soften()
	})
	return Shrunk{Schedule: x.smallest, Runs: x.runs, Minimal: !x.ended}
}

// until is the schedule of which so much came about, in a world that ends soon after.
func (s Schedule) until(e Ending) Schedule {
	s.Faults = slices.SortedStableFunc(slices.Values(e.Faults), func(a, b Strike) int { return cmp.Compare(a.At, b.At) })
	const second = Duration(time.Second)
	s.Duration = min(s.Duration, e.At-e.At%second+second)
	return s
}

// search is one Shrink.
type search struct {
	smallest Schedule
	at       Duration // when it fails
	effort   Effort
	run      func(Schedule) Ending
	runs     int
	ended    bool                       // the effort is used up
	found    int                        // how often something smaller failed
	tried    map[[sha256.Size]byte]bool // by their digests; none is tried again, so the search comes to an end
	bets     []bet
}

// try runs a schedule that is smaller, and keeps what came about of it if it fails.
func (x *search) try(smaller Schedule) bool {
	name := smaller.digest()
	if x.tried[name] {
		return false
	}
	if x.ended = x.ended || x.runs == x.effort.Runs || x.effort.Enough != nil && x.effort.Enough(); x.ended {
		return false
	}
	x.runs++
	x.tried[name] = true
	ending := x.run(smaller)
	if !ending.Fails {
		return false
	}
	x.smallest, x.at, x.found = smaller.until(ending), ending.At, x.found+1
	x.tried[x.smallest.digest()] = true
	if x.effort.Tell != nil {
		x.effort.Tell(x.runs, x.smallest)
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
	for before := -1; before != x.found && !x.ended; {
		before = x.found
		step()
	}
}
