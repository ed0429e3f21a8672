package raft

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What a member may do that has lost its last record: nothing, until it has a term of which it is sure (doubt.go).

// doubtful is member 1 of so many, of whose log nothing is left but entries of these terms.
func doubtful(size int, terms ...Term) Stored {
	stored := withLog(size, terms...)
	stored.Damage = &Damage{Doubt: true}
	return stored
}

// sworn is what another member of the founders' answers to the last ask.
func (s *solo) sworn(from ID, term Term) []Envelope {
	return s.hear(from, &Sworn{Term: term, Nonce: s.oath.nonce, Since: 1, Settled: true, Membership: foundation(3).Snapshot.Membership})
}

func TestWhoIsInDoubtIsSilent(t *testing.T) {
	s := newSolo(t, doubtful(3, 2, 2))
	s.rested()
	for _, m := range []Message{
		&PreVote{Term: 9, LastIndex: 9, LastTerm: 9, Attempt: 1}, &Vote{Term: 9, LastIndex: 9, LastTerm: 9}, &Vote{Term: 9, LastIndex: 9, LastTerm: 9, Transfer: true},
		&Append{Term: 9, PrevIndex: 3, PrevTerm: 2, Entries: entriesOf(4, 9)}, &Append{Term: 1}, &TimeoutNow{Term: 9}, &Lease{Term: 9}, &ReadIndex{Term: 9},
		&Chunk{Term: 9, Index: 8, IndexTerm: 9}, &Oath{Term: 9, Nonce: 1}, &StaleTerm{Term: 9},
	} {
		require.Empty(t, s.hear(2, m), "%T", m)
		require.Equal(t, Term(2), s.Term(), "%T", m)
		require.Empty(t, s.writing, "%T", m)
	}
	require.ErrorIs(t, s.Read(s.clock, 1, ByRound), ErrNoLeader)
	one[*Bequest](t, s.hear(2, &Plea{Term: 9}), 2)
	require.NotEmpty(t, one[*Fetched](t, s.hear(2, &Fetch{Term: 9, Index: 3, EntryTerm: 2, From: 2}), 2).Entries, "what it can read it can give")
}

// It asks all others, and each answer counts for who gave it, on the disk that is known.
func TestADoubtEndsWhenAllHaveAnswered(t *testing.T) {
	s := newSolo(t, doubtful(3, 2, 2))
	sent := s.poll()
	require.Equal(t, one[*Oath](t, sent, 2), one[*Oath](t, sent, 3))
	s.sworn(2, 7)
	s.sworn(2, 7)
	s.step(Receive{Envelope{From: 3, To: 1, Incarnation: 99, Message: &Sworn{Term: 7, Nonce: s.oath.nonce, Since: 1, Settled: true, Membership: foundation(3).Snapshot.Membership}}})
	require.True(t, s.Status().Doubt)
	require.Equal(t, []ID{3}, s.Status().Awaits)
	s.sworn(3, 4)
	require.False(t, s.Status().Doubt)
	require.Equal(t, Term(7+Leap), s.Term())
	s.saved()
	require.Equal(t, LastWord(3, 7+Leap), s.durable.Damage.End)
	require.Zero(t, s.durable.Vote)
}

// An answer that was given to the process before this one may be older than what that one promised.
func TestAnAnswerToAnEarlierProcessDoesNotCount(t *testing.T) {
	s := newSolo(t, doubtful(3, 2))
	s.poll()
	earlier := s.oath.nonce
	s.powerLoss()
	for id := ID(2); id <= 3; id++ {
		s.hear(id, &Sworn{Term: 7, Nonce: earlier, Since: 1, Settled: true, Membership: foundation(3).Snapshot.Membership})
	}
	require.True(t, s.Status().Doubt)
}

// Who must answer is told by the newest membership of which anybody tells, when it is committed: the one that this member can read may be over.
func TestTheNewestMembershipMustAnswer(t *testing.T) {
	s := newSolo(t, doubtful(3, 2))
	s.poll()
	later := &Sworn{Term: 7, Nonce: s.oath.nonce, Since: 9, Membership: Membership{Members: membersOf(1, 2, 4)}}
	s.hear(2, later)
	s.sworn(3, 7)
	require.True(t, s.Status().Doubt, "it may be taken back")
	settled := *later
	settled.Settled = true
	s.hear(2, &settled)
	require.Equal(t, []ID{4}, s.Status().Awaits)
	require.NotEmpty(t, only[*Oath](s.poll(), 4), "though this member had never heard of it")
	s.hear(4, &Sworn{Term: 8, Nonce: s.oath.nonce, Since: 9, Membership: settled.Membership})
	require.Equal(t, Term(8+Leap), s.Term())
}

// From then on it gives its vote to nobody who lacks what may have been committed by what it had acknowledged: to those whom a leader elected without it has told.
func TestAfterADoubtOnlyALaterLeadersLogGetsItsVote(t *testing.T) {
	s := newSolo(t, doubtful(3, 2, 2))
	s.poll()
	s.sworn(2, 7)
	s.sworn(3, 7)
	s.saved()
	s.rested()
	term := s.Term()
	require.IsType(t, &StaleTerm{}, s.hear(2, &Append{Term: 7, PrevIndex: 3, PrevTerm: 2})[0].Message, "the leader of the day learns of its term")
	s.hear(2, &Vote{Term: term + 1, LastIndex: 90, LastTerm: 7})
	require.False(t, one[*VoteReply](t, s.saved(), 2).Granted)
	s.hear(2, &Vote{Term: term + 2, LastIndex: 4, LastTerm: term + 1})
	require.True(t, one[*VoteReply](t, s.saved(), 2).Granted)
	s.hear(2, &Append{Term: term + 2, PrevIndex: 3, PrevTerm: 2, Entries: entriesOf(4, term+1)})
	require.Zero(t, s.Status().Hole)
	s.saved()
	require.Nil(t, s.durable.Damage)
}

// Who does not even know who belongs to the cluster asks whoever leads it.
func TestADoubtWithoutAnyMembership(t *testing.T) {
	s := newSolo(t, Stored{Damage: &Damage{Doubt: true}})
	require.Empty(t, s.poll())
	require.Empty(t, s.Status().Awaits)
	one[*Oath](t, s.hear(2, &Append{Term: 9, PrevIndex: 3, PrevTerm: 2}), 2)
	s.sworn(2, 9)
	one[*Oath](t, s.poll(), 3)
	s.sworn(3, 9)
	require.Equal(t, Term(9+Leap), s.Term())
}

// Who is asked answers when what it says is on its disk, and changes nothing. Who is in doubt himself does not.
func TestAnOathIsAnsweredFromTheDisk(t *testing.T) {
	s := newSolo(t, withLog(3, 2, 2)).rested()
	s.hear(3, &Vote{Term: 5, LastIndex: 9, LastTerm: 2})
	require.Empty(t, s.hear(2, &Oath{Term: 9, Nonce: 4}))
	said := one[*Sworn](t, s.saved(), 2)
	require.Equal(t, &Sworn{Term: 5, Nonce: 4, Since: 1, Settled: true, Membership: foundation(3).Snapshot.Membership}, said)
	s.hear(2, &Sworn{Term: 99})
	require.Equal(t, Term(5), s.Term())
}

// What a removed leader has put into its log and never committed is no reason to wait: the others have gone on without it.
func TestADoubtDoesNotWaitForWhatARemovedMemberNeverCommitted(t *testing.T) {
	s := newSolo(t, doubtful(4, 2))
	s.poll()
	members := Membership{Members: membersOf(1, 2, 3)} // member 4 was removed
	s.hear(4, &Sworn{Term: 5, Nonce: s.oath.nonce, Since: 90, Membership: Membership{Members: membersOf(1, 4), Former: membersOf(1, 2, 3, 4)}})
	s.hear(2, &Sworn{Term: 7, Nonce: s.oath.nonce, Since: 80, Settled: true, Membership: members})
	s.hear(3, &Sworn{Term: 7, Nonce: s.oath.nonce, Since: 80, Settled: true, Membership: members})
	require.False(t, s.Status().Doubt)
}

// The only voter of the membership that a learner tells of is in doubt: nobody who could have asked for its vote since has answered.
func TestALearnersWordDoesNotEndADoubt(t *testing.T) {
	stored := Stored{Term: 1, Snapshot: Snapshot{Index: 1, Term: 1, Membership: Membership{Members: membersOf(1), Learners: membersOf(2, 3)}}, Damage: &Damage{Doubt: true}}
	s := newSolo(t, stored)
	s.poll()
	s.hear(3, &Sworn{Term: 2, Nonce: s.oath.nonce, Since: 1, Settled: true, Membership: stored.Snapshot.Membership})
	require.True(t, s.Status().Doubt, "member 2 was made a voter, and had this one's vote")
}
