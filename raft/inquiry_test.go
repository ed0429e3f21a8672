package raft

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Thesis §6.4: "followers can help offload the processing of read-only queries". The leader is member 2 in what follows, and the
// follower is member 1, unless it is said otherwise.

// following is a follower that has heard from its leader, and knows that everything up to entry 2 is committed.
func following(t testing.TB) *solo {
	s := newSolo(t, foundation(3))
	s.lead2(2, 2)
	s.saved()
	require.Equal(t, Index(2), s.committed())
	return s
}

// lead2 is member 2's first Append as the leader of a term, whose log ends with entry 2.
func (s *solo) lead2(term Term, commit Index) []Envelope {
	return s.hear(2, &Append{Term: term, PrevIndex: 1, PrevTerm: 1, Commit: commit, Entries: entriesOf(2, 2)})
}

// asks reads at the follower, and returns the number under which it asks its leader.
func (s *solo) asks(id uint64) uint64 { return one[*ReadIndex](s.t, s.read(id), 2).Ask }

func (s *solo) told(ask uint64, index Index) {
	s.hear(2, &ReadIndexReply{Term: s.Term(), Ask: ask, Index: index})
}

func TestPaper64FollowerAsksItsLeader(t *testing.T) {
	s := following(t)
	for id := range uint64(3) {
		require.NoError(t, s.Read(s.clock, id, ByRound))
	}
	sent := s.drain()
	require.Len(t, sent, 1, "one message for all reads that wait")
	require.Empty(t, s.drain(), "once")
	s.told(one[*ReadIndex](t, sent, 2).Ask, 2)
	require.Equal(t, []Read{{0, 2}, {1, 2}, {2, 2}}, s.output.Reads)
	s.drain()
	require.Empty(t, s.output.Reads, "once")
}

// The leader may be ahead of what the follower knows to be committed: the read waits for that.
func TestPaper64FollowerServesWhatItHasApplied(t *testing.T) {
	s := following(t)
	s.told(s.asks(7), 4)
	require.Empty(t, s.output.Reads)
	s.hear(2, &Append{Term: 2, PrevIndex: 2, PrevTerm: 2, Commit: 3, Entries: entriesOf(3, 2, 2)})
	require.Empty(t, s.output.Reads, "entry 3 is not entry 4")
	s.hear(2, &Append{Term: 2, PrevIndex: 4, PrevTerm: 2, Commit: 4})
	require.Equal(t, []Read{{ID: 7, Index: 4}}, s.output.Reads)
	require.Len(t, s.output.Commit, 1, "and the entry comes with it")
}

// An answer that was given to an older ask says nothing of what was committed since. Catalogue: etcd-io/raft#397.
func TestAnOlderAskConfirmsNoNewerRead(t *testing.T) {
	s := following(t)
	first, second := s.asks(1), s.asks(2)
	require.Less(t, first, second)
	s.told(first, 2)
	require.Equal(t, []Read{{ID: 1, Index: 2}}, s.output.Reads)
	s.told(first, 2)
	require.Empty(t, s.output.Reads, "and an answer that comes twice as little")
	s.told(second, 2)
	require.Equal(t, []Read{{ID: 2, Index: 2}}, s.output.Reads)
}

// An older ask that came to the leader after a newer one, and was answered first, has the later index. The newer read waits for it too, as it
// is served behind the older one.
func TestAnOlderAskMayBeAnsweredWithALaterIndex(t *testing.T) {
	s := following(t)
	first, second := s.asks(1), s.asks(2)
	s.told(first, 4)
	s.told(second, 3)
	require.Empty(t, s.output.Reads)
	s.hear(2, &Append{Term: 2, PrevIndex: 2, PrevTerm: 2, Commit: 4, Entries: entriesOf(3, 2, 2)})
	require.Equal(t, []Read{{ID: 1, Index: 4}, {ID: 2, Index: 4}}, s.output.Reads)
}

// A newer answer is as good for an older read, which began before that was asked as well.
func TestANewerAskConfirmsOlderReads(t *testing.T) {
	s := following(t)
	first, second := s.asks(1), s.asks(2)
	s.told(second, 3)
	s.told(first, 2)
	require.Empty(t, s.output.Reads, "entry 3 is on its way: an older answer that comes late takes nothing back")
	s.hear(2, &Append{Term: 2, PrevIndex: 2, PrevTerm: 2, Commit: 3, Entries: entriesOf(3, 2)})
	require.Equal(t, []Read{{1, 3}, {2, 3}}, s.output.Reads)
}

// A member that was restarted in the middle of a term begins with another number: an answer to its former self must not confirm what
// began since.
func TestARestartedFollowerTakesNoAnswerOfItsFormerSelf(t *testing.T) {
	s := following(t)
	before := s.asks(1)
	s.powerLoss()
	s.lead2(2, 2)
	after := s.asks(2)
	require.NotEqual(t, before, after)
	s.told(before, 2)
	require.Empty(t, s.output.Reads)
	s.told(after, 2)
	require.Len(t, s.output.Reads, 1)
}

// Messages are lost: after a heartbeat the follower asks again, under a new number, and serves by whichever answer comes.
func TestALostAskIsRepeated(t *testing.T) {
	s := following(t)
	first := s.asks(1)
	due := s.Deadline()
	require.Equal(t, s.clock+s.config.Heartbeat, due, "the shell is told when")
	require.Empty(t, s.wait(s.config.Heartbeat-1))
	second := one[*ReadIndex](t, s.wait(1), 2).Ask
	require.Less(t, first, second)
	s.told(first, 2)
	require.Equal(t, []Read{{ID: 1, Index: 2}}, s.output.Reads)
	require.Greater(t, s.Deadline(), s.clock+s.config.Heartbeat, "nothing is left to be asked")
}

// A leader that can be heard and not reached makes nobody wait for ever, and nothing pile up.
func TestAReadThatIsNotAnsweredIsRefused(t *testing.T) {
	s := following(t)
	s.asks(1)
	began := s.clock
	for len(s.output.Refused) == 0 {
		require.Less(t, s.clock, began+testTimeout)
		s.clock = s.Deadline()
		s.hear(2, &Append{Term: 2, PrevIndex: 2, PrevTerm: 2})
	}
	require.Equal(t, []uint64{1}, s.output.Refused)
	require.Equal(t, began+testTimeout, s.clock)
	s.drain()
	require.Empty(t, s.output.Refused, "once")
}

// So does one that is told of an entry which does not come.
func TestAReadWhoseEntryDoesNotComeIsRefused(t *testing.T) {
	s := following(t)
	s.told(s.asks(1), 9)
	require.Equal(t, s.clock+testTimeout, s.Deadline())
	s.wait(testTimeout)
	require.Equal(t, []uint64{1}, s.output.Refused)
}

func TestReadsAreRefusedWhenTheLeaderIsLost(t *testing.T) {
	s := newSolo(t, foundation(3))
	require.ErrorIs(t, s.Read(s.clock, 1, ByRound), ErrNoLeader, "there was none yet")
	s = following(t)
	s.asks(1)
	s.step(Closed{Member: 2})
	require.Equal(t, []uint64{1}, s.output.Refused)
	require.ErrorIs(t, s.Read(s.clock, 2, ByRound), ErrNoLeader)
}

// The leader of another term is asked anew: what the one before it said then is not listened to.
func TestAnotherLeaderIsAskedAnew(t *testing.T) {
	s := following(t)
	first := s.asks(1)
	sent := s.hear(3, &Append{Term: 3, PrevIndex: 2, PrevTerm: 2, Commit: 2})
	second := one[*ReadIndex](t, sent, 3)
	require.Equal(t, Term(3), second.Term)
	require.Less(t, first, second.Ask)
	s.hear(2, &ReadIndexReply{Term: 2, Ask: second.Ask, Index: 2})
	require.Empty(t, s.output.Reads)
	s.hear(3, &ReadIndexReply{Term: 3, Ask: second.Ask, Index: 2})
	require.Len(t, s.output.Reads, 1)
}

// At the leader, a follower's ask is a read like its own, and they share a round.
func TestPaper64OneRoundForTheReadsOfAll(t *testing.T) {
	s := established(t, 5)
	require.NoError(t, s.Read(s.clock, 7, ByRound))
	s.Step(s.clock, Receive{Envelope{From: 4, To: 1, Message: &ReadIndex{Term: 2, Ask: 40}}})
	s.Step(s.clock, Receive{Envelope{From: 5, To: 1, Message: &ReadIndex{Term: 2, Ask: 50}}})
	require.Len(t, s.drain(), 4, "one message to each follower")
	require.Empty(t, only[*ReadIndexReply](s.confirm(2, 1), 4))
	sent := s.confirm(3, 1)
	require.Equal(t, []Read{{ID: 7, Index: 2}}, s.output.Reads)
	require.Equal(t, &ReadIndexReply{Term: 2, Ask: 40, Index: 2, Last: 2}, one[*ReadIndexReply](t, sent, 4))
	require.Equal(t, &ReadIndexReply{Term: 2, Ask: 50, Index: 2, Last: 2}, one[*ReadIndexReply](t, sent, 5))
}

// An ask is confirmed by a round that began after it had come, and by nobody who was deposed before.
func TestAnAskIsConfirmedByALaterRound(t *testing.T) {
	s := established(t, 3)
	s.read(7)
	require.Empty(t, only[*ReadIndexReply](s.hear(3, &ReadIndex{Term: 2, Ask: 1}), 3))
	require.Empty(t, only[*ReadIndexReply](s.confirm(2, 1), 3), "that was on its way before")
	require.Len(t, only[*ReadIndexReply](s.confirm(2, 2), 3), 1)

	s.hear(3, &ReadIndex{Term: 2, Ask: 2})
	s.hear(2, &StaleTerm{Term: 3})
	require.Empty(t, s.hear(2, &Appended{Term: 2, Round: 3, Match: 2}))
	require.Empty(t, s.hear(3, &ReadIndex{Term: 3, Ask: 3}), "it does not lead any more")
}

// §8 holds for the reads of followers as well.
func TestPaper8NoAnswerBeforeTheTermsFirstCommit(t *testing.T) {
	s := newSolo(t, withLog(3, 1, 1))
	s.takeLead()
	s.hear(3, &ReadIndex{Term: 2, Ask: 1})
	require.Empty(t, only[*ReadIndexReply](s.confirm(2, 1), 3))
	sent := s.hear(2, &Appended{Term: 2, Round: 1, Match: 4})
	require.Equal(t, Index(4), one[*ReadIndexReply](t, sent, 3).Index)
}

// A follower that asks again and again, of a leader that confirms nothing, has its later asks dropped: any message may be lost.
func TestAsksInFlightAreBounded(t *testing.T) {
	s := established(t, 3, func(c *Config) { c.MaxInflight = 4 })
	for ask := range uint64(10) {
		s.hear(3, &ReadIndex{Term: 2, Ask: ask})
	}
	require.Len(t, only[*ReadIndexReply](s.confirm(2, 4), 3), 4)
	s.hear(3, &ReadIndex{Term: 2, Ask: 11})
	require.Len(t, only[*ReadIndexReply](s.confirm(2, 5), 3), 1, "there is room again")
}
