package linearizability

import "slices"

// Porcupine is not tried where it would come to no end.
const (
	// Longest is how many acts of one lock porcupine is given: it remembers a bit of each for every step, and a lock in
	// steady use is not worth more than a few megabytes. An operation gives rise to two acts at most.
	Longest = 4000
	// Busiest is how many pairs of acts of one lock may overlap. At every step the search looks at all acts that are open, so
	// this is about what it takes if its first guess is always right, and with many open at once there are all the more wrong
	// ones. A lock that a dozen clients use for a minute has a few thousand; one that a thousand clients wait for, some
	// hundred thousand.
	Busiest = 50_000
)

// spared is whether there is so much about a lock that it is left to the sweep alone.
func (s *strand) spared() bool { return len(s.acts) > Longest || s.toil() > Busiest }

// toil is how many pairs of acts overlap, found by passing along all ends of their spans.
func (s *strand) toil() int {
	begins, finishes := make([]uint64, len(s.acts)), make([]uint64, len(s.acts))
	for i := range s.acts {
		begins[i], finishes[i] = s.acts[i].after, s.acts[i].before
	}
	slices.Sort(begins)
	slices.Sort(finishes)
	pairs, over := 0, 0
	for begun, begin := range begins {
		for over < begun && finishes[over] <= begin {
			over++
		}
		pairs += begun - over
	}
	return pairs
}
