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

// What comes back is what was durable and the first of what was on its way: nothing else can have been on the disk.
func TestRecoveryIsExplained(t *testing.T) {
	type terms []raft.Term
	stored := func(term raft.Term, vote raft.ID, under raft.Snapshot, behind terms) *raft.Stored {
		found := &raft.Stored{Term: term, Vote: vote, Snapshot: under}
		for i, each := range behind {
			found.Entries = append(found.Entries, raft.Entry{Index: under.Index + raft.Index(i) + 1, Term: each})
		}
		return found
	}
	record := func(term raft.Term, vote raft.ID, index raft.Index) raft.Record {
		return raft.Record{Term: term, Vote: vote, Entries: []raft.Entry{{Index: index, Term: term}}}
	}
	first, own := raft.Snapshot{Index: 1, Term: 1}, raft.Snapshot{Index: 3, Term: 2}
	received, follows := raft.Snapshot{Index: 9, Term: 4}, raft.Snapshot{Index: 4, Term: 3}
	cuts := []raft.Record{record(4, 0, 4), record(4, 0, 5), {Term: 5, Vote: 1}}
	for _, c := range []struct {
		what    string
		right   bool
		stored  *raft.Stored
		pending []raft.Record
	}{
		{"what was durable", true, stored(3, 2, first, terms{2, 2, 3}), nil},
		{"the same, partly under the member's own snapshot", true, stored(3, 2, own, terms{3}), nil},
		{"nothing of what was on its way", true, stored(3, 2, first, terms{2, 2, 3}), cuts},
		{"the first record of that", true, stored(4, 0, first, terms{2, 2, 4}), cuts},
		{"the first two", true, stored(4, 0, first, terms{2, 2, 4, 4}), cuts},
		{"all of it", true, stored(5, 1, first, terms{2, 2, 4, 4}), cuts},
		{"an entry that was not on its way", false, stored(3, 2, first, terms{2, 2, 3, 3}), nil},
		{"the term of a record whose entry is not there", false, stored(4, 0, first, terms{2, 2, 3}), cuts},
		{"an entry that had been cut, behind the one that took its place", false, stored(4, 0, first, terms{2, 2, 4, 3}), cuts},
		{"the last record without those before", false, stored(5, 1, first, terms{2, 2, 3}), cuts},
		{"a term from nowhere", false, stored(6, 0, first, terms{2, 2, 3}), cuts},
		{"a vote from nowhere", false, stored(5, 3, first, terms{2, 2, 4, 4}), cuts},
		{"a snapshot of another history", false, stored(3, 2, raft.Snapshot{Index: 3, Term: 1}, terms{3}), nil},
		{"a snapshot that was received, and not its record", true, stored(4, 0, received, nil), []raft.Record{{Term: 5}, {Term: 5, Snapshot: &received}}},
		{"the same, with entries behind from nowhere", false, stored(4, 0, received, terms{4}), []raft.Record{{Term: 5, Snapshot: &received}}},
		{"a snapshot of what was there", true, stored(3, 2, follows, nil), []raft.Record{{Term: 4, Snapshot: &follows}}},
	} {
		s := written()
		require.Equal(t, c.right, s.explains(c.stored, c.pending), c.what)
		require.Equal(t, written(), s, "it only looks")
	}
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
