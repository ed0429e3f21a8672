package server

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/lockfsm"
	"lockd/raft"
)

func TestAFollowerNamesTheLeaderAndDoesNothing(t *testing.T) {
	c := newCluster(t, 3)
	for _, request := range []Request{lockfsm.Open{TTL: time.Second}, lockfsm.Release{Name: "a", Token: 1}, Transfer{}} {
		answer := c.ask(c.followers()[0], request)
		require.Equal(t, NotLeader, answer.(Refusal).Reason)
		require.Equal(t, c.leader().id, answer.(Refusal).Leader)
	}
	require.IsType(t, Inspected{}, c.ask(c.followers()[0], Inspect{}), "anybody tells how it sees itself")
	require.Zero(t, c.leader().server.machine.Counts().Sessions)
}

func TestALockGoesFromHandToHand(t *testing.T) {
	c := newCluster(t, 3)
	ann, bob, eve := c.open(time.Minute), c.open(time.Minute), c.open(time.Minute)
	first := c.grant(ann, 1, "door")
	second := c.send(c.leader(), acquire(bob, 1, "door"))
	third := c.send(c.leader(), acquire(eve, 1, "door"))
	c.settle()
	require.NotContains(t, c.answers, second, "a call that queues is answered by its grant")

	shown := c.ask(c.leader(), Show{Name: "door"}).(Shown)
	require.Equal(t, first, shown.Lock.Token)
	require.Equal(t, []lockfsm.SessionID{bob, eve}, []lockfsm.SessionID{shown.Waiters[0].Session, shown.Waiters[1].Session})

	require.Equal(t, lockfsm.OK, c.result(lockfsm.Release{Name: "door", Token: first}).Status)
	granted := c.answers[second].(lockfsm.Result)
	require.Equal(t, lockfsm.OK, granted.Status)
	require.Greater(t, granted.Token, first)
	require.NotContains(t, c.answers, third, "one release wakes one waiter")

	require.Equal(t, Checked{Valid: false, Current: granted.Token, Last: granted.Token, Revision: granted.Revision},
		c.ask(c.leader(), Check{Name: "door", Token: first}))
	require.Equal(t, lockfsm.StaleToken, c.result(lockfsm.Release{Name: "door", Token: first}).Status)
	c.same()
}

func TestRenewalsThatComeTogetherShareOneEntry(t *testing.T) {
	c := newCluster(t, 3)
	ann, bob := c.open(2*time.Second), c.open(2*time.Second)
	c.pass(time.Second)
	leader := c.leader()
	before, commit := leader.entries, leader.server.node.Status().Commit
	calls := []CallID{}
	for _, session := range []lockfsm.SessionID{ann, 999, bob} {
		calls = append(calls, c.send(leader, lockfsm.Renew{Sessions: []lockfsm.SessionID{session}}))
	}
	c.settle()
	require.Equal(t, before+1, leader.entries)
	require.Equal(t, commit+1, leader.server.node.Status().Commit)
	for i, status := range []lockfsm.Status{lockfsm.OK, lockfsm.UnknownSession, lockfsm.OK} {
		require.Equal(t, status, c.answers[calls[i]].(lockfsm.Result).Status)
	}
	c.pass(1500 * time.Millisecond)
	require.Equal(t, 2, leader.server.machine.Counts().Sessions, "both were renewed")
}

// A deposed leader does not let its callers wait for a time-out, and what they asked for is found at the next one.
func TestALostLeadershipEndsItsCallsAtOnce(t *testing.T) {
	c := newCluster(t, 3)
	ann, bob := c.open(time.Minute), c.open(time.Minute)
	first := c.grant(ann, 1, "door")
	queued := c.send(c.leader(), acquire(bob, 1, "door"))
	c.settle()

	old := c.leader()
	old.cut = true
	undecided := c.send(old, acquire(ann, 2, "window"))
	reading := c.send(old, Check{Name: "door", Token: first})
	c.settle()
	require.NotContains(t, c.answers, undecided)
	require.NotContains(t, c.answers, reading, "a leader that is cut off confirms no read")
	c.until(func() bool { return !old.server.leads() })
	require.Equal(t, Unknown, c.answers[queued].(Refusal).Reason)
	require.Equal(t, Unknown, c.answers[undecided].(Refusal).Reason)
	require.Equal(t, NotLeader, c.answers[reading].(Refusal).Reason, "a read that was not confirmed did nothing")
	require.Zero(t, old.server.calls.size())

	c.until(func() bool { return c.leader() != nil })
	again := c.send(c.leader(), acquire(bob, 1, "door"))
	require.Equal(t, first, c.result(acquire(ann, 1, "door")).Token, "a repeated request finds its first answer")
	c.result(lockfsm.Release{Request: lockfsm.Request{Session: ann, Sequence: 3}, Name: "door", Token: first})
	require.Greater(t, c.answers[again].(lockfsm.Result).Token, first, "the place in the queue was kept")

	old.cut = false
	c.pass(time.Second)
	c.same()
}

func TestOnlyCallersWithoutANumberAreTakenBackWhenTheyHangUp(t *testing.T) {
	c := newCluster(t, 3)
	ann, bob := c.open(time.Minute), c.open(time.Minute)
	token := c.grant(ann, 1, "door")
	leader := c.leader()

	numbered, bare, undecided := c.send(leader, acquire(bob, 1, "door")), c.send(leader, acquire(bob, 0, "door")), CallID(0)
	c.settle()
	undecided = c.send(leader, acquire(bob, 0, "door"))
	free := c.send(leader, acquire(bob, 0, "window"))
	for _, id := range []CallID{numbered, bare, undecided, free} {
		leader.inbox = append(leader.inbox, Hangup{ID: id})
	}
	c.pass(heartbeat) // what is found out while applying is proposed with the next drain
	waiters := leader.server.machine.Waiters("door", 0, 10)
	require.Len(t, waiters, 1, "the one with a number keeps its place")
	require.Zero(t, leader.server.machine.Current("window"), "a grant that nobody would hear of is taken back")
	require.Zero(t, leader.server.calls.size())

	c.result(lockfsm.Release{Name: "door", Token: token})
	require.NotContains(t, c.answers, numbered, "nobody answers a call that was hung up")
	require.Equal(t, leader.server.machine.Current("door"), c.result(acquire(bob, 1, "door")).Token)
}

func TestADeadSessionsLockGoesToTheNextInLine(t *testing.T) {
	c := newCluster(t, 3)
	c.pass(20 * time.Millisecond) // out of step with the heartbeats
	dead, live := c.open(2*time.Second), c.open(time.Minute)
	c.grant(dead, 1, "door")
	start := c.now
	waiting := c.send(c.leader(), acquire(live, 1, "door"))
	c.until(func() bool { _, answered := c.answers[waiting]; return answered })
	require.GreaterOrEqual(t, c.now-start, 2*time.Second-5*time.Millisecond, "a lease is never shorter than asked")
	require.Less(t, c.now-start, 2*time.Second+4*5*time.Millisecond, "the server wakes up for it")
	require.Equal(t, lockfsm.UnknownSession, c.result(acquire(dead, 2, "window")).Status)
}

// A leader that was stopped longer than a TTL finds renewals waiting in its sockets, and reads them before anybody expires.
func TestAFrozenLeaderDoesNotCountItsOwnPause(t *testing.T) {
	c := newCluster(t, 1)
	session := c.open(2 * time.Second)
	only := c.members[0]
	c.pass(1990 * time.Millisecond)
	only.frozen = true
	c.pass(time.Minute)
	only.frozen = false
	only.inbox = append(only.inbox, raft.Unreachable{Member: 1}) // whatever else is in its sockets
	renewed := c.send(only, lockfsm.Renew{Sessions: []lockfsm.SessionID{session}})
	c.pass(heartbeat)
	require.Equal(t, lockfsm.OK, c.answers[renewed].(lockfsm.Result).Status)
	c.pass(1500 * time.Millisecond)
	require.Equal(t, 1, only.server.machine.Counts().Sessions)
	c.pass(time.Second)
	require.Zero(t, only.server.machine.Counts().Sessions, "from then on its time goes by as ever")
}

func TestWhatTimeBringsIsProposedOnce(t *testing.T) {
	c := newCluster(t, 3)
	c.open(time.Second)
	leader := c.leader()
	c.pass(900 * time.Millisecond)
	leader.cut = true
	before := leader.entries
	c.pass(electionTimeout - heartbeat)
	require.Equal(t, before+1, leader.entries, "the end of the session waits for a majority, and is not proposed again meanwhile")
}

func TestThousandDeadSessionsEndInBoundedEntries(t *testing.T) {
	c := newCluster(t, 3, func(config *Config) { config.MaxCalls = 2000 })
	for range 1000 {
		c.send(c.leader(), lockfsm.Open{TTL: 2 * time.Second})
	}
	c.settle()
	leader := c.leader()
	require.Equal(t, 1000, leader.server.machine.Counts().Sessions)
	c.pass(1900 * time.Millisecond)
	before := leader.entries
	c.until(func() bool { return leader.server.machine.Counts().Sessions == 0 })
	require.InDelta(t, 4, leader.entries-before, 1, "four entries of 256, and perhaps one for the time")
}

func TestABoundedWaitRunsOut(t *testing.T) {
	c := newCluster(t, 3)
	ann, bob := c.open(time.Minute), c.open(time.Minute)
	c.grant(ann, 1, "door")
	request := acquire(bob, 1, "door")
	request.Wait = 300 * time.Millisecond
	waiting, start := c.send(c.leader(), request), c.now
	c.until(func() bool { _, answered := c.answers[waiting]; return answered })
	require.Equal(t, lockfsm.TimedOut, c.answers[waiting].(lockfsm.Result).Status)
	require.InDelta(t, 300*time.Millisecond, c.now-start, float64(2*heartbeat))
}

func TestAnIdleLeaderWritesTheTimeOnlyWhileSessionsLive(t *testing.T) {
	c := newCluster(t, 3)
	leader := c.leader()
	before := leader.entries
	c.pass(10 * time.Second)
	require.Equal(t, before, leader.entries, "nobody needs the time")
	c.open(time.Hour)
	before = leader.entries
	c.pass(10 * time.Second)
	require.InDelta(t, 10, leader.entries-before, 1)
}

// However many queue, the holder can release and everybody can renew.
func TestWaitersDoNotLockTheHolderOut(t *testing.T) {
	c := newCluster(t, 3, func(config *Config) { config.MaxCalls = 4 })
	ann := c.open(time.Minute)
	token := c.grant(ann, 1, "door")
	leader := c.leader()
	first := c.send(leader, acquire(ann, 2, "door"))
	c.send(leader, acquire(ann, 3, "door"))
	require.Equal(t, Overloaded, c.ask(leader, acquire(ann, 4, "door")).(Refusal).Reason)
	require.Equal(t, lockfsm.OK, c.ask(leader, lockfsm.Renew{Sessions: []lockfsm.SessionID{ann}}).(lockfsm.Result).Status)
	require.Equal(t, lockfsm.OK, c.result(lockfsm.Release{Name: "door", Token: token}).Status)
	require.Equal(t, lockfsm.OK, c.answers[first].(lockfsm.Result).Status)
	again := c.send(leader, acquire(ann, 4, "door"))
	c.settle()
	require.NotContains(t, c.answers, again, "there is room for another one to wait")
	leader.inbox = append(leader.inbox, Hangup{ID: again})
	c.settle()
	require.Equal(t, 1, leader.server.calls.patient)
}

func TestTooManyBytesWaitForAMajority(t *testing.T) {
	c := newCluster(t, 3, func(config *Config) { config.Raft.MaxUncommittedBytes = 800 })
	ann := c.open(time.Minute)
	leader := c.leader()
	large := acquire(ann, 1, "window")
	large.Value = make([]byte, 500)
	leader.cut = true
	first := c.send(leader, large)
	large.Sequence = 2
	require.Equal(t, Overloaded, c.ask(leader, large).(Refusal).Reason)
	require.NotContains(t, c.answers, first)
}

func TestAFullDiskIsToldAndNothingIsDone(t *testing.T) {
	c := newCluster(t, 1)
	ann := c.open(time.Minute)
	only := c.members[0]
	only.inbox = append(only.inbox, raft.Room{Full: true})
	require.Equal(t, DiskFull, c.ask(only, acquire(ann, 1, "door")).(Refusal).Reason)
	require.Equal(t, DiskFull, c.ask(only, lockfsm.Renew{Sessions: []lockfsm.SessionID{ann}}).(Refusal).Reason)
	before := only.entries
	c.pass(30 * time.Second)
	require.Equal(t, before, only.entries, "not even the time is written")
	only.inbox = append(only.inbox, raft.Room{Full: false})
	require.Equal(t, lockfsm.OK, c.ask(only, lockfsm.Renew{Sessions: []lockfsm.SessionID{ann}}).(lockfsm.Result).Status)
	c.grant(ann, 1, "door")
}

func TestALeaderWithAFullDiskHandsOver(t *testing.T) {
	c := newCluster(t, 3)
	ann := c.open(2 * time.Second)
	full := c.leader()
	full.inbox = append(full.inbox, raft.Room{Full: true})
	c.until(func() bool { return c.leader() != nil && c.leader() != full })
	c.grant(ann, 1, "door")
	for range 10 {
		c.pass(300 * time.Millisecond)
		require.Equal(t, lockfsm.OK, c.ask(c.leader(), lockfsm.Renew{Sessions: []lockfsm.SessionID{ann}}).(lockfsm.Result).Status)
	}
}

// Members say in their answers whether they have room. Leadership goes to one that has some, and where nobody has, it stays: as soon as
// there is room somewhere, the cluster serves again by itself.
func TestLeadershipGoesWhereRoomIs(t *testing.T) {
	c := newCluster(t, 5)
	ann := c.open(time.Minute)
	room := func(m *member, full bool) { m.inbox = append(m.inbox, raft.Room{Full: full}) }
	roomy := c.followers()[3]
	for _, m := range c.followers()[:3] {
		room(m, true)
	}
	c.pass(2 * heartbeat)
	room(c.leader(), true)
	c.until(func() bool { return c.leader() == roomy })
	c.grant(ann, 1, "door")

	room(roomy, true)
	for range 10 {
		c.pass(time.Second)
		require.Equal(t, roomy, c.leader(), "nobody is better")
	}
	require.Equal(t, DiskFull, c.ask(roomy, acquire(ann, 2, "gate")).(Refusal).Reason)
	saved := c.followers()[0]
	room(saved, false)
	c.until(func() bool { return c.leader() == saved })
	c.grant(ann, 2, "gate")
}

// A caller without a number can't ask again, so what it asked for is taken back: by the leader that it hung up on, as
// soon as there is room in the log, or by the next leader.
func TestNoGhostWaits(t *testing.T) {
	c := newCluster(t, 3)
	ann := c.open(time.Minute)
	c.grant(ann, 1, "door")
	ghost := c.send(c.leader(), acquire(ann, 0, "door"))
	c.send(c.leader(), acquire(ann, 2, "door"))
	c.settle()
	leader, gone := c.leader(), c.followers()[0]
	gone.cut = true
	c.settle()
	leader.inbox = append(leader.inbox, Call{ID: 999, Request: Transfer{To: gone.id}}, Hangup{ID: ghost})
	c.settle()
	require.Equal(t, 2, leader.server.machine.Counts().Waiters, "nothing is proposed while leadership is on its way")
	c.pass(2 * electionTimeout)
	require.Equal(t, 1, leader.server.machine.Counts().Waiters)
	gone.cut = false
	c.pass(heartbeat)

	c.send(c.leader(), acquire(ann, 0, "door"))
	c.settle()
	c.leader().cut = true
	c.until(func() bool { return c.leader() != nil && c.leader().server.machine.Counts().Waiters == 1 })
	again := c.send(c.leader(), acquire(ann, 2, "door"))
	c.settle()
	require.NotContains(t, c.answers, again, "the one with a number waits on")
}

func TestRequestsThatCanNeverSucceed(t *testing.T) {
	c := newCluster(t, 3)
	before := c.leader().entries
	for _, bad := range []struct {
		request Request
		answer  Answer
	}{
		{lockfsm.Open{TTL: time.Millisecond}, lockfsm.Result{Status: lockfsm.InvalidTTL}},
		{acquire(1, 1, ""), lockfsm.Result{Status: lockfsm.InvalidName}},
		{acquire(1, 1, "\xff"), lockfsm.Result{Status: lockfsm.InvalidName}},
		{lockfsm.Release{Name: "a"}, lockfsm.Result{Status: lockfsm.ZeroToken}},
	} {
		require.Equal(t, bad.answer, c.ask(c.leader(), bad.request))
	}
	for _, bad := range []Request{Check{}, Show{Name: "\x00"}, Transfer{To: 9}, lockfsm.Clock{}, lockfsm.Expire{}, lockfsm.Renew{}, "nonsense"} {
		require.Equal(t, Invalid, c.ask(c.leader(), bad).(Refusal).Reason, "%#v", bad)
	}
	require.Equal(t, before, c.leader().entries, "nothing went into the log")
}

func TestASnapshotIsTakenAndSentToWhoFellBehind(t *testing.T) {
	c := newCluster(t, 3, func(config *Config) { config.SnapshotBytes = 4000 })
	leader, behind := c.leader(), c.followers()[0]
	session := c.open(time.Hour)
	token := c.grant(session, 1, "kept")
	behind.cut = true
	for i := lockfsm.Sequence(2); leader.snapshot == nil; i += 2 {
		passing := c.grant(session, i, "passing")
		c.result(lockfsm.Release{Request: lockfsm.Request{Session: session, Sequence: i + 1, Acknowledged: i}, Name: "passing", Token: passing})
	}
	taken := *leader.snapshot
	leader.snapshot = nil
	for i := lockfsm.Sequence(2001); i < 2100; i++ {
		c.result(lockfsm.Release{Request: lockfsm.Request{Session: session, Sequence: i, Acknowledged: i - 1}, Name: "passing", Token: 1})
	}
	require.Nil(t, leader.snapshot, "one snapshot is under way")
	require.LessOrEqual(t, taken.Snapshot.Index, leader.server.node.Covered())
	c.grant(session, 2101, "later") // while the snapshot is being encoded
	taken.Snapshot.Data = taken.Machine.Encode()
	leader.inbox = append(leader.inbox, raft.Snapshotted{Snapshot: taken.Snapshot})
	c.settle()
	require.Equal(t, taken.Snapshot.Index, leader.server.node.Status().Snapshot)
	require.Equal(t, taken.Snapshot.Index+1, leader.server.node.Status().First)

	require.NotNil(t, leader.snapshot, "and then it is time for the next")
	behind.cut = false
	c.until(func() bool { return behind.server.machine.Revision() == leader.server.machine.Revision() })
	require.Equal(t, token, behind.server.machine.Current("kept"))
	require.NotZero(t, behind.server.machine.Current("later"))
	c.same()

	again, err := New(serverConfig(1), raft.Stored{Term: 9, Snapshot: taken.Snapshot}, 0)
	require.NoError(t, err)
	require.Equal(t, token, again.machine.Current("kept"), "a restart begins where the snapshot ended")
	taken.Snapshot.Data = taken.Snapshot.Data[:len(taken.Snapshot.Data)-1]
	_, err = New(serverConfig(1), raft.Stored{Term: 9, Snapshot: taken.Snapshot}, 0)
	require.ErrorContains(t, err, "the snapshot at entry")
}

func TestASnapshotWaitsForTheRecordsThatItRestsOn(t *testing.T) {
	c := newCluster(t, 3, func(config *Config) { config.SnapshotBytes = 1000 })
	leader := c.leader()
	leader.slow = true // the others commit without it
	session := c.open(time.Hour)
	for i := lockfsm.Sequence(1); i < 20; i++ {
		c.grant(session, i, string(rune('a'+i)))
	}
	require.Nil(t, leader.snapshot)
	leader.slow = false
	leader.inbox = append(leader.inbox, raft.Persisted{Sequence: leader.written})
	c.settle()
	require.NotNil(t, leader.snapshot)
}

func TestHandingOver(t *testing.T) {
	c := newCluster(t, 3)
	old, to := c.leader(), c.followers()[1]
	id := c.send(old, Transfer{To: to.id})
	c.pass(heartbeat)
	require.Equal(t, Transferred{Leader: to.id}, c.answers[id])
	require.Equal(t, to, c.leader())

	to.inbox = append(to.inbox, Stop{})
	c.settle()
	require.True(t, to.server.Stopped())
	c.until(func() bool { return c.leader() != nil && c.leader() != to })
	answer := c.ask(to, lockfsm.Open{TTL: time.Second}).(Refusal)
	require.Equal(t, Stopping, answer.Reason)
	require.Equal(t, c.leader().id, answer.Leader)
}

func TestATransferToSomebodyWhoIsGoneIsGivenUp(t *testing.T) {
	c := newCluster(t, 3)
	gone := c.followers()[0]
	gone.cut = true
	c.send(c.leader(), lockfsm.Open{TTL: time.Second})
	c.settle()
	id := c.send(c.leader(), Transfer{To: gone.id})
	c.settle()
	answer := c.ask(c.leader(), lockfsm.Open{TTL: time.Second})
	require.Equal(t, NotLeader, answer.(Refusal).Reason, "no proposals while leadership is on its way")
	c.pass(2 * electionTimeout)
	require.Equal(t, Unknown, c.answers[id].(Refusal).Reason)
	c.open(time.Second)
}

func TestABackupIsTheMachineAtAConfirmedIndex(t *testing.T) {
	c := newCluster(t, 3)
	token := c.grant(c.open(time.Minute), 1, "door")
	backup := c.ask(c.leader(), Backup{}).(BackedUp)
	machine, err := lockfsm.Restore(backup.Machine.Encode())
	require.NoError(t, err)
	require.Equal(t, token, machine.Current("door"))
	require.Equal(t, uint64(backup.Snapshot.Index), machine.Revision())
}

func TestListsComeInPages(t *testing.T) {
	c := newCluster(t, 3)
	session := c.open(time.Minute)
	for i, name := range []string{"b", "a/2", "a/1", "a/3"} {
		c.grant(session, lockfsm.Sequence(i+1), name)
	}
	page := c.ask(c.leader(), List{Prefix: "a/", Limit: 2}).(Listed)
	require.True(t, page.More)
	require.Equal(t, []string{"a/1", "a/2"}, []string{page.Locks[0].Name, page.Locks[1].Name})
	page = c.ask(c.leader(), List{Prefix: "a/", After: "a/2", Limit: 2}).(Listed)
	require.False(t, page.More)
	require.Len(t, page.Locks, 1)
	sessions := c.ask(c.leader(), Sessions{}).(SessionsListed)
	require.Equal(t, 4, sessions.Sessions[0].Held)
}
