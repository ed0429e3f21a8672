package raft

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The rules of the thesis about changes of the membership, section by section.

func membersOf(ids ...ID) (list []Member) {
	for _, id := range ids {
		list = append(list, Member{ID: id, Incarnation: uint64(id)})
	}
	return list
}

// membershipEntry is an entry that puts a membership in force.
func membershipEntry(index Index, term Term, m Membership) Entry {
	return Entry{Index: index, Term: term, Kind: KindMembers, Data: AppendMembership(nil, m)}
}

// change asks for one, and has its entry on disk.
func (s *solo) change(c Change) {
	_, err := s.Reconfigure(s.clock, c)
	require.NoError(s.t, err)
	s.drain()
	s.saved()
}

func (s *solo) refusesChange(c Change, why error) {
	s.t.Helper()
	_, err := s.Reconfigure(s.clock, c)
	require.ErrorIs(s.t, err, why)
}

// answerAll lets some followers acknowledge everything.
func (s *solo) answerAll(ids ...ID) {
	for _, id := range ids {
		s.appended(id, s.log.last())
	}
}

// jointly leads 1, 2 and 3, and has promoted 4 and removed 2 and 3 in one step, uncommitted: both {1 4} and {1 2 3} are in force.
func jointly(t testing.TB) *solo {
	s := established(t, 3)
	s.change(Change{Add: membersOf(4)})
	s.answerAll(2, 3)
	s.hear(4, &Mismatch{Term: s.Term(), PrevIndex: 3}) // it lives
	s.change(Change{Promote: []ID{4}, Remove: []ID{2, 3}})
	require.Equal(t, Membership{Members: membersOf(1, 4), Former: membersOf(1, 2, 3)}, s.Status().Membership)
	return s
}

// §4.1: a membership is in force as soon as it stands in the log: a follower that is told of a new voter asks it for its vote, committed or not.
func TestPaper41InForceFromTheLog(t *testing.T) {
	s := newSolo(t, foundation(3))
	s.hear(2, &Append{Term: 1, PrevIndex: 1, PrevTerm: 1, Commit: 1, Entries: []Entry{membershipEntry(2, 1, Membership{Members: membersOf(1, 2, 3, 4)})}})
	require.True(t, s.output.Membership)
	require.Equal(t, Index(1), s.committed())
	s.saved()
	require.Len(t, only[*PreVote](s.poll(), 4), 1)
}

// §4.1: it is taken back with its entry.
func TestPaper41RolledBack(t *testing.T) {
	s := newSolo(t, foundation(3))
	s.hear(2, &Append{Term: 1, PrevIndex: 1, PrevTerm: 1, Entries: []Entry{membershipEntry(2, 1, Membership{Members: membersOf(1, 2, 3, 4)})}})
	s.hear(3, &Append{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entriesOf(2, 2)})
	require.True(t, s.output.Membership)
	require.Equal(t, membersOf(1, 2, 3), s.Status().Membership.Members)
	require.Equal(t, membersOf(1, 2, 3), s.Known())
	require.Empty(t, only[*PreVote](s.poll(), 4))
}

// §4.1: what is not committed may be taken back, and those whom it removes may be heard of again.
func TestKnownAreAllWhoMayCount(t *testing.T) {
	s := newSolo(t, foundation(3))
	s.hear(2, &Append{Term: 1, PrevIndex: 1, PrevTerm: 1, Commit: 1, Entries: []Entry{
		membershipEntry(2, 1, Membership{Members: membersOf(1, 2)}),
		membershipEntry(3, 1, Membership{Members: membersOf(1, 2), Learners: []Member{{ID: 3, Incarnation: 9}}}),
	}})
	require.Equal(t, append(membersOf(1, 2, 3), Member{ID: 3, Incarnation: 9}), s.Known())
	s.hear(2, &Append{Term: 1, PrevIndex: 3, PrevTerm: 1, Commit: 3})
	require.Equal(t, append(membersOf(1, 2), Member{ID: 3, Incarnation: 9}), s.Known())
}

// The correction of 2015 to §4.1: no change before an entry of the leader's term is committed.
func TestPaper41NoChangeBeforeTheTermsFirstCommit(t *testing.T) {
	s := newSolo(t, withLog(4, 1, 1))
	s.takeLead()
	s.refusesChange(Change{Remove: []ID{2}}, ErrNoCommitYet)
	s.appended(2, 4)
	s.refusesChange(Change{Remove: []ID{2}}, ErrNoCommitYet)
	s.appended(3, 4)
	s.change(Change{Remove: []ID{2}})
}

// §4.1: one change at a time: neither while one is uncommitted, nor while the membership is joint.
func TestPaper41OneChangeAtATime(t *testing.T) {
	s := established(t, 3)
	s.change(Change{Add: membersOf(4)})
	s.refusesChange(Change{Remove: []ID{2}}, ErrChanging)
	s.answerAll(2)
	s.change(Change{Remove: []ID{2}})
	s.refusesChange(Change{Add: membersOf(5)}, ErrChanging)
	s.answerAll(2, 3)
	s.saved()
	require.False(t, s.Status().Membership.Joint())
	s.refusesChange(Change{Add: membersOf(5)}, ErrChanging)
	s.answerAll(3)
	s.change(Change{Add: membersOf(5)})
}

func TestChangesThatMakeNoSense(t *testing.T) {
	s := established(t, 3)
	for _, c := range []struct {
		change Change
		why    error
	}{
		{Change{Add: []Member{{ID: 2, Incarnation: 99}}}, ErrKnownMember},
		{Change{Add: []Member{{ID: 2, Incarnation: 99}}, Remove: []ID{2}}, ErrKnownMember},
		{Change{Add: membersOf(4, 4)}, ErrKnownMember},
		{Change{Remove: []ID{4}}, ErrNotInside},
		{Change{Promote: []ID{2}}, ErrNoLearner},
		{Change{Promote: []ID{4}}, ErrNoLearner},
		{Change{Remove: []ID{1, 2, 3}}, ErrNobodyVotes},
		{Change{Add: membersOf(11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36)}, ErrTooMany},
	} {
		s.refusesChange(c.change, c.why)
	}
	require.Empty(t, s.drain(), "nothing was begun")
	s.transferring()
	s.refusesChange(Change{Remove: []ID{2}}, ErrTransferring)
	follower := newSolo(t, foundation(3))
	follower.refusesChange(Change{Remove: []ID{2}}, ErrNotLeader)
}

func (s *solo) transferring() { require.NoError(s.t, s.Transfer(s.clock, 2)) }

// A learner that nobody has heard of does not become a voter on whom the cluster waits, not even in a leader's first moments, in which it takes
// everybody to be there.
func TestQuietVotersAreRefused(t *testing.T) {
	s := established(t, 1)
	s.change(Change{Add: membersOf(2)})
	s.refusesChange(Change{Promote: []ID{2}}, ErrQuiet)
	s.wait(testTimeout)
	s.refusesChange(Change{Promote: []ID{2}}, ErrQuiet)
	s.hear(2, &Mismatch{Term: s.Term(), PrevIndex: 2})
	s.change(Change{Promote: []ID{2}})
}

// §4.1: a node whose disk is empty knows nobody, and takes the log from whoever leads.
func TestPaper41AnEmptyNodeListensToAnyLeader(t *testing.T) {
	s := newSolo(t, Stored{})
	require.Empty(t, s.poll(), "it stands for nothing")
	s.hear(2, &Append{Term: 3, PrevIndex: 7, PrevTerm: 3})
	require.Equal(t, Index(0), one[*Mismatch](t, s.saved(), 2).Last)
	s.hear(2, &Chunk{Term: 3, Index: 1, IndexTerm: 1, Membership: Membership{Members: membersOf(2), Learners: membersOf(1)}})
	require.Equal(t, Index(1), s.committed())
	require.Equal(t, membersOf(1, 2), s.Known())
}

// §4.2.1: a learner gets the log, and counts for nothing: not for the commit, not for a read, not for the leader's stay.
func TestPaper421LearnersDoNotCount(t *testing.T) {
	s := established(t, 2)
	s.change(Change{Add: membersOf(3, 4)})
	s.answerAll(2)
	s.propose("x")
	s.saved()
	s.read(7)
	s.hear(3, &Appended{Term: s.Term(), Round: 1, Match: s.log.last()})
	require.Equal(t, Index(3), s.committed())
	require.Empty(t, s.output.Reads)
	s.wait(testTimeout - 1)
	s.hear(3, &Appended{Term: s.Term(), Match: 2})
	s.hear(4, &Appended{Term: s.Term(), Match: 2})
	s.wait(testTimeout)
	require.Equal(t, Follower, s.Role(), "two learners are no majority")
}

// §4.2.1: a learner does not stand for election. It answers who asks for its vote, since whoever asks may know that it votes by now.
func TestPaper421LearnersDoNotStand(t *testing.T) {
	stored := foundation(3)
	stored.Snapshot.Membership = Membership{Members: membersOf(2, 3), Learners: membersOf(1)}
	s := newSolo(t, stored)
	require.Empty(t, s.poll())
	require.Equal(t, Follower, s.Role())
	s.hear(2, &Vote{Term: 2, LastIndex: 2, LastTerm: 1})
	require.True(t, one[*VoteReply](t, s.saved(), 2).Granted)
	s.hear(2, &Append{Term: 2, PrevIndex: 1, PrevTerm: 1})
	s.hear(2, &TimeoutNow{Term: 2})
	require.Equal(t, Follower, s.Role())
}

// §4.2.1: leadership is not handed to a learner.
func TestPaper421LearnersDoNotTakeOver(t *testing.T) {
	s := established(t, 1)
	s.change(Change{Add: membersOf(2)})
	require.ErrorIs(t, s.Transfer(s.clock, 2), ErrNotMember)
	require.ErrorIs(t, s.Transfer(s.clock, 0), ErrNotMember)
}

// §4.2.1: a learner that gets in less than an election timeout what stood in the log when the round began is promoted.
func TestPaper421PromotedWhenCaughtUp(t *testing.T) {
	s := established(t, 1)
	s.change(Change{Add: membersOf(2)})
	s.propose("x")
	s.saved()
	s.wait(testTimeout - 1)
	s.appended(2, 2)
	require.Equal(t, membersOf(2), s.Status().Membership.Learners, "it lacks an entry of the round")
	s.appended(2, 3)
	s.saved()
	require.Equal(t, Membership{Members: membersOf(1, 2), Former: membersOf(1)}, s.Status().Membership)
	s.answerAll(2)
	s.saved()
	require.Equal(t, Membership{Members: membersOf(1, 2)}, s.Status().Membership)
}

// §4.2.1: one that needs an election timeout or more for each of ten rounds is too slow. It stays a learner until somebody promotes it.
func TestPaper421TooSlow(t *testing.T) {
	s := established(t, 1)
	s.change(Change{Add: membersOf(2)})
	for range 10 {
		require.False(t, s.Followers()[0].Slow)
		for range 5 {
			s.wait(testTimeout / 5)
		}
		s.propose("x")
		s.saved()
		s.appended(2, s.log.last()-1)
	}
	require.True(t, s.Followers()[0].Slow)
	s.answerAll(2)
	s.answerAll(2)
	require.Equal(t, membersOf(2), s.Status().Membership.Learners)
	s.change(Change{Promote: []ID{2}})
}

// §4.2.1: who has caught up while another change is under way is promoted after it.
func TestPaper421PromotionWaitsItsTurn(t *testing.T) {
	s := established(t, 3)
	s.change(Change{Add: membersOf(4)})
	s.answerAll(4)
	require.False(t, s.Status().Membership.Joint())
	s.answerAll(2)
	require.Equal(t, Index(3), s.committed())
	s.answerAll(4)
	require.True(t, s.Status().Membership.Joint())
}

// §4.2.2: a leader that is to leave does not count itself for that, and leads until it is committed. Then it hands over, and does not
// take its leadership back when nobody takes it.
func TestPaper422LeaderRemovesItself(t *testing.T) {
	s := established(t, 3)
	s.change(Change{Remove: []ID{1}})
	s.answerAll(2)
	require.Equal(t, Index(2), s.committed(), "1 and 2 are a majority of the old voters, but 2 is none of the new ones")
	s.answerAll(3)
	s.saved()
	require.Equal(t, Membership{Members: membersOf(2, 3)}, s.Status().Membership)
	s.answerAll(2)
	require.Equal(t, Index(3), s.committed())
	require.Equal(t, Leader, s.Role())
	s.answerAll(3)
	require.Equal(t, Index(4), s.committed())
	require.Equal(t, ID(2), s.Status().Transfer)
	require.Len(t, only[*TimeoutNow](s.output.Send, 2), 1)
	for range 5 {
		s.wait(testTimeout / 5)
		s.answerAll(2, 3)
	}
	require.Equal(t, Follower, s.Role())
	require.Empty(t, s.poll(), "it is not of the cluster any more")
}

// A node that was removed names nobody as the leader after a while: no leader speaks to it any more, and clients that follow its word would never arrive.
func TestARemovedNodeForgetsItsLeader(t *testing.T) {
	s := newSolo(t, foundation(3))
	s.hear(2, &Append{Term: 1, PrevIndex: 1, PrevTerm: 1, Commit: 2, Entries: []Entry{membershipEntry(2, 1, Membership{Members: membersOf(2, 3)})}})
	require.Equal(t, ID(2), s.Leader())
	require.Empty(t, s.poll())
	require.Zero(t, s.Leader())
}

// Who was removed is a stranger once that is committed, and not before: until then its membership may come back. The shell is told at that moment, else it
// would go on letting the removed node in.
func TestARemovedNodeIsAStrangerOnceThatIsCommitted(t *testing.T) {
	s := newSolo(t, foundation(3))
	s.hear(2, &Append{Term: 1, PrevIndex: 1, PrevTerm: 1, Commit: 1, Entries: []Entry{membershipEntry(2, 1, Membership{Members: membersOf(1, 2)})}})
	require.True(t, has(s.Known(), 3, 3))
	s.hear(2, &Append{Term: 1, PrevIndex: 2, PrevTerm: 1, Commit: 2})
	require.True(t, s.output.Membership)
	require.False(t, has(s.Known(), 3, 3))
}

// §4.2.2: one whose removal is not committed may be the only one that has it. It stands for election, without counting itself, because the
// others may need its vote and have shorter logs.
func TestPaper422RemovedAndStillNeeded(t *testing.T) {
	stored := withLog(2, 1)
	stored.Entries[0] = membershipEntry(2, 1, Membership{Members: membersOf(2), Former: membersOf(1, 2)})
	stored.Entries = append(stored.Entries, membershipEntry(3, 1, Membership{Members: membersOf(2)}))
	s := newSolo(t, stored)
	require.Len(t, only[*PreVote](s.poll(), 2), 1)
	require.Equal(t, PreCandidate, s.Role(), "its own vote is none")
	s.hear(2, &PreVoteReply{Term: 1, Attempt: s.attempt, Granted: true})
	s.saved()
	s.hear(2, &VoteReply{Term: 2, Granted: true})
	require.Equal(t, Leader, s.Role())
}

// §4.3: an entry is committed when a majority of both halves has it.
func TestPaper43CommitNeedsBothHalves(t *testing.T) {
	s := jointly(t)
	last, before := s.log.last(), s.committed()
	s.appended(2, last)
	s.appended(3, last)
	require.Equal(t, before, s.committed(), "all of the old voters, and one of two new ones")
	s.appended(4, last)
	require.Equal(t, last, s.committed())
	require.Equal(t, Membership{Members: membersOf(1, 4)}, s.Status().Membership, "and the leader leaves the joint membership by itself")
	require.Len(t, s.lead.peers, 1)

	s = jointly(t)
	s.appended(4, last)
	require.Equal(t, before, s.committed(), "all of the new voters, and one of three old ones")
}

// §4.3: a read waits for both.
func TestPaper43ReadNeedsBothHalves(t *testing.T) {
	s := jointly(t)
	s.read(7)
	s.confirm(2, 1)
	s.confirm(3, 1)
	require.Empty(t, s.output.Reads)
	s.confirm(4, 1)
	require.Equal(t, []Read{{ID: 7, Index: 3}}, s.output.Reads)
}

// §4.3: a leader that hears one half only does not stay.
func TestPaper43QuorumCheckNeedsBothHalves(t *testing.T) {
	for half, heard := range map[string][]ID{"old": {2, 3}, "new": {4}} {
		s := jointly(t)
		for range 6 {
			for _, id := range heard {
				s.appended(id, 1)
			}
			s.wait(testTimeout / 5)
		}
		require.Equal(t, Follower, s.Role(), "hearing the %s voters", half)
	}
}

// §4.3: an election, and its trial run, are won with a majority of both, and lost as soon as one of them can't be had.
func TestPaper43ElectionNeedsBothHalves(t *testing.T) {
	stored := withLog(3, 1)
	stored.Entries[0] = membershipEntry(2, 1, Membership{Members: membersOf(1, 4, 5), Former: membersOf(1, 2, 3)})
	s := newSolo(t, stored)
	s.poll()
	grant := func(id ID) { s.hear(id, &PreVoteReply{Term: 1, Attempt: s.attempt, Granted: true}) }
	grant(2)
	grant(3)
	require.Equal(t, PreCandidate, s.Role())
	grant(4)
	require.Equal(t, Candidate, s.Role())
	s.saved()
	s.hear(5, &VoteReply{Term: 2, Granted: true})
	s.hear(4, &VoteReply{Term: 2, Granted: true})
	require.Equal(t, Candidate, s.Role())
	s.hear(2, &VoteReply{Term: 2})
	require.Equal(t, Candidate, s.Role())
	s.hear(3, &VoteReply{Term: 2})
	require.Equal(t, Follower, s.Role(), "two of three old voters refused")
}

// §4.3: whoever is elected while the membership is joint ends that, once it has committed something.
func TestPaper43ASuccessorConcludes(t *testing.T) {
	stored := withLog(3, 1)
	stored.Entries[0] = membershipEntry(2, 1, Membership{Members: membersOf(1, 2), Former: membersOf(1, 2, 3)})
	s := newSolo(t, stored)
	s.takeLead()
	s.refusesChange(Change{Add: membersOf(4)}, ErrNoCommitYet)
	s.answerAll(2)
	s.saved()
	require.Equal(t, Membership{Members: membersOf(1, 2)}, s.Status().Membership)
}

// An answer that a node gave before it was removed is not heard after a node of its ID was added with another disk.
func TestAnswersOfAnEarlierIncarnationDoNotCount(t *testing.T) {
	s := established(t, 3)
	s.change(Change{Remove: []ID{3}})
	s.answerAll(2, 3)
	s.saved()
	s.answerAll(2)
	s.change(Change{Add: []Member{{ID: 3, Incarnation: 33}}})
	s.answerAll(2)
	s.answerAll(3) // as 3, not as 33
	require.Equal(t, Index(0), s.lead.peer(3).match)
	require.Len(t, s.Status().Membership.Learners, 1)
	s.step(Receive{Envelope{From: 3, To: 1, Incarnation: 33, Message: &Appended{Term: s.Term(), Match: s.log.last()}}})
	require.Equal(t, s.log.last()-1, s.lead.peer(3).match)
	require.Empty(t, s.Status().Membership.Learners)
}

// A node whose disk is another one than the membership names does not stand under its number.
func TestAnotherDiskIsAnotherNode(t *testing.T) {
	s := newSolo(t, foundation(3), func(c *Config) { c.Incarnation = 77 })
	require.Empty(t, s.poll())
}

// §5: a snapshot says who belonged to the cluster at its index, jointly or not, and nothing of what came later.
func TestPaper5SnapshotsHoldTheMembershipOfTheirIndex(t *testing.T) {
	s := jointly(t)
	last := s.log.last()
	require.Equal(t, Membership{Members: membersOf(1, 2, 3), Learners: membersOf(4)}, s.SnapshotAt(last-1).Membership)
	s.appended(2, last)
	s.appended(4, last)
	s.saved()
	joint := Membership{Members: membersOf(1, 4), Former: membersOf(1, 2, 3)}
	snapshot := s.SnapshotAt(last)
	require.Equal(t, joint, snapshot.Membership)
	s.step(Snapshotted{snapshot})
	s.durable.Snapshot, s.durable.Entries = snapshot, s.durable.Entries[len(s.durable.Entries)-1:]
	s.powerLoss()
	require.Equal(t, membersOf(1, 4), s.Status().Membership.Members)
	require.Equal(t, joint, s.membershipAt(last))
}

// A learner that waits in vain for a round costs its leader nothing but heartbeats.
func TestASilentLearnerHoldsNothingUp(t *testing.T) {
	s := established(t, 1)
	s.change(Change{Add: membersOf(2)})
	for range 20 {
		s.wait(testTimeout)
		s.propose("x")
		s.saved()
	}
	require.Equal(t, s.log.last(), s.committed())
	require.False(t, s.Followers()[0].Active)
	require.Equal(t, 1, s.lead.peer(2).study.round)
}
