package lockfsm

import "errors"

// Epoch is where the tokens of a cluster begin: each of them lies above it. Its sessions and places do so too, since its log
// begins there. The first cluster's epoch is zero.
//
//	 63   62        53   52                       0
//	+---+-------------+----------------------------+
//	| 0 | generation  | number                     |
//	+---+-------------+----------------------------+
//
// The generation is one higher than that of the cluster that was recovered, and no counter ever reaches into it. So no token that the
// old cluster granted, or goes on to grant, comes again, whether anybody knows of it or not.
//
// The number begins at a random place in the lower half of its range. Two recoveries of one backup that know nothing of each other
// are of one generation, and that is what keeps their tokens apart: they meet only if one's first number lies among those that the
// other uses, which is to be expected once in 2^52 / (a + b) pairs of clusters that make a and b grants (or entries) in their lives. The upper half is
// room to count: at a million grants a second for 140 years.
//
// Bit 63 stays zero: a resource may keep tokens in a signed integer, as SQL does. And a cluster that was never recovered stays below
// 2^53, up to where a double counts without a gap; beyond, tokens must be compared as the 64-bit numbers that they are.
type Epoch uint64

const (
	epochShift     = 53
	lastGeneration = 1<<10 - 1
	firstNumbers   = 1 << 52 // among which a recovered cluster's first one is drawn
)

// ErrNoMoreEpochs says that a cluster was recovered as often as its tokens can tell.
var ErrNoMoreEpochs = errors.New("no epoch is left above this token")

// NextEpoch is an epoch above the one that a token is of. The draw is 64 random bits, fresh ones for each recovery. The error is
// ErrNoMoreEpochs.
func NextEpoch(highest Token, draw uint64) (Epoch, error) {
	next := generation(highest) + 1
	if next > lastGeneration {
		return 0, ErrNoMoreEpochs
	}
	return Epoch(next<<epochShift | draw%firstNumbers), nil
}

// NewIn returns the machine of a recovered cluster before its first entry: as empty as New, but all that it will ever name is named above
// the epoch. In epoch zero it is New.
func NewIn(epoch Epoch) *Machine {
	m := New()
	m.revision, m.last = uint64(epoch), Token(epoch)
	m.digest = hash(epoch)
	return m
}

func generation[N ~uint64](n N) uint64 { return uint64(n) >> epochShift }
