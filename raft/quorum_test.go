package raft

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// reachedSlowly looks for the highest value that at least more than half of the members have reached, one by one.
func reachedSlowly(values []uint64) uint64 {
	best := uint64(0)
	for _, candidate := range values {
		have := 0
		for _, v := range values {
			if v >= candidate {
				have++
			}
		}
		if 2*have > len(values) {
			best = max(best, candidate)
		}
	}
	return best
}

func TestReachedAgainstItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Uint64Range(0, 9), 1, 9).Draw(t, "values")
		require.Equal(t, reachedSlowly(values), reached(slices.Clone(values)))
	})
}

func TestMajority(t *testing.T) {
	for size, quorum := range []int{1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 4, 7: 4} {
		if size > 0 {
			require.Equal(t, quorum, majority(size), "of %d", size)
		}
	}
}

// A ballot is won, lost or open by the first answer of each voter, and never both won and lost.
func TestBallotAgainstItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 7).Draw(t, "size")
		var b ballot
		first := map[ID]bool{}
		for range rapid.IntRange(0, 12).Draw(t, "answers") {
			voter, granted := ID(rapid.IntRange(1, size).Draw(t, "voter")), rapid.Bool().Draw(t, "granted")
			b.count(voter, granted)
			if _, known := first[voter]; !known {
				first[voter] = granted
			}
			grants, refusals := 0, 0
			for _, granted := range first {
				if granted {
					grants++
				} else {
					refusals++
				}
			}
			require.Equal(t, 2*grants > size, b.won(size))
			require.Equal(t, 2*(size-refusals) <= size, b.lost(size), "too few are left to win")
		}
	})
}
