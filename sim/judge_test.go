package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/raft"
)

// Before any world is run the judges must pass what is right, and name what is wrong.
func TestCalibration(t *testing.T) {
	for _, e := range bookExhibits() {
		require.Equal(t, e.oracle, fires(e.do), e.what)
	}
	require.NoError(t, Calibrate())
}

// What was durable must be found again, unless a later record that was on its way has rightly replaced it.
func TestShadowMissesWhatIsLost(t *testing.T) {
	entries := func(terms ...raft.Term) (list []raft.Entry) {
		for i, term := range terms {
			list = append(list, raft.Entry{Index: raft.Index(i + 2), Term: term})
		}
		return list
	}
	stored := func(term raft.Term, vote raft.ID, terms ...raft.Term) *raft.Stored {
		return &raft.Stored{Term: term, Vote: vote, Snapshot: raft.Snapshot{Index: 1, Term: 1}, Entries: entries(terms...)}
	}
	s := shadow{term: 1, base: 1}
	s.write(&raft.Record{Term: 3, Vote: 2, Entries: entries(2, 2, 3)})
	require.Empty(t, s.missing(stored(3, 2, 2, 2, 3), nil))
	require.Empty(t, s.missing(stored(4, 0, 2, 2, 3, 4), nil), "more than was asked for")
	require.Contains(t, s.missing(stored(2, 0, 2, 2, 3), nil), "term 3")
	require.Contains(t, s.missing(stored(3, 1, 2, 2, 3), nil), "the vote for 2")
	require.Contains(t, s.missing(stored(3, 2, 2, 2), nil), "entry 4")
	require.Contains(t, s.missing(stored(3, 2, 2, 2, 2), nil), "entry 4 of term 3")
	cut := []raft.Record{{Term: 4, Entries: []raft.Entry{{Index: 4, Term: 4}}}}
	require.Empty(t, s.missing(stored(4, 0, 2, 2, 4), cut), "a record that was on its way has got through")
	require.Contains(t, s.missing(stored(4, 0, 2), cut), "entry 3")
	installed := shadow{term: 3, base: 9}
	require.Contains(t, installed.missing(stored(3, 0, 2, 2), nil), "the snapshot at entry 9")
	coming := []raft.Record{{Term: 3, Snapshot: &raft.Snapshot{Index: 9}}}
	require.Contains(t, s.missing(stored(3, 2, 2), coming), "entry 3", "a snapshot that has not got through excuses nothing")
}

// A term has one leader, and whoever leads next has what was committed.
func TestElectionsAreJudged(t *testing.T) {
	w := newWorld(Config{Seed: 1, Profile: Calm, Members: 5, Clients: 8, Duration: second})
	w.begin()
	w.runUntil(30*second, func() bool { return w.leader() != nil && len(w.judge.chosen) > 5 })
	leader := w.leader()
	term := leader.server.Node().Term()
	require.Empty(t, fires(func() { w.judge.elected(leader, term) }))
	w.judge.chosen[len(w.judge.chosen)-1].term = 99
	require.Equal(t, Completeness, fires(func() { w.judge.elected(leader, term+1) }))
	for _, other := range w.members {
		if other != leader {
			require.Equal(t, Election, fires(func() { w.judge.elected(other, term) }))
		}
	}
}
