package server

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/lockfsm"
)

// A query is answered by whoever is asked, and tells what was true when it was asked: a follower waits until it has applied that.
func TestEveryMemberAnswersQueries(t *testing.T) {
	c := newCluster(t, 3)
	c.pass(heartbeat)
	session := c.open(time.Minute)
	token := c.grant(session, 1, "door")
	for _, m := range c.members {
		require.Equal(t, Checked{Valid: true, Current: token, Last: token, Revision: c.leader().server.machine.Revision()},
			c.ask(m, Check{Name: "door", Token: token}), "member %d", m.id)
		require.Equal(t, token, c.ask(m, Show{Name: "door"}).(Shown).Lock.Token)
		require.Len(t, c.ask(m, List{}).(Listed).Locks, 1)
		require.Equal(t, session, c.ask(m, Sessions{}).(SessionsListed).Sessions[0].Session)
		require.NotZero(t, c.ask(m, Backup{}).(BackedUp).Snapshot.Index)
	}
	require.Equal(t, Invalid, c.ask(c.followers()[0], Check{}).(Refusal).Reason)
}

// A query that may rest on a lease waits for nobody, once there is one: at the leader, and at a follower for the leader alone.
func TestQueriesByLeaseWaitForNoMajority(t *testing.T) {
	c := newCluster(t, 3)
	token := c.grant(c.open(time.Minute), 1, "door")
	check := Check{Name: "door", Token: token, Lease: true}
	require.True(t, c.ask(c.leader(), check).(Checked).Valid, "by a round")
	leader := c.leader()
	asked := c.send(leader, check)
	c.run(leader)
	require.True(t, c.answers[asked].(Checked).Valid)
	round := c.send(leader, Check{Name: "door", Token: token})
	c.run(leader)
	require.NotContains(t, c.answers, round)
	for _, request := range []Request{Show{Name: "door", Lease: true}, List{Lease: true}, Sessions{Lease: true}} {
		asked := c.send(leader, request)
		c.run(leader)
		require.Contains(t, c.answers, asked)
	}
	c.settle()

	asker, other := c.followers()[0], c.followers()[1]
	c.pass(heartbeat)
	other.frozen = true
	require.True(t, c.ask(asker, check).(Checked).Valid)
	other.frozen = false
}

// A follower that is cut off says so to those who ask it, and does not answer from what it remembers.
func TestAFollowerThatIsCutOffRefusesQueries(t *testing.T) {
	c := newCluster(t, 3)
	token := c.grant(c.open(time.Minute), 1, "door")
	alone := c.followers()[0]
	c.pass(heartbeat)
	alone.cut = true
	asked := c.send(alone, Check{Name: "door", Token: token})
	c.settle()
	require.NotContains(t, c.answers, asked)
	c.result(lockfsm.Release{Name: "door", Token: token})
	c.pass(2 * electionTimeout)
	require.Equal(t, NotLeader, c.answers[asked].(Refusal).Reason)
	require.Equal(t, NotLeader, c.ask(alone, Check{Name: "door", Token: token}).(Refusal).Reason, "it knows no leader by now")
	require.Zero(t, alone.server.calls.size())
	alone.cut = false
	c.pass(electionTimeout)
	require.False(t, c.ask(alone, Check{Name: "door", Token: token}).(Checked).Valid)
}

// Callers who hang up and ask again do not pile reads up: each counts until consensus has done with it.
func TestReadsOfThoseWhoHungUpCount(t *testing.T) {
	c := newCluster(t, 3, func(config *Config) { config.MaxCalls = 3 })
	alone := c.followers()[0]
	c.pass(heartbeat)
	alone.cut = true
	for range 3 {
		id := c.send(alone, Check{Name: "door", Token: 1})
		alone.inbox = append(alone.inbox, Hangup{ID: id})
	}
	c.settle()
	require.Equal(t, Overloaded, c.ask(alone, Check{Name: "door", Token: 1}).(Refusal).Reason)
	c.pass(electionTimeout)
	require.Zero(t, alone.server.calls.size())
	require.Len(t, c.answers, 1, "nobody is answered who hung up")
}
