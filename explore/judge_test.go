package explore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/raft"
)

// holding is a member of three with this log on its disk, given by the terms of its entries from index 2 on.
func holding(id raft.ID, terms ...raft.Term) *member {
	disk := founder(id, 3).durable
	for i, term := range terms {
		disk.Entries = append(disk.Entries, raft.Entry{Index: raft.Index(i + 2), Term: term, Kind: raft.KindEmpty})
		disk.Term = term
	}
	return started(id, disk)
}

func chosen(index raft.Index, term, in raft.Term) *history {
	return &history{chosen: []choice{{raft.Entry{Index: index, Term: term, Kind: raft.KindEmpty}, in, of(1, 2, 3)}}}
}

// of is a membership of these voters.
func of(voters ...raft.ID) (m raft.Membership) {
	for _, id := range voters {
		m.Members = append(m.Members, raft.Member{ID: id, Incarnation: 1})
	}
	return m
}

func requireWrong(t *testing.T, invariant Invariant, v *Violation) {
	t.Helper()
	require.NotNil(t, v)
	require.Equal(t, invariant, v.Invariant, v.Message)
}

func TestTwoLeadersOfATerm(t *testing.T) {
	s := newStage(Bounds{Nodes: 3})
	s.elect(t, 1, 2)
	_, wrong := (&history{leaders: []raft.ID{0, 0, 3}}).extended(s.members[0], nil)
	requireWrong(t, Election, wrong)
	h, wrong := (&history{}).extended(s.members[0], nil)
	require.Nil(t, wrong)
	require.Equal(t, raft.ID(1), h.leader(2))
}

func TestLogsThatDoNotMatch(t *testing.T) {
	require.Nil(t, judge([]*member{holding(1, 2, 2, 4), holding(2, 2, 3), holding(3)}, &history{}))
	requireWrong(t, Matching, judge([]*member{holding(1, 2, 4), holding(2, 3, 4), holding(3)}, &history{}))
	other := holding(2, 2)
	other.durable.Entries[0].Data = []byte("x")
	requireWrong(t, Matching, judge([]*member{holding(1, 2), started(2, other.durable), holding(3)}, &history{}))
}

// Figure 8 at (c): entry 2 of term 2 stands on a majority, and member 3, whose last entry is of term 3, would be elected all the same.
func TestElectableWithoutWhatWasChosen(t *testing.T) {
	requireWrong(t, Completeness, judge([]*member{holding(1, 2, 4), holding(2, 2), holding(3, 3)}, chosen(2, 2, 4)))
	require.Nil(t, judge([]*member{holding(1, 2, 4), holding(2, 2, 4), holding(3, 3)}, chosen(2, 2, 4)))
}

// Who leads already is wrong, whether or not it should have been elected. The leader of an earlier term has not heard of the choice.
func TestLeaderWithoutWhatWasChosen(t *testing.T) {
	s := newStage(Bounds{Nodes: 3})
	s.elect(t, 1, 2)
	leader := s.members[0] // of term 2, with entry 2 of it
	wrong := judge([]*member{leader, holding(2, 1), holding(3, 1)}, chosen(2, 1, 1))
	requireWrong(t, Completeness, wrong)
	require.Contains(t, wrong.Message, "member 1 leads term 2 without")
	require.Nil(t, judge([]*member{leader, holding(2, 3), holding(3, 3)}, chosen(2, 3, 3)))
}

func TestAppliedEntriesThatDiffer(t *testing.T) {
	h := chosen(2, 2, 2)
	_, wrong := h.extended(holding(3), []choice{{entry: raft.Entry{Index: 2, Term: 3}}})
	requireWrong(t, StateMachine, wrong)
	_, wrong = h.extended(holding(3), []choice{{entry: raft.Entry{Index: 2, Term: 2, Data: []byte("x")}}})
	requireWrong(t, StateMachine, wrong)
	same, wrong := h.extended(holding(3), []choice{{entry: raft.Entry{Index: 2, Term: 2}}})
	require.Nil(t, wrong)
	require.Same(t, h, same)
}

func TestWhatMustNotFall(t *testing.T) {
	voter := func(term raft.Term, vote raft.ID, commit raft.Index) *member {
		disk := founder(1, 3).durable
		disk.Term, disk.Vote, disk.Snapshot.Index = term, vote, commit
		return started(1, disk)
	}
	require.Nil(t, judgeTurn(voter(2, 0, 1), voter(2, 3, 1)))
	require.Nil(t, judgeTurn(voter(2, 3, 1), voter(3, 0, 2)))
	requireWrong(t, Monotonic, judgeTurn(voter(3, 0, 1), voter(2, 0, 1)))
	requireWrong(t, Monotonic, judgeTurn(voter(2, 3, 1), voter(2, 1, 1)))
	requireWrong(t, Monotonic, judgeTurn(voter(2, 3, 1), voter(2, 0, 1)))
	requireWrong(t, Monotonic, judgeTurn(voter(2, 3, 5), voter(2, 3, 4)))
}

func TestPromisesThatAreNotDurable(t *testing.T) {
	disk := holding(1, 2, 2).durable // entries 2 and 3
	disk.Vote = 3
	to := func(id raft.ID, m raft.Message) raft.Envelope { return raft.Envelope{From: 1, To: id, Message: m} }
	require.Nil(t, judgePromise(disk, to(3, &raft.VoteReply{Term: 2, Granted: true})))
	require.Nil(t, judgePromise(disk, to(2, &raft.VoteReply{Term: 3})), "a refusal promises nothing")
	require.Nil(t, judgePromise(disk, to(2, &raft.Appended{Term: 2, Match: 3})))
	requireWrong(t, Durability, judgePromise(disk, to(2, &raft.VoteReply{Term: 2, Granted: true})))
	requireWrong(t, Durability, judgePromise(disk, to(3, &raft.VoteReply{Term: 3, Granted: true})))
	requireWrong(t, Durability, judgePromise(disk, to(3, &raft.Vote{Term: 2})))
	requireWrong(t, Durability, judgePromise(disk, to(2, &raft.Appended{Term: 2, Match: 4})))
	requireWrong(t, Durability, judgePromise(disk, to(2, &raft.Appended{Term: 3, Match: 3})))
}

func TestChosenOnAMinorityOfDisks(t *testing.T) {
	unsaved := holding(2, 2)
	unsaved.durable = holding(2).durable
	requireWrong(t, Durability, judgeChosen([]*member{holding(1, 2), unsaved}, &chosen(2, 2, 2).chosen[0]))
	require.Nil(t, judge([]*member{holding(1, 2), holding(2, 2), holding(3)}, chosen(2, 2, 2)))
}

// While two memberships are in force, one half decides nothing.
func TestQuorumsOfJointMemberships(t *testing.T) {
	joint := raft.Membership{Members: of(3, 4).Members, Former: of(1, 2, 3, 4).Members}
	require.True(t, quorum(of(3, 4), among([]raft.ID{3, 4})))
	require.False(t, quorum(joint, among([]raft.ID{3, 4})))
	require.False(t, quorum(joint, among([]raft.ID{1, 2, 3})))
	require.True(t, quorum(joint, among([]raft.ID{2, 3, 4})))
}

// Who would be elected is for the membership in the candidate's own log to say: by two of the four members entry 2 is lost.
func TestElectableByItsOwnMembership(t *testing.T) {
	chosenBy := func(voters raft.Membership) *history {
		return &history{chosen: []choice{{raft.Entry{Index: 2, Term: 2, Kind: raft.KindEmpty}, 2, voters}}}
	}
	candidate := func(voters raft.Membership) *member {
		disk := holding(3).durable
		disk.Entries = []raft.Entry{{Index: 2, Term: 1, Kind: raft.KindMembers, Data: raft.AppendMembership(nil, voters)}}
		return started(3, disk)
	}
	others := []*member{holding(1, 2), holding(2, 2), holding(4)}
	require.Nil(t, judge(append(others, candidate(of(1, 2, 3, 4))), chosenBy(of(1, 2))))
	requireWrong(t, Completeness, judge(append(others, candidate(of(3, 4))), chosenBy(of(1, 2))))
	requireWrong(t, Durability, judge(others, chosenBy(of(1, 2, 3, 4))))
}

// What the node itself asserts counts, and a node that has panicked has no successor.
func TestPanicsAreViolations(t *testing.T) {
	m := founder(1, 3)
	after, out := m.take(stimulus{kind: deliver, envelope: raft.Envelope{From: 3, To: 2, Message: &raft.StaleTerm{Term: 1}}})
	requireWrong(t, Assertion, out.wrong)
	require.Same(t, m, after)
}

// So does a record after which nobody could start from the disk.
func TestADiskFromWhichNobodyStartsIsAViolation(t *testing.T) {
	m := holding(1, 2, 2)
	hole := raft.Record{Sequence: 1, Term: 2, Entries: []raft.Entry{{Index: 3, Term: 2}, {Index: 5, Term: 2}}}
	next := &member{node: m.node, durable: m.durable, writing: []raft.Record{hole}}
	_, out := next.take(stimulus{kind: timeout})
	requireWrong(t, Assertion, out.wrong)
}
