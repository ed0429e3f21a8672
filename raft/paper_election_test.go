package raft

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The rules of the Raft paper and of the thesis about terms and elections, section by section.

// §5.1: whoever sees a higher term takes it over, and is a follower from then on.
func TestPaper51HigherTermMakesAFollower(t *testing.T) {
	roles := map[Role]func(*solo){
		Follower:     func(*solo) {},
		PreCandidate: func(s *solo) { s.poll() },
		Candidate:    func(s *solo) { s.campaign() },
		Leader:       func(s *solo) { s.takeLead() },
	}
	messages := []Message{
		&PreVoteReply{Term: 9}, &Vote{Term: 9, Transfer: true}, &VoteReply{Term: 9}, &Append{Term: 9}, &Appended{Term: 9},
		&Mismatch{Term: 9}, &Lost{Term: 9}, &Chunk{Term: 9}, &ChunkReceived{Term: 9}, &StaleTerm{Term: 9}, &TimeoutNow{Term: 9},
	}
	for role, become := range roles {
		for _, m := range messages {
			s := newSolo(t, foundation(3))
			become(s)
			require.Equal(t, role, s.Role())
			s.hear(2, m)
			require.Equal(t, Follower, s.Role(), "a %v that hears %T", role, m)
			require.Equal(t, Term(9), s.Term(), "a %v that hears %T", role, m)
			s.saved()
			require.Equal(t, Term(9), s.durable.Term)
		}
	}
}

// §5.1: a request of an old term is refused, so that its sender learns better. An old answer says nothing.
func TestPaper51OldTerms(t *testing.T) {
	for _, c := range []struct {
		heard  Message
		answer Message
	}{
		{&Vote{Term: 4, LastIndex: 99, LastTerm: 4}, &VoteReply{Term: 5}},
		{&Append{Term: 4, PrevIndex: 1, PrevTerm: 1, Commit: 2, Entries: entriesOf(2, 4)}, &StaleTerm{Term: 5}},
		{&Chunk{Term: 4, Index: 9, IndexTerm: 4}, &StaleTerm{Term: 5}},
		{&VoteReply{Term: 4, Granted: true}, nil},
		{&Appended{Term: 4, Match: 2}, nil},
		{&Mismatch{Term: 4}, nil},
		{&Lost{Term: 4}, nil},
		{&ChunkReceived{Term: 4}, nil},
		{&TimeoutNow{Term: 4}, nil},
		{&StaleTerm{Term: 4}, nil},
	} {
		s := newSolo(t, withLog(3, 1, 5)).rested()
		before := s.Status()
		sent := s.hear(2, c.heard)
		require.Equal(t, before, s.Status(), "%T", c.heard)
		if c.answer == nil {
			require.Empty(t, sent, "%T", c.heard)
		} else {
			require.Equal(t, []Envelope{{From: 1, To: 2, Incarnation: 1, Message: c.answer}}, sent)
		}
	}
}

// What a node answers that is no longer, or not yet, in the cluster counts for nothing: not even its term does.
func TestAnswersOfStrangersAreNotHeard(t *testing.T) {
	for _, answer := range []Message{
		&PreVoteReply{Term: 9}, &VoteReply{Term: 9}, &Appended{Term: 9}, &Mismatch{Term: 9}, &ChunkReceived{Term: 9}, &StaleTerm{Term: 9},
	} {
		s := newSolo(t, foundation(3))
		require.Empty(t, s.hear(4, answer))
		require.Equal(t, Term(1), s.Term(), "%T", answer)
	}
}

// §5.2: a candidate's own vote is a promise like any other: it is on disk before it counts, and before anyone is asked.
func TestPaper52OwnVoteIsDurableFirst(t *testing.T) {
	s := newSolo(t, foundation(3))
	s.poll()
	require.Empty(t, s.hear(2, &PreVoteReply{Term: 1, Attempt: 1, Granted: true}))
	require.Equal(t, Candidate, s.Role())
	require.Equal(t, Record{Sequence: 1, Term: 2, Vote: 1, Entries: nil}, s.writing[0])
	sent := s.saved()
	require.Equal(t, &Vote{Term: 2, LastIndex: 1, LastTerm: 1}, one[*Vote](t, sent, 2))
	require.Equal(t, &Vote{Term: 2, LastIndex: 1, LastTerm: 1}, one[*Vote](t, sent, 3))
	require.Equal(t, Candidate, s.Role(), "one vote of three")
}

// §5.2: a majority of all members elects, answers count by voter, and a lost election is known as soon as it is lost.
func TestPaper52Elections(t *testing.T) {
	type answer struct {
		from    ID
		granted bool
	}
	for _, c := range []struct {
		name    string
		size    int
		answers []answer
		role    Role
	}{
		{"no answer", 3, nil, Candidate},
		{"two of three", 3, []answer{{2, true}}, Leader},
		{"one refusal of three", 3, []answer{{2, false}}, Candidate},
		{"two refusals of three", 3, []answer{{2, false}, {3, false}}, Follower},
		{"two of four", 4, []answer{{2, true}}, Candidate},
		{"three of four", 4, []answer{{2, true}, {3, true}}, Leader},
		{"split, two of four", 4, []answer{{2, true}, {3, false}, {4, false}}, Follower},
		{"two of five", 5, []answer{{2, true}}, Candidate},
		{"one voter says it twice", 5, []answer{{2, true}, {2, true}}, Candidate},
		{"one voter refuses twice", 3, []answer{{2, false}, {2, false}}, Candidate},
		{"a voter who changes its mind", 3, []answer{{2, false}, {2, true}}, Candidate},
		{"three of five", 5, []answer{{2, true}, {5, true}}, Leader},
		{"three refusals of five", 5, []answer{{2, true}, {3, false}, {4, false}, {5, false}}, Follower},
	} {
		s := newSolo(t, foundation(c.size))
		s.campaign()
		for _, a := range c.answers {
			s.hear(a.from, &VoteReply{Term: 2, Granted: a.granted})
		}
		require.Equal(t, c.role, s.Role(), c.name)
	}
}

// §5.2: at most one vote in a term, first come, first served, and the same one when the request is repeated.
func TestPaper52OneVoteInATerm(t *testing.T) {
	s := newSolo(t, foundation(3))
	require.Empty(t, s.hear(2, &Vote{Term: 2, LastIndex: 1, LastTerm: 1}), "the vote is not durable")
	require.Equal(t, &VoteReply{Term: 2, Granted: true}, one[*VoteReply](t, s.saved(), 2))
	require.Equal(t, &VoteReply{Term: 2}, one[*VoteReply](t, s.hear(3, &Vote{Term: 2, LastIndex: 1, LastTerm: 1}), 3))
	require.Equal(t, &VoteReply{Term: 2, Granted: true}, one[*VoteReply](t, s.hear(2, &Vote{Term: 2, LastIndex: 1, LastTerm: 1}), 2))
	require.Empty(t, s.writing, "nothing new was promised")

	s.powerLoss()
	s.rested()
	require.Equal(t, &VoteReply{Term: 2}, one[*VoteReply](t, s.hear(3, &Vote{Term: 2, LastIndex: 1, LastTerm: 1}), 3))
}

// §5.2: the term may be on disk already when the vote is given. The vote is a promise of its own: told before it is
// durable, it could be given a second time after a power loss, to another candidate of that term.
func TestPaper52VoteInATermThatIsAlreadyDurable(t *testing.T) {
	s := newSolo(t, withLog(3, 1))
	s.hear(2, &Vote{Term: 2, LastIndex: 1, LastTerm: 1})
	require.Equal(t, &VoteReply{Term: 2}, one[*VoteReply](t, s.saved(), 2), "its log is too short")

	require.Empty(t, s.hear(3, &Vote{Term: 2, LastIndex: 2, LastTerm: 1}), "the vote is not durable")
	require.Len(t, s.writing, 1)
	require.Equal(t, ID(3), s.writing[0].Vote)
	require.True(t, one[*VoteReply](t, s.saved(), 3).Granted)

	s.powerLoss()
	s.rested()
	require.False(t, one[*VoteReply](t, s.hear(2, &Vote{Term: 2, LastIndex: 9, LastTerm: 1}), 2).Granted)
}

// §5.2: whoever gives its vote gives its candidate time; one that is refused gets none.
func TestPaper52VotersArePatient(t *testing.T) {
	s := newSolo(t, withLog(3, 1, 2)).rested()
	s.hear(2, &StaleTerm{Term: 3})
	s.clock += testTimeout / 2
	before := s.Deadline()
	s.hear(2, &Vote{Term: 3, LastIndex: 2, LastTerm: 1})
	require.Equal(t, before, s.Deadline())
	s.hear(3, &Vote{Term: 3, LastIndex: 3, LastTerm: 2})
	require.GreaterOrEqual(t, s.Deadline(), s.clock+testTimeout)
}

// §5.2: who knows the leader of a term has no use for a candidate of the same term, even with a vote left.
func TestPaper52NoVoteOnceTheTermHasALeader(t *testing.T) {
	s := newSolo(t, foundation(3))
	s.hear(2, &Append{Term: 2, PrevIndex: 1, PrevTerm: 1})
	s.saved()
	s.clock += testTimeout
	require.False(t, one[*VoteReply](t, s.hear(3, &Vote{Term: 2, LastIndex: 1, LastTerm: 1}), 3).Granted)
	require.Zero(t, s.Status().Vote)
}

// A promise that is lost with the power was never told, so it may be given to somebody else.
func TestVoteLostWithThePowerWasNeverTold(t *testing.T) {
	s := newSolo(t, foundation(3))
	require.Empty(t, s.hear(2, &Vote{Term: 2, LastIndex: 1, LastTerm: 1}))
	s.powerLoss()
	s.hear(3, &Vote{Term: 2, LastIndex: 1, LastTerm: 1})
	require.True(t, one[*VoteReply](t, s.saved(), 3).Granted)
}

// An answer that waits for the disk belongs to its term. Released later, it would speak for a term that this
// member has left, as a candidate with a log that may have changed since.
func TestHeldAnswersOfAnEarlierTermAreDropped(t *testing.T) {
	s := newSolo(t, foundation(3))
	require.Empty(t, s.hear(2, &Vote{Term: 2, LastIndex: 1, LastTerm: 1}))
	require.Empty(t, s.hear(2, &Append{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entriesOf(2, 2)}))
	require.Empty(t, s.hear(3, &Append{Term: 3, PrevIndex: 1, PrevTerm: 1, Entries: entriesOf(2, 3)}))
	sent := s.saved()
	require.Len(t, sent, 1)
	require.Equal(t, &Appended{Term: 3, Match: 2}, one[*Appended](t, sent, 3))
}

// §5.2: a candidate gives way to the leader of its term, and a pre-candidate to the leader that it missed.
func TestPaper52CandidatesGiveWayToALeader(t *testing.T) {
	s := newSolo(t, foundation(3))
	s.poll()
	s.hear(2, &Append{Term: 1, PrevIndex: 1, PrevTerm: 1})
	require.Equal(t, Follower, s.Role())
	require.Equal(t, ID(2), s.Leader())

	s = newSolo(t, foundation(3))
	s.campaign()
	s.hear(3, &Append{Term: 2, PrevIndex: 1, PrevTerm: 1})
	require.Equal(t, Follower, s.Role())
	require.Equal(t, ID(3), s.Leader())
	require.Equal(t, ID(1), s.Status().Vote, "its vote stays what it was")
}

// §5.2: every campaign draws its patience afresh, between one and two election timeouts.
func TestPaper52PatienceIsDrawnAfresh(t *testing.T) {
	s := newSolo(t, foundation(3))
	seen := map[time.Duration]bool{}
	for range 50 {
		s.campaign()
		seen[s.patience] = true
		require.GreaterOrEqual(t, s.patience, testTimeout)
		require.Less(t, s.patience, 2*testTimeout)
	}
	require.Greater(t, len(seen), 45)

	s = newSolo(t, foundation(3))
	s.poll()
	trial := s.patience
	s.hear(2, &PreVoteReply{Term: 1, Attempt: 1, Granted: true})
	require.Equal(t, Candidate, s.Role())
	require.NotEqual(t, trial, s.patience, "the election after the poll")

	s, seen = newSolo(t, foundation(3)), map[time.Duration]bool{}
	for range 50 {
		s.poll()
		seen[s.patience] = true
	}
	require.Greater(t, len(seen), 45, "polls that nobody answers")
}

// A Timeout that comes too early does nothing, and a follower's patience begins anew with each word of its leader.
func TestTimeoutsAreHarmless(t *testing.T) {
	s := newSolo(t, foundation(3))
	for range 20 {
		require.Empty(t, s.wait(testTimeout/2))
		s.hear(2, &Append{Term: 2, PrevIndex: 1, PrevTerm: 1})
		s.saved()
	}
	require.Equal(t, Follower, s.Role())
	require.NotEmpty(t, s.poll())
	require.Equal(t, PreCandidate, s.Role())
}

// §5.4.1: a vote is only for a candidate whose log is at least as up to date: first the last term, then the length.
func TestPaper541VoteRestriction(t *testing.T) {
	for _, c := range []struct {
		index Index
		term  Term
		votes bool
	}{
		{4, 3, true}, {5, 3, true}, {3, 3, false}, {9, 2, false}, {2, 4, true}, {4, 2, false}, {1, 4, true},
	} {
		s := newSolo(t, withLog(3, 1, 2, 3)).rested() // ends at index 4 in term 3
		preVote := one[*PreVoteReply](t, s.hear(2, &PreVote{Term: 5, LastIndex: c.index, LastTerm: c.term, Attempt: 7}), 2)
		require.Equal(t, &PreVoteReply{Term: 3, Attempt: 7, Granted: c.votes}, preVote, "%+v", c)
		s.hear(2, &Vote{Term: 6, LastIndex: c.index, LastTerm: c.term})
		require.Equal(t, &VoteReply{Term: 6, Granted: c.votes}, one[*VoteReply](t, s.saved(), 2), "%+v", c)
	}
}

// Thesis §9.6: a poll changes nothing, at the one who asks or the one who answers.
func TestPaper96PollChangesNothing(t *testing.T) {
	s := newSolo(t, foundation(3))
	sent := s.poll()
	require.Equal(t, &PreVote{Term: 1, LastIndex: 1, LastTerm: 1, Attempt: 1}, one[*PreVote](t, sent, 2))
	require.Equal(t, Term(1), s.Term())
	require.Empty(t, s.writing)

	s = newSolo(t, foundation(3))
	deadline := s.Deadline()
	require.True(t, one[*PreVoteReply](t, s.hear(2, &PreVote{Term: 8, LastIndex: 1, LastTerm: 1}), 2).Granted)
	require.Equal(t, Term(1), s.Term())
	require.Equal(t, deadline, s.Deadline())
	require.Empty(t, s.writing)
	require.True(t, one[*PreVoteReply](t, s.hear(3, &PreVote{Term: 8, LastIndex: 1, LastTerm: 1}), 3).Granted, "and to anybody")
}

// Thesis §9.6: a poll is refused in an older term, and its answers are dated by their attempt: a grant from before a
// leader was heard must not start an election after it.
func TestPaper96AnswersBelongToTheirPoll(t *testing.T) {
	s := newSolo(t, withLog(3, 1, 3))
	require.Equal(t, &PreVoteReply{Term: 3, Attempt: 4}, one[*PreVoteReply](t, s.hear(2, &PreVote{Term: 2, LastIndex: 9, LastTerm: 3, Attempt: 4}), 2))

	s.poll()
	s.hear(3, &Append{Term: 3, PrevIndex: 1, PrevTerm: 1})
	s.saved()
	s.poll()
	s.hear(2, &PreVoteReply{Term: 3, Attempt: 1, Granted: true})
	require.Equal(t, PreCandidate, s.Role())
	s.hear(2, &PreVoteReply{Term: 2, Attempt: 2, Granted: true})
	require.Equal(t, Candidate, s.Role(), "a voter may be behind in its term")
}

// A leader whose connection was closed is probably gone: its followers ask soon, and go on patiently if it speaks again.
func TestAClosedConnectionMakesImpatient(t *testing.T) {
	s := newSolo(t, foundation(3))
	s.hear(2, &Append{Term: 2, PrevIndex: 1, PrevTerm: 1})
	s.saved()
	s.step(Closed{3})
	require.GreaterOrEqual(t, s.Deadline()-s.clock, testTimeout, "3 does not lead")
	s.step(Closed{2})
	require.Less(t, s.Deadline()-s.clock, 2*testTimeout/5)
	require.True(t, one[*PreVoteReply](t, s.hear(3, &PreVote{Term: 2, LastIndex: 1, LastTerm: 1}), 3).Granted, "it protects nobody")
	s.hear(2, &Append{Term: 2, PrevIndex: 1, PrevTerm: 1})
	require.GreaterOrEqual(t, s.Deadline()-s.clock, testTimeout, "the leader speaks again")
	require.False(t, one[*PreVoteReply](t, s.hear(3, &PreVote{Term: 2, LastIndex: 1, LastTerm: 1}), 3).Granted)

	s.step(Closed{2})
	sent := s.wait(2 * testTimeout / 5)
	require.Equal(t, PreCandidate, s.Role(), "it only asks: a leader that lives is not disturbed")
	require.Len(t, sent, 2)
	s.takeLead()
	s.step(Closed{2})
	require.Equal(t, Leader, s.Role())
}

// §6, thesis §4.2.3: who hears from a leader does not listen to candidates, not even to their term.
func TestPaper423Stickiness(t *testing.T) {
	vote := &Vote{Term: 9, LastIndex: 9, LastTerm: 8}
	poll := &PreVote{Term: 8, LastIndex: 9, LastTerm: 8}
	s := newSolo(t, foundation(3))
	s.hear(2, &Append{Term: 2, PrevIndex: 1, PrevTerm: 1})
	s.saved()
	s.clock += testTimeout - 1
	require.Empty(t, s.hear(3, vote))
	require.False(t, one[*PreVoteReply](t, s.hear(3, poll), 3).Granted)
	require.Equal(t, Term(2), s.Term())
	s.clock++
	require.True(t, one[*PreVoteReply](t, s.hear(3, poll), 3).Granted)
	s.hear(3, vote)
	require.True(t, one[*VoteReply](t, s.saved(), 3).Granted)

	s = newSolo(t, foundation(3))
	s.takeLead()
	require.Empty(t, only[*VoteReply](s.hear(3, vote), 3), "a leader has a leader")
	require.False(t, one[*PreVoteReply](t, s.hear(3, poll), 3).Granted)
	require.Equal(t, Leader, s.Role())

	s = newSolo(t, foundation(3))
	s.hear(2, &Append{Term: 2, PrevIndex: 1, PrevTerm: 1})
	s.saved()
	s.hear(3, &Vote{Term: 9, LastIndex: 9, LastTerm: 8, Transfer: true})
	require.True(t, one[*VoteReply](t, s.saved(), 3).Granted, "the leader itself asked for this election")
}

// Thesis §6.2: a leader that a majority has not answered for an election timeout steps down; one follower of two is enough.
func TestPaper62QuorumCheck(t *testing.T) {
	s := newSolo(t, foundation(3))
	s.takeLead()
	for range 20 {
		s.wait(s.config.Heartbeat)
		s.appended(3, 2)
	}
	require.Equal(t, Leader, s.Role())
	for last := s.clock; s.clock < last+testTimeout; s.wait(s.config.Heartbeat) {
		require.Equal(t, Leader, s.Role())
	}
	require.Equal(t, Follower, s.Role())
	require.Equal(t, Term(2), s.Term(), "no new term")
	require.Zero(t, s.Leader())
	require.GreaterOrEqual(t, s.Deadline(), s.clock+testTimeout, "and waits as long as anybody before it campaigns")
}

// Thesis §6.2: of five, the leader and one more are no majority.
func TestPaper62QuorumCheckOfFive(t *testing.T) {
	s := newSolo(t, foundation(5))
	s.takeLead()
	for range 5 {
		require.Equal(t, Leader, s.Role())
		s.wait(s.config.Heartbeat)
		s.appended(2, 2)
	}
	require.Equal(t, Follower, s.Role())
}
