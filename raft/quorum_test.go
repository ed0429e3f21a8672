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
		m := drawVoters(t)
		var b ballot
		first := map[ID]bool{}
		for range rapid.IntRange(0, 12).Draw(t, "answers") {
			voter, granted := ID(rapid.IntRange(1, 9).Draw(t, "voter")), rapid.Bool().Draw(t, "granted")
			b.count(voter, granted)
			if _, known := first[voter]; !known {
				first[voter] = granted
			}
			granting := func(id ID) bool { return first[id] }
			open := func(id ID) bool { granted, answered := first[id]; return granted || !answered }
			require.Equal(t, quorumSlowly(m, granting), b.won(m))
			require.Equal(t, !quorumSlowly(m, open), b.lost(m), "too few are left to win")
		}
	})
}

// drawVoters draws a membership: with any voters, in half of the cases joint with any others, and with learners, who do not count.
func drawVoters(t *rapid.T) *Membership {
	list := func(name string, least int) (list []Member) {
		for _, id := range rapid.SliceOfNDistinct(rapid.IntRange(1, 9), least, 7, rapid.ID).Draw(t, name) {
			list = append(list, Member{ID: ID(id)})
		}
		slices.SortFunc(list, byID)
		return list
	}
	m := &Membership{Members: list("voters", 1)}
	if rapid.Bool().Draw(t, "joint") {
		m.Former = list("former", 1)
	}
	m.Learners = without(list("learners", 0), idsOf(m.voters()))
	return m
}

func idsOf(list []Member) (ids []ID) {
	for _, m := range list {
		ids = append(ids, m.ID)
	}
	return ids
}

// quorumSlowly asks every node of the world, and counts each half for itself.
func quorumSlowly(m *Membership, says func(ID) bool) bool {
	enough := func(voters []Member) bool {
		yes := 0
		for id := ID(1); id <= 9; id++ {
			if slices.Contains(idsOf(voters), id) && says(id) {
				yes++
			}
		}
		return 2*yes > len(voters)
	}
	return enough(m.Members) && (len(m.Former) == 0 || enough(m.Former))
}

// What a joint quorum has reached is the highest value that quorumSlowly finds a quorum for (thesis §4.3).
func TestAgreedAgainstItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawVoters(t)
		values := rapid.SliceOfN(rapid.Uint64Range(0, 6), 10, 10).Draw(t, "values")
		best := uint64(0)
		for value := range uint64(7) {
			if quorumSlowly(m, func(id ID) bool { return values[id] >= value }) {
				best = value
			}
		}
		require.Equal(t, best, m.agreed(nil, func(id ID) uint64 { return values[id] }))
	})
}

// Two quorums have a node in common, if each is one of the membership before, of the joint one, or of the joint one and the one after: that is what
// makes any change safe in one step.
func TestQuorumsOfAChangeMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawVoters(t)
		former := &Membership{Members: m.Former}
		if len(m.Former) == 0 {
			former = &Membership{Members: m.Members}
		}
		next := &Membership{Members: m.Members}
		one := func(name string) []bool { return rapid.SliceOfN(rapid.Bool(), 10, 10).Draw(t, name) }
		a, b := one("a"), one("b")
		in := func(set []bool) func(ID) bool { return func(id ID) bool { return set[id] } }
		met := slices.ContainsFunc([]ID{1, 2, 3, 4, 5, 6, 7, 8, 9}, func(id ID) bool { return a[id] && b[id] })
		for _, pair := range [...][2]*Membership{{former, m}, {m, m}, {m, next}} {
			if quorumSlowly(pair[0], in(a)) && quorumSlowly(pair[1], in(b)) {
				require.True(t, met, "%v and %v decide apart", pair[0], pair[1])
			}
		}
	})
}
