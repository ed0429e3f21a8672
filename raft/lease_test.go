package raft

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Thesis §6.4.1, and what must not get around a promise. A drift of 50,000 in a million lets a leader count 90.476 ms of 100.

const testLease = testTimeout * 95 / 105

// lease asks for a read by lease.
func (s *solo) lease(id uint64) []Envelope {
	require.NoError(s.t, s.Read(s.clock, id, ByLease))
	return s.drain()
}

// promise is a follower's answer to the Lease that was sent then.
func (s *solo) promise(from ID, sent time.Duration) []Envelope {
	return s.hear(from, &LeaseReply{Term: s.Term(), Sent: sent})
}

// leasing is a leader of three that has asked for a lease, for a read that went by a round. It returns when that was.
func leasing(t testing.TB) (s *solo, sent time.Duration) {
	s = established(t, 3)
	asked := s.lease(1)
	require.Equal(t, s.clock, one[*Lease](t, asked, 2).Sent)
	require.Equal(t, s.clock, one[*Lease](t, asked, 3).Sent)
	require.Empty(t, s.output.Reads, "nobody has promised anything yet")
	return s, s.clock
}

func TestPaper641ReadByLeaseWaitsForNobody(t *testing.T) {
	s, sent := leasing(t)
	s.promise(2, sent)
	require.Empty(t, s.lease(2), "no message")
	require.Equal(t, []Read{{ID: 2, Index: 2}}, s.output.Reads)
	s.confirm(2, 1)
	require.Equal(t, []Read{{ID: 1, Index: 2}}, s.output.Reads, "the first went by a round")
	require.NotEmpty(t, only[*Append](s.read(3), 2), "who asks for a round gets one")
}

// The lease counts from the sending of what was answered, and reckons with the drift on both sides.
func TestPaper641LeaseCountsFromItsSending(t *testing.T) {
	s, sent := leasing(t)
	s.clock = sent + testLease - time.Millisecond
	s.promise(2, sent)
	s.lease(2)
	require.Len(t, s.output.Reads, 1)
	s.clock = sent + testLease
	require.Len(t, only[*Append](s.lease(3), 2), 1, "it is over: a round is asked for")
	require.Empty(t, s.output.Reads)
}

// One promise of five is none: a majority must have promised, the leader itself included, and the oldest of those promises counts.
func TestPaper641LeaseIsAMajoritys(t *testing.T) {
	s := established(t, 5)
	s.lease(1)
	first := s.clock
	s.promise(2, first)
	s.lease(2)
	require.Empty(t, s.output.Reads)
	s.clock += testTimeout / 2
	s.promise(3, s.clock)
	s.lease(3)
	require.Equal(t, []Read{{ID: 3, Index: 2}}, s.output.Reads)
	s.clock = first + testLease
	s.lease(4)
	require.Empty(t, s.output.Reads, "two of them are left, the leader and one follower")
	s.promise(2, first-1)
	s.promise(3, first)
	s.promise(4, s.clock)
	s.lease(5)
	require.Len(t, s.output.Reads, 1, "older answers that come late take nothing back")
}

// §8: a lease says that nobody else commits, and nothing of what was committed before.
func TestPaper8NoReadByLeaseBeforeTheTermsFirstCommit(t *testing.T) {
	s := newSolo(t, withLog(3, 1, 1))
	s.takeLead()
	s.lease(1)
	s.promise(2, s.clock)
	s.lease(2)
	require.Empty(t, s.output.Reads)
}

// Promises are asked for with each heartbeat, while reads by lease are asked for, and not much longer.
func TestPromisesAreAskedForWhileTheyAreUsed(t *testing.T) {
	s := established(t, 3)
	require.Empty(t, only[*Lease](s.wait(s.config.Heartbeat), 2), "nobody needs them")
	s.lease(1)
	began := s.clock
	for s.clock < began+leaseIdle*testTimeout-s.config.Heartbeat {
		require.Len(t, only[*Lease](s.wait(s.config.Heartbeat), 2), 1)
		s.appended(2, 2)
	}
	require.Empty(t, only[*Lease](s.wait(s.config.Heartbeat), 2))
}

// Thesis §3.10: who is told to campaign is elected at once. The message may arrive at any time: also when the transfer was given up.
func TestATransferEndsTheLeaseForGood(t *testing.T) {
	s, sent := leasing(t)
	s.promise(2, sent)
	require.NoError(t, s.Transfer(s.clock, 3))
	sentNow := s.drain()
	require.Len(t, only[*TimeoutNow](sentNow, 3), 1)
	s.lease(2)
	require.Empty(t, s.output.Reads)
	for s.Status().Transfer != 0 {
		require.Empty(t, only[*Lease](s.wait(s.config.Heartbeat), 2))
		s.appended(2, 2)
	}
	s.promise(2, s.clock)
	s.lease(3)
	require.Empty(t, s.output.Reads)
	s.confirm(2, s.lead.round)
	require.Len(t, s.output.Reads, 3, "by a round, like the first")
}

// bound is a follower of member 2 that has made its promise.
func bound(t testing.TB) *solo {
	s := following(t)
	answer := one[*LeaseReply](t, s.hear(2, &Lease{Term: 2, Sent: 77}), 2)
	require.Equal(t, &LeaseReply{Term: 2, Sent: 77}, answer)
	return s
}

// elects tells whether the member would vote for member 3, and does.
func (s *solo) elects() bool {
	s.t.Helper()
	polled := one[*PreVoteReply](s.t, s.hear(3, &PreVote{Term: s.Term(), LastIndex: 9, LastTerm: s.Term()}), 3).Granted
	s.hear(3, &Vote{Term: s.Term() + 1, LastIndex: 9, LastTerm: s.Term()})
	voted := len(only[*VoteReply](s.saved(), 3)) > 0
	require.Equal(s.t, polled, voted)
	return voted
}

// A connection that breaks is a hint, and a promise is a promise. Without one, the hint is acted upon at once.
func TestAPromiseOutlivesTheHint(t *testing.T) {
	s := following(t)
	s.step(Closed{Member: 2})
	require.Less(t, s.Deadline(), s.clock+2*s.config.Heartbeat)
	require.True(t, s.elects(), "it promised nothing")

	s = bound(t)
	promised := s.clock
	s.clock += testTimeout / 2
	s.step(Closed{Member: 2})
	require.GreaterOrEqual(t, s.Deadline(), promised+testTimeout)
	require.Less(t, s.Deadline(), promised+testTimeout+2*s.config.Heartbeat, "then it is acted upon")
	s.clock = promised + testTimeout - 1
	require.False(t, s.elects())
	s.clock++
	require.True(t, s.elects())
}

// The promise is not to oppose the leader's own wish.
func TestAPromiseBindsNobodyWhomTheLeaderAsks(t *testing.T) {
	s := bound(t)
	s.hear(3, &Vote{Term: 3, LastIndex: 9, LastTerm: 2, Transfer: true})
	require.True(t, one[*VoteReply](t, s.saved(), 3).Granted)
	s = bound(t)
	s.hear(2, &TimeoutNow{Term: 2})
	require.Equal(t, Candidate, s.Role())
}

// What a member has promised it may have forgotten when it comes back. Where nobody ever led, nobody was promised anything.
func TestARestartedVoterWithholdsItsVote(t *testing.T) {
	require.True(t, newSolo(t, foundation(3)).elects())
	s := bound(t)
	s.powerLoss()
	restarted := s.clock
	require.GreaterOrEqual(t, s.Deadline(), restarted+testTimeout, "nor does it campaign")
	s.clock = restarted + testTimeout - 1
	require.False(t, s.elects())
	s.clock++
	require.True(t, s.elects())
}

// The leader of the day sets it free, if it relies on no promise: it is asked at once. What it said to the former self does not count.
func TestARestartedVoterAsksWhatItHasPromised(t *testing.T) {
	s := following(t)
	former := s.asks(1)
	s.powerLoss()
	ask := one[*ReadIndex](t, s.lead2(2, 2), 2).Ask
	s.told(former, 2)
	s.hear(2, &ReadIndexReply{Term: 2, Ask: ask, Index: 2, Leased: true})
	s.step(Closed{Member: 2})
	require.False(t, s.elects())

	s = following(t)
	s.powerLoss()
	ask = one[*ReadIndex](t, s.lead2(2, 2), 2).Ask
	require.Empty(t, only[*ReadIndex](s.wait(s.config.Heartbeat-1), 2))
	require.Len(t, only[*ReadIndex](s.wait(1), 2), 1, "messages are lost")
	s.told(ask, 2)
	require.Empty(t, only[*ReadIndex](s.wait(s.config.Heartbeat), 2))
	s.step(Closed{Member: 2})
	require.True(t, s.elects())

	s = following(t)
	s.powerLoss()
	ask = one[*ReadIndex](t, s.lead2(2, 2), 2).Ask
	s.hear(2, &Lease{Term: 2})
	s.told(ask, 2)
	s.step(Closed{Member: 2})
	require.False(t, s.elects(), "what it has promised since then holds")
}

// The leader says whether any promise may still count that it asked for.
func TestALeaderSaysWhetherItReliesOnPromises(t *testing.T) {
	s := established(t, 3)
	answer := func() bool {
		s.hear(3, &ReadIndex{Term: 2, Ask: 1})
		return one[*ReadIndexReply](t, s.confirm(2, s.lead.round), 3).Leased
	}
	require.False(t, answer())
	s.lease(1)
	require.True(t, answer())
	s.lead.leaseUntil = s.clock
	s.clock += testLease - 1
	require.True(t, answer())
	s.clock++
	require.False(t, answer())
}

// A promise is told of when the term is durable: it is by the term that a restarted member knows what it may have promised.
func TestAPromiseIsToldWhenTheTermIsDurable(t *testing.T) {
	s := newSolo(t, foundation(3))
	require.Empty(t, only[*LeaseReply](s.hear(2, &Lease{Term: 2}), 2))
	s.saved()
	require.Len(t, only[*LeaseReply](s.hear(2, &Lease{Term: 2}), 2), 1)
	require.Empty(t, only[*LeaseReply](s.hear(3, &Lease{Term: 1}), 3), "nobody promises anything to a leader of the past")
}

// A follower's ask goes by the leader's lease if all its reads may, and else by a round.
func TestAFollowersReadByLease(t *testing.T) {
	s := following(t)
	require.NoError(t, s.Read(s.clock, 1, ByLease))
	require.True(t, one[*ReadIndex](t, s.drain(), 2).Lease)
	require.NoError(t, s.Read(s.clock, 2, ByRound))
	require.False(t, one[*ReadIndex](t, s.drain(), 2).Lease)

	s, sent := leasing(t)
	s.promise(2, sent)
	require.Equal(t, &ReadIndexReply{Term: 2, Ask: 5, Index: 2, Leased: true, Last: 2}, one[*ReadIndexReply](t, s.hear(3, &ReadIndex{Term: 2, Ask: 5, Lease: true}), 3))
	require.Empty(t, only[*ReadIndexReply](s.hear(3, &ReadIndex{Term: 2, Ask: 6}), 3))
	s.clock += testLease
	require.Empty(t, only[*ReadIndexReply](s.hear(3, &ReadIndex{Term: 2, Ask: 7, Lease: true}), 3), "it falls back to a round")
}
