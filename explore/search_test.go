package explore

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/raft"
)

// All states within small bounds, counted once and for all. A count that changes says that the core does something else than before, or that
// the explorer takes other states for one: look which of them, before the number is changed.
func TestSmallBoundsAreExhausted(t *testing.T) {
	for _, small := range []struct {
		bounds Bounds
		states int
	}{
		{Bounds{Nodes: 1, Depth: 100, Terms: 3, Proposals: 2, Crashes: 2, Timeouts: 6}, 96},
		{Bounds{Nodes: 2, Depth: 100, Terms: 3, Proposals: 1, Timeouts: 3}, 815},
		{Bounds{Nodes: 2, Depth: 100, Terms: 2, Proposals: 1, Crashes: 1, Duplicates: 1, Late: 1, Timeouts: 2}, 17030},
		{Bounds{Nodes: 3, Depth: 100, Terms: 2, Proposals: 1, Timeouts: 2}, 6824},
		{Bounds{Nodes: 3, Depth: 100, Terms: 2, Crashes: 1, Timeouts: 2}, 5323},
		{Bounds{Nodes: 4, Depth: 100, Terms: 2, Timeouts: 1}, 306},
		{Bounds{Nodes: 2, Depth: 100, Terms: 3, Changes: 2, Removed: 1, Timeouts: 3}, 728},
		{Bounds{Nodes: 3, Depth: 100, Terms: 2, Changes: 1, Removed: 2, Crashes: 1, Timeouts: 1}, 2844},
		{Bounds{Nodes: 4, Depth: 100, Terms: 2, Changes: 1, Removed: 1, Timeouts: 1}, 1938},
	} {
		report, err := Explore(small.bounds, time.Hour)
		require.NoError(t, err)
		require.Nil(t, report.Violation, "%+v", small.bounds)
		require.True(t, report.Exhausted, "%+v", small.bounds)
		require.Equal(t, small.states, report.States, "%+v", small.bounds)
	}
}

// A bound that comes first is said: the depth, or the time.
func TestWhatWasNotLookedAtIsSaid(t *testing.T) {
	b := Bounds{Nodes: 3, Depth: 5, Terms: 2, Timeouts: 2}
	report, err := Explore(b, time.Hour)
	require.NoError(t, err)
	require.Equal(t, 5, report.Depth)
	require.False(t, report.Exhausted)
	require.False(t, report.Unfinished)

	report, err = Explore(b, 0)
	require.NoError(t, err)
	require.True(t, report.Unfinished)

	b.Nodes = 6
	_, err = Explore(b, time.Hour)
	require.ErrorContains(t, err, "not of 6")
}

// rough has a little of everything.
var rough = Bounds{Nodes: 3, Depth: 8, Terms: 3, Late: 1, Proposals: 1, Duplicates: 1, Crashes: 1, Timeouts: 3}

// states runs a search level by level, and returns every state that it finds, in order.
func states(s *search) (found []world) {
	for {
		for row := slices.Clone(s.frontier); len(row) > 0; {
			var w world
			row = w.read(s.bounds.Nodes, row)
			found = append(found, w)
		}
		if s.report.Depth == s.bounds.Depth || !s.level(func() bool { return false }) {
			return found
		}
	}
}

// Folding by who is who loses nothing: a search that holds every state apart from those in which others play the same parts finds, when they
// are folded afterwards, the very same ones.
func TestFoldingLosesNothing(t *testing.T) {
	patient, slow := rough, rough
	patient.Timeouts = 2 // a third poll may leave an answer that waits for a disk and is known by its number: two states that could be one
	slow.Crashes, slow.Depth = 0, 7
	foldingLosesNothing(t, patient)
	foldingLosesNothing(t, slow)
}

// The same when members play different parts by the membership too, in logs, messages and histories.
func TestFoldingLosesNoChange(t *testing.T) {
	foldingLosesNothing(t, Bounds{Nodes: 3, Depth: 100, Terms: 2, Changes: 2, Removed: 2, Timeouts: 1})
}

// Who is removed is any one, or any so many at once.
func TestRemovals(t *testing.T) {
	require.Equal(t, []group{0b0010, 0b0100, 0b1000}, removals(3, 1))
	require.Equal(t, []group{0b0010, 0b0100, 0b0110, 0b1000, 0b1010, 0b1100}, removals(3, 2))
	require.Empty(t, removals(3, 0))
	require.Equal(t, []raft.ID{1, 3}, group(0b1010).ids())
}

func foldingLosesNothing(t *testing.T, b Bounds) {
	folded, apart := newSearch(b), newSearch(b)
	once := states(folded)
	apart.catalogue.names = apart.catalogue.names[:1]
	every := states(apart)
	prints := func(worlds []world, from *catalogue) map[uint64]struct{} {
		found := map[uint64]struct{}{}
		for _, w := range worlds {
			if !handsOver(&w, from) {
				found[folded.catalogue.print(translated(&w, from, folded.catalogue), &b)] = struct{}{}
			}
		}
		return found
	}
	found, expected := prints(once, folded.catalogue), prints(every, apart.catalogue)
	require.True(t, maps.Equal(found, expected), "%d states folded, %d folded afterwards", len(found), len(expected))
	require.Greater(t, len(every), 4*len(once))
}

// handsOver tells whether a leader that was removed has chosen its successor, by ID among equals. The choice is in its state, and nothing comes of it.
func handsOver(w *world, c *catalogue) bool {
	return slices.ContainsFunc(w.members, func(m uint32) bool { return c.members.things[m].node.Status().Transfer != 0 })
}

// translated is the same world by the numbers of another catalogue.
func translated(w *world, from, to *catalogue) *world {
	t := &world{spent: w.spent, history: to.history(from.histories.things[w.history])}
	for _, m := range w.members {
		t.members = append(t.members, to.member(from.members.things[m]))
	}
	for _, m := range w.network {
		t.network = append(t.network, to.message(from.messages.things[m]))
	}
	return t
}

// What the catalogue says of a state is what nodes do that nobody has numbered: each path, played from the start, ends in the state
// that was found.
func TestEachPathLeadsToItsState(t *testing.T) {
	s := newSearch(rough)
	worlds := states(s)
	require.Len(t, s.origins, len(worlds))
	for n := 0; n < len(worlds); n += 11 {
		played := newStage(rough)
		for _, a := range s.pathTo(n) {
			require.Nil(t, played.play(a))
		}
		w := &world{spent: played.spent, history: s.catalogue.history(played.history), network: []uint32{}}
		for _, m := range played.members {
			w.members = append(w.members, s.catalogue.member(m))
		}
		for _, e := range played.network {
			w.network = append(w.network, s.catalogue.message(e))
		}
		require.Equal(t, &worlds[n], w, "%s", played.text.String())
	}
}

// A voter that forgets its vote elects two leaders of one term. The first was elected before the search begins, so the bug is in no
// member's code, and the search finds it by itself: in the fewest actions that an election takes.
func TestPlantedBugIsFound(t *testing.T) {
	b := Bounds{Nodes: 3, Depth: 30, Terms: 2, Timeouts: 3}
	elected := newStage(b)
	elected.elect(t, 1, 2)
	elected.members[1] = founder(2, 3)
	elected.network = nil

	s := newSearch(b)
	w := &world{history: s.catalogue.history(elected.history)}
	for _, m := range elected.members {
		w.members = append(w.members, s.catalogue.member(m))
	}
	s.origins = nil // it begins here
	require.True(t, s.add(w, origin{}))
	s.frontier, s.next = s.next, nil
	s.run(func() bool { return false })
	require.NotNil(t, s.report.Violation)
	require.Equal(t, Election, s.report.Violation.Invariant)
	require.Len(t, s.pathTo(len(s.origins)-1), 5, "a timeout, two messages of the trial election, and two of the election")
}

// elect lets a member win an election with the vote of another one, and delivers nothing else.
func (s *stage) elect(t *testing.T, candidate, voter raft.ID) {
	require.Nil(t, s.play(action{kind: timeout, place: uint8(candidate - 1), kept: everything}))
	for s.members[candidate-1].node.Role() != raft.Leader {
		s.deliver(t, candidate, voter)
	}
}

// deliver delivers the latest message between two members.
func (s *stage) deliver(t *testing.T, a, b raft.ID) {
	for at := len(s.network) - 1; at >= 0; at-- {
		if e := s.network[at]; e.From == a && e.To == b || e.From == b && e.To == a {
			require.Nil(t, s.play(action{kind: deliver, place: uint8(e.To - 1), at: uint8(at)}))
			return
		}
	}
	require.Fail(t, "nothing is under way", "between %d and %d", a, b)
}

// A transcript reads like those of raft/testdata.
func TestTranscript(t *testing.T) {
	s := newStage(Bounds{Nodes: 3, Crashes: 1})
	require.Nil(t, s.play(action{kind: timeout, place: 0}))
	s.deliver(t, 1, 2)
	s.deliver(t, 1, 2)
	require.Nil(t, s.play(action{kind: crash, place: 0}))
	s.tellLogs()
	require.Equal(t, `> cluster 3

> timeout 1
     1  1 becomes pre-candidate in term 1
     2  1 -> 2  PreVote term=1 last=1/1
     3  2 -> 1  PreVoteReply term=1 granted
     3  1 becomes candidate of term 2
     3  1 writes #1: term 2 vote 1
     4  1 -> 3  PreVote term=1 last=1/1 (lost)
     4  1 loses the unfinished record #1

> crash 1
     4  1 becomes follower of nobody in term 1

> logs
     4  1 has 1/1, then nothing; committed up to 1
     4  1 has on its disk term 1, vote 0 and nothing
     4  2 has 1/1, then nothing; committed up to 1
     4  2 has on its disk term 1, vote 0 and nothing
     4  3 has 1/1, then nothing; committed up to 1
     4  3 has on its disk term 1, vote 0 and nothing
`, s.text.String())
}

// A change is told by who is to go, and a leader that was removed leads until that is committed.
func TestTranscriptOfAChange(t *testing.T) {
	s := newStage(Bounds{Nodes: 2})
	s.elect(t, 1, 2)
	s.deliver(t, 1, 2)
	s.deliver(t, 1, 2)
	s.text.Reset()
	require.Nil(t, s.play(action{kind: change, place: 0, gone: 0b010}))
	for range 4 {
		s.deliver(t, 1, 2)
	}
	require.Equal(t, `
> change 1 -1
     8  1 writes #3: term 2 vote 1 entries 3/2:{2'1 and of old 1 2'1}
     8  1 has #3 on disk
     9  1 -> 2  Append term=2 prev=2/2 commit=2 entries=3/2:{2'1 and of old 1 2'1}
     9  2 commits 2/2
     9  2 writes #3: term 2 vote 1 entries 3/2:{2'1 and of old 1 2'1}
     9  2 has #3 on disk
    10  2 -> 1  Appended term=2 match=3
    10  1 commits 3/2:{2'1 and of old 1 2'1}
    10  1 writes #4: term 2 vote 1 entries 4/2:{2'1}
    10  1 has #4 on disk
    11  1 -> 2  Append term=2 prev=3/2 commit=3 entries=4/2:{2'1}
    11  2 commits 3/2:{2'1 and of old 1 2'1}
    11  2 writes #4: term 2 vote 1 entries 4/2:{2'1}
    11  2 has #4 on disk
    12  2 -> 1  Appended term=2 match=4
    12  1 commits 4/2:{2'1}
`, s.text.String())
	require.Equal(t, raft.ID(2), s.members[0].node.Status().Transfer)
	for _, e := range s.network {
		require.IsType(t, &raft.Append{}, e.Message, "what it tells its successor never arrives")
	}
}

// Of what is under way, as much as may is kept, in every choice.
func TestWhatIsKept(t *testing.T) {
	require.Equal(t, []uint32{everything}, keep(2, 2))
	require.Equal(t, []uint32{0}, keep(2, 0))
	require.Equal(t, []uint32{0b011, 0b101, 0b110}, keep(3, 2))
	network := []string{"a", "b", "c"}
	require.Equal(t, []string{"a", "c"}, under(nil, network, action{kind: timeout, kept: 0b101}))
	require.Equal(t, network, under(nil, network, action{kind: timeout, kept: everything}))
	require.Equal(t, []string{"a", "c"}, under(nil, network, action{kind: deliver, at: 1}))
	require.Equal(t, network, under(nil, network, action{kind: repeat, at: 1}))
	require.Equal(t, network, under(nil, network, action{kind: sync}))
}
