package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/raft"
	"lockd/schedule"
	"lockd/sim/draw"
)

// realm is a world that has these faults and no others, with a leader.
func realm(t *testing.T, faults ...schedule.Fault) (*world, *member) {
	w := newWorld(small(1))
	w.knobs.enabled = [schedule.Faults]bool{}
	for _, f := range faults {
		w.knobs.enabled[f], w.knobs.chance[f] = true, draw.Million
		w.knobs.every[f] = 1000 * second // strikes come when a test makes them
	}
	w.begin()
	w.runUntil(30*second, func() bool { return w.leader() != nil })
	require.NotNil(t, w.leader())
	return w, w.leader()
}

// A leader falls silent at the moment at which it commits for the first time: nobody else knows of it, until another one has
// been elected. What it committed is still there then, or the judge would say so.
func TestAmbushedLeaderKeepsItsCommitToItself(t *testing.T) {
	w, first := realm(t, schedule.Ambush)
	dawn := w.judge.watch(first).dawn
	w.runUntil(30*second, func() bool { return w.counts[schedule.Ambush].Injected > 0 })
	require.Greater(t, first.server.Node().Status().Commit, dawn)
	w.runUntil(30*second, func() bool { return w.leader() != first })
	for _, other := range w.members {
		if other != first {
			require.LessOrEqual(t, other.server.Node().Status().Commit, dawn)
		}
	}
	w.runUntil(30*second, func() bool { return w.leader() != nil && w.leader() != first })
	require.NotZero(t, w.counts[schedule.Ambush].Observed)
}

// When a process is killed, its machine closes its connections. When the machine has lost power, nobody closes them.
func TestOnlyTheKilledAreMourned(t *testing.T) {
	w, leader := realm(t, schedule.Obituary)
	leader.losePower()
	require.Zero(t, w.counts[schedule.Obituary].Injected)
	w, leader = realm(t, schedule.Obituary)
	follows := func(m *member) bool { return m.server.Node().Status().Leader == leader.id }
	w.runUntil(30*second, func() bool { return follows(w.members[0]) && follows(w.members[1]) && follows(w.members[2]) })
	leader.kill(10 * second)
	require.EqualValues(t, 4, w.counts[schedule.Obituary].Injected)
	w.runUntil(30*second, func() bool { return w.counts[schedule.Obituary].Observed > 0 && w.leader() != nil })
	require.NotZero(t, w.counts[schedule.Obituary].Observed)
	require.Less(t, w.now, w.knobs.election+second)
}

// Who is cut off does not hear that a connection was closed.
func TestNobodyHearsAcrossACut(t *testing.T) {
	w, leader := realm(t, schedule.PeerReset)
	w.nemesis.silence(schedule.Isolation, leader, ^uint64(0), second)
	w.nemesis.strikeNow(leader, schedule.PeerReset)
	require.Zero(t, w.counts[schedule.PeerReset].Injected)
	w, leader = realm(t, schedule.PeerReset)
	w.nemesis.strikeNow(leader, schedule.PeerReset)
	require.NotZero(t, w.counts[schedule.PeerReset].Injected)
	require.Equal(t, raft.Leader, leader.server.Node().Role(), "both ends live on")
}

// A leader whose clock runs slow, and whom everything reaches late, leads on beside its successor: what its followers said before goes on arriving.
func TestLeaderLingersBesideItsSuccessor(t *testing.T) {
	w, leader := realm(t, schedule.ClockFreeze)
	began := w.now
	require.True(t, w.nemesis.linger(w.nemesis.aim(&schedule.Strike{Fault: schedule.ClockFreeze, Number: 1, Server: int(leader.id)})))
	w.runUntil(30*second, func() bool { return w.rival() != nil })
	require.Same(t, leader, w.rival())
	require.Less(t, w.now, began+w.network.peer((leader.place+1)%5, leader.place).lag, "there is a successor before the answers have come")
	require.NotZero(t, w.counts[schedule.ClockFreeze].Observed)
	w.runUntil(30*second, func() bool { return w.rival() == nil })
	require.NotSame(t, leader, w.leader())
}

// strikeNow lets an attack hit a member at once.
func (n *nemesis) strikeNow(m *member, f schedule.Fault) bool {
	n.plans[0] = schedule.Strike{Fault: f, Server: int(m.id), Number: 1}
	return n.strike(0)
}
