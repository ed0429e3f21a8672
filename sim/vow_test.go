package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/lockfsm"
	"lockd/raft"
)

// written is a shadow of term 3 with a vote for server 2, and entries 2 to 4.
func written() shadow {
	return shadow{term: 3, vote: 2, base: 1, terms: []raft.Term{2, 2, 3}}
}

// What a message promises is on the disk of who sends it.
func TestWordsRestOnTheDisk(t *testing.T) {
	w, leader := realm(t)
	says := func(message raft.Message) Oracle {
		w.judge.watch(leader).durable = written()
		return fires(func() { w.judge.spoken(leader, raft.Envelope{From: leader.id, To: 2, Message: message}) })
	}
	require.Empty(t, says(&raft.VoteReply{Term: 3, Granted: true}))
	require.Empty(t, says(&raft.VoteReply{Term: 4}), "a refusal promises nothing")
	require.Equal(t, Durability, says(&raft.VoteReply{Term: 4, Granted: true}))
	require.Equal(t, Durability, says(&raft.Vote{Term: 4}), "its own vote counts as well")
	require.Equal(t, Durability, says(&raft.Appended{Term: 3, Match: 5}))
	require.Equal(t, Durability, says(&raft.Appended{Term: 4, Match: 4}))
}

// Who hears from its leader votes for nobody else; who has not for an election timeout, or has given it up, may.
func TestWhoHearsItsLeaderIsLoyal(t *testing.T) {
	w, leader := realm(t)
	size := len(w.members)
	voter, other := w.members[(leader.place+1)%size], w.members[(leader.place+2)%size].id
	w.runUntil(w.now+second, func() bool { return voter.server.Node().Status().Leader == leader.id })
	beat := raft.Envelope{From: leader.id, To: voter.id, Message: &raft.Append{Term: leader.server.Node().Term()}}
	attempt := uint64(0)
	asks := func() {
		w.judge.hears(voter, raft.Envelope{From: other, To: voter.id, Message: &raft.PreVote{Attempt: attempt}})
	}
	grants := func() Oracle {
		return fires(func() {
			w.judge.spoken(voter, raft.Envelope{From: voter.id, To: other, Message: &raft.PreVoteReply{Granted: true, Attempt: attempt}})
		})
	}
	w.judge.hears(voter, beat)
	asks()
	require.Equal(t, Loyalty, grants())
	attempt++
	require.Empty(t, grants(), "nobody has asked")

	stale := raft.Envelope{From: other, To: voter.id, Message: &raft.Append{Term: 1}}
	w.judge.hears(voter, stale)
	asks()
	require.Equal(t, Loyalty, grants(), "a leader of the past is none")

	attempt++
	w.judge.watch(voter).loyal.at -= w.knobs.election
	asks()
	require.Empty(t, grants(), "it has heard nothing for too long")
	w.judge.hears(voter, beat)
	asks()
	require.Empty(t, grants(), "the question came twice, and the first time it was free")

	attempt++
	voter.step(raft.Closed{Member: leader.id})
	asks()
	require.Empty(t, grants(), "its leader seems to be gone")
}

// What is committed is on a majority of the voters' disks, under its own term.
func TestCommittedIsOnAMajorityOfDisks(t *testing.T) {
	w, leader := realm(t)
	j := w.judge
	command := func(term raft.Term) *raft.Entry { return &raft.Entry{Index: 4, Term: term, Kind: raft.KindCommand} }
	commits := func(e *raft.Entry) Oracle { return fires(func() { j.rests(leader, e) }) }
	keep := func(places ...int) {
		for i := range j.watches {
			j.watches[i].durable = shadow{}
		}
		for _, place := range places {
			j.watches[place].durable = written()
		}
	}
	keep(0, 1)
	require.Equal(t, Durability, commits(command(3)))
	keep(0, 1, 2)
	require.Empty(t, commits(command(3)))
	require.Equal(t, Durability, commits(command(2)), "another entry is there")

	node := func(place int) raft.Member {
		return raft.Member{ID: raft.ID(place + 1), Incarnation: w.members[place].incarnation()}
	}
	joint := raft.Membership{Members: []raft.Member{node(3), node(4)}, Former: []raft.Member{node(0), node(1), node(2)}}
	change := &raft.Entry{Index: 4, Term: 3, Kind: raft.KindMembers, Data: raft.AppendMembership(nil, joint)}
	keep(0, 1, 2)
	require.Equal(t, Durability, commits(change), "on none of the new voters' disks")
	keep(3, 4)
	require.Equal(t, Durability, commits(change), "on none of the old ones'")
	keep(0, 1, 3, 4)
	require.Empty(t, commits(change))
	joint.Members, joint.Learners = []raft.Member{node(3)}, []raft.Member{node(4)}
	change.Data = raft.AppendMembership(nil, joint)
	keep(0, 1, 4)
	require.Equal(t, Durability, commits(change), "a learner's disk does not count")
	keep(0, 1, 3)
	require.Empty(t, commits(change))
	w.members[3].renewals++
	require.Equal(t, Durability, commits(change), "it is another node's disk by now")
}

// A term has one vote, and none falls.
func TestPromisesAreKept(t *testing.T) {
	w := newWorld(small(1))
	m := newMember(w, 0)
	writes := func(term raft.Term, vote raft.ID) Oracle {
		w.judge.watch(m).durable = written()
		return fires(func() { w.judge.promised(m, &raft.Record{Term: term, Vote: vote}) })
	}
	require.Empty(t, writes(3, 2))
	require.Empty(t, writes(4, 1))
	require.Equal(t, Monotonic, writes(3, 1))
	require.Equal(t, Monotonic, writes(3, 0))
	require.Equal(t, Monotonic, writes(2, 2))
}

// Cluster time never falls along the log.
func TestClusterTimeIsJudged(t *testing.T) {
	b := desk()
	b.enter(entry(8, second, lockfsm.Clock{}), birth{})
	require.Equal(t, Monotonic, fires(func() { b.enter(entry(9, second-1, lockfsm.Clock{}), birth{}) }))
}

// A world in which no time passes any more comes to an end all the same.
func TestACrowdedInstantIsNoProgress(t *testing.T) {
	w, leader := realm(t)
	again := func() bool {
		w.agenda.Add(w.now, event{kind: memberDrain, place: int32(leader.place), boot: leader.boot + 1})
		return false
	}
	require.Equal(t, Liveness, fires(func() { w.runUntil(w.now+second, again) }))
}
