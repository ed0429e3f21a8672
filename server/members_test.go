package server

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/raft"
)

// newcomer is a server with an empty disk, of which the cluster knows nothing.
func (c *cluster) newcomer() raft.Member {
	id := raft.ID(len(c.members) + 1)
	server, err := New(serverConfig(id), raft.Stored{}, c.now)
	require.NoError(c.t, err)
	c.members = append(c.members, &member{id: id, server: server})
	return raft.Member{ID: id, Incarnation: uint64(id), Address: "four:7401"}
}

func adding(m raft.Member) ChangeMembers { return ChangeMembers{raft.Change{Add: []raft.Member{m}}} }

func removing(ids ...raft.ID) ChangeMembers { return ChangeMembers{raft.Change{Remove: ids}} }

// A change is answered when it is done, a change of voters when the joint membership is left. Another one has to wait until then.
func TestAChangeIsAnsweredWhenItIsDone(t *testing.T) {
	c := newCluster(t, 3)
	leader := c.leader()
	for _, f := range c.followers() {
		f.slow = true
	}
	first := c.send(leader, adding(c.newcomer()))
	c.settle()
	require.NotContains(t, c.answers, first)
	require.Equal(t, Overloaded, c.ask(leader, removing(2)).(Refusal).Reason)
	for _, f := range c.followers()[:2] {
		f.slow = false
		f.inbox = append(f.inbox, raft.Persisted{Sequence: f.written})
	}
	c.settle()
	require.Len(t, c.answers[first].(MembersChanged).Membership.Learners, 1)
	c.until(func() bool {
		return len(leader.server.node.Status().Membership.Members) == 4 && !leader.server.node.Changing()
	})

	gone := c.followers()[0].id
	changed := c.ask(leader, removing(gone)).(MembersChanged).Membership
	require.Len(t, changed.Members, 3)
	require.False(t, changed.Joint())
	token := c.grant(c.open(electionTimeout*100), 1, "door")
	c.pass(2 * heartbeat)
	require.Equal(t, token, c.members[3].server.machine.Last(), "the newcomer has the state of the others")
}

func TestAChangeOfALeaderThatIsDeposedIsUnknown(t *testing.T) {
	c := newCluster(t, 3)
	leader := c.leader()
	leader.cut = true
	change := c.send(leader, removing(leader.id))
	c.pass(4 * electionTimeout)
	require.Equal(t, Unknown, c.answers[change].(Refusal).Reason)

	leader.cut = false
	c.pass(4 * electionTimeout)
	hung := c.send(c.leader(), removing(c.leader().id))
	c.leader().inbox = append(c.leader().inbox, Hangup{ID: hung})
	c.pass(4 * electionTimeout)
	require.NotContains(t, c.answers, hung)
}

func TestChangesThatAreRefused(t *testing.T) {
	c := newCluster(t, 3)
	require.Equal(t, NotLeader, c.ask(c.followers()[0], removing(1)).(Refusal).Reason)
	for _, bad := range []ChangeMembers{
		{}, removing(9), removing(1, 2, 3),
		adding(raft.Member{ID: 2, Incarnation: 7, Address: "a:1"}), adding(raft.Member{Incarnation: 7, Address: "a:1"}),
		adding(raft.Member{ID: 4, Address: "a:1"}), adding(raft.Member{ID: 4, Incarnation: 7}),
		adding(raft.Member{ID: 4, Incarnation: 7, Address: strings.Repeat("a", maxAddress+1)}),
	} {
		require.Equal(t, Invalid, c.ask(c.leader(), bad).(Refusal).Reason, "%+v", bad)
	}
	c.leader().inbox = append(c.leader().inbox, Call{ID: 998, Request: Transfer{}}, Call{ID: 999, Request: removing(1)})
	c.settle()
	require.Equal(t, NotLeader, c.answers[999].(Refusal).Reason)
}

// The commit of one change and the call for the next may come in one batch: both callers are answered.
func TestTheNextChangeDoesNotForgetTheLast(t *testing.T) {
	c := newCluster(t, 3)
	leader, four, five := c.leader(), c.newcomer(), c.newcomer()
	first := c.send(leader, adding(four))
	c.run(leader)
	second := CallID(0)
	for range 50 {
		for _, follower := range c.followers() {
			c.run(follower)
		}
		committed := slices.ContainsFunc(leader.inbox, func(in Input) bool {
			heard, is := in.(raft.Receive)
			if !is {
				return false
			}
			appended, is := heard.Envelope.Message.(*raft.Appended)
			return is && appended.Match == leader.server.node.Status().Last
		})
		if committed && second == 0 {
			second = c.send(leader, adding(five))
		}
		c.run(leader)
	}
	require.NotZero(t, second)
	c.pass(20 * electionTimeout)
	require.IsType(t, MembersChanged{}, c.answers[first])
	require.Contains(t, c.answers, second)
}
