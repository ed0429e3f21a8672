package raft

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What becomes of members that have lost their snapshots (bequest.go).

// Two of three have lost their snapshots, and have an entry that was committed by them; the third has a snapshot, and lacks the entry. Nobody gets votes as
// they are. Together they have everything.
func TestASnapshotIsGivenWithoutALeader(t *testing.T) {
	s := newStage(t, 3)
	for _, a := range s.actors {
		a.durable.Term = 3
		a.durable.Snapshot.Index, a.durable.Snapshot.Term, a.durable.Snapshot.Data = 5, 2, []byte("a state that takes more than one piece")
		a.durable.Entries = entriesOf(6, 2, 3)
	}
	s.actors[2].durable.Entries = entriesOf(6, 2)
	s.actors[0].durable.bare()
	s.actors[1].durable.bare()
	for _, a := range s.actors {
		s.start(a)
	}
	s.run(5 * time.Second)
	for _, a := range s.actors {
		require.Zero(t, a.node.Status().Hole)
		require.NotZero(t, a.node.Leader())
		require.GreaterOrEqual(t, a.node.Status().Commit, Index(7))
		require.Equal(t, Term(3), a.node.log.term(7))
	}
}

// Where nobody has a snapshot, nobody leads, and each says which entries it lacks.
func TestASnapshotThatNobodyHas(t *testing.T) {
	s := newStage(t, 3)
	for _, a := range s.actors {
		a.durable.Term, a.durable.Snapshot.Index, a.durable.Snapshot.Term, a.durable.Entries = 3, 5, 2, entriesOf(6, 2, 3)
		a.durable.bare()
		s.start(a)
	}
	s.run(5 * time.Second)
	for _, a := range s.actors {
		require.Equal(t, Hole{1, 5}, a.node.Status().Hole)
		require.Zero(t, a.node.Leader())
	}
}

func lacking() Stored {
	stored := withLog(3, 2, 2)
	stored.bare()
	return stored
}

// It has no state: it serves nothing, and acknowledges nothing, before it is given one.
func TestWhoHasNoSnapshotServesNothing(t *testing.T) {
	s := newSolo(t, lacking())
	lost := one[*Lost](t, s.hear(2, &Append{Term: 2, PrevIndex: 3, PrevTerm: 2, Commit: 3}), 2)
	require.EqualValues(t, 0, lost.Last)
	require.NoError(t, s.Read(s.clock, 1, ByRound))
	ask := one[*ReadIndex](t, s.drain(), 2).Ask
	s.hear(2, &ReadIndexReply{Term: 2, Ask: ask, Index: 3, Last: 3})
	require.Empty(t, s.output.Reads)
	require.Zero(t, s.committed())
}

// A snapshot comes in pieces, from whoever has something new of it, the latest one of all that are offered; and it starts over where it stopped.
func TestABequestComesInPieces(t *testing.T) {
	s := newSolo(t, lacking())
	piece := func(index Index, offset uint64, data string) *Bequest {
		return &Bequest{Term: 9, Index: index, IndexTerm: 2, Offset: offset, Total: 4, Sum: checksum([]byte("abcd")), Data: []byte(data), Membership: foundation(3).Snapshot.Membership}
	}
	require.Equal(t, &Plea{Term: 2}, one[*Plea](t, s.poll(), 3))
	require.Equal(t, &Plea{Term: 2, Index: 2, IndexTerm: 2, Offset: 2}, one[*Plea](t, s.hear(2, piece(2, 0, "ab")), 2))
	require.Empty(t, s.hear(3, piece(2, 0, "ab")), "nothing new")
	require.Empty(t, s.hear(3, piece(1, 0, "ab")), "an earlier one")
	require.Equal(t, &Plea{Term: 2, Index: 3, IndexTerm: 2, Offset: 2}, one[*Plea](t, s.hear(3, piece(3, 0, "ab")), 3))
	require.Equal(t, &Plea{Term: 2}, one[*Plea](t, s.poll(), 3), "nothing came for long")
	s.hear(2, piece(2, 0, "ab"))
	s.hear(2, piece(2, 2, "cd"))
	require.Equal(t, Index(2), s.Status().Snapshot)
	require.Equal(t, Term(2), s.Term(), "who gave it is nobody's leader")
	require.Zero(t, s.Status().Hole, "what it had behind it goes on from there")
	require.Equal(t, Index(3), s.Status().Last)

	s = newSolo(t, withLog(3, 2))
	s.hear(2, piece(3, 0, "abcd"))
	require.Equal(t, Index(1), s.Status().Snapshot, "it has one")
}
