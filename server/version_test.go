package server

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/lockfsm"
	"lockd/raft"
)

// aged makes the program of some members an old one.
func aged(old ...raft.ID) func(*Config) {
	return func(c *Config) {
		for _, id := range old {
			if c.Raft.ID == id {
				c.Version = lockfsm.Oldest
			}
		}
	}
}

// disk is what a member would find, were it started again.
func (m *member) disk() raft.Stored {
	status, latest := m.server.node.Status(), m.server.node.Latest()
	return raft.Stored{Term: status.Term, Vote: status.Vote, Snapshot: latest, Entries: m.server.node.Entries(latest.Index + 1)}
}

// install starts a member again with another program.
func (c *cluster) install(m *member, version lockfsm.Version) error {
	config := m.server.config
	config.Version = version
	again, err := New(config, m.disk(), c.now)
	if err == nil {
		m.server, m.inbox, m.cut, m.outdated = again, nil, false, nil
	}
	return err
}

// written is the version in which the last command of a kind was written.
func (c *cluster) written() lockfsm.Version {
	entries := c.leader().server.node.Entries(1)
	for i := len(entries) - 1; i >= 0; i-- {
		if entries[i].Kind == raft.KindCommand {
			return lockfsm.Version(entries[i].Data[0])
		}
	}
	return 0
}

// As long as one member's program is old the cluster writes as it always did. When the last one has been replaced, the version rises by an entry.
func TestTheVersionRisesWithTheLastMember(t *testing.T) {
	c := newCluster(t, 3, aged(1, 2, 3))
	session := c.open(time.Hour)
	for i, m := range append(c.followers(), c.leader()) {
		require.True(t, c.inForce(lockfsm.Oldest), "%d programs are new", i)
		require.NoError(t, c.install(m, lockfsm.Newest))
		c.pass(4 * electionTimeout)
	}
	require.True(t, c.inForce(lockfsm.Newest))
	require.Equal(t, lockfsm.OK, c.result(acquire(session, 1, "door")).Status)
	require.Equal(t, lockfsm.Newest, c.written())
	again := acquire(session, 1, "door")
	require.Equal(t, lockfsm.OK, c.result(again).Status, "it is the same command, however it is written")
	c.same()
}

func TestCommandsAreWrittenInTheVersionInForce(t *testing.T) {
	c := newCluster(t, 3, aged(2))
	c.open(time.Hour)
	require.Equal(t, lockfsm.Oldest, c.written())
}

// Whoever can't be reached may come back with an old program: nobody can say that it will not.
func TestAMemberThatIsDownHoldsTheVersionDown(t *testing.T) {
	c := newCluster(t, 3, aged(1, 2, 3))
	gone := c.followers()[0]
	for _, m := range c.members {
		require.NoError(t, c.install(m, lockfsm.Newest))
	}
	gone.cut = true
	c.pass(10 * electionTimeout)
	require.Equal(t, lockfsm.Oldest, c.leader().server.machine.Version())
	gone.cut = false
	c.until(func() bool { return c.inForce(lockfsm.Newest) })
}

// A learner is sent the log as well.
func TestALearnerHoldsTheVersionDown(t *testing.T) {
	c := newCluster(t, 3, aged(1, 2, 3))
	newcomer := c.newcomer()
	four := c.members[3]
	four.server.config.Version = lockfsm.Oldest
	four.slow = true
	require.NoError(t, c.install(four, lockfsm.Oldest))
	c.send(c.leader(), adding(newcomer))
	c.pass(2 * electionTimeout)
	require.Len(t, c.leader().server.node.Status().Membership.Learners, 1)
	for _, m := range append(c.followers(), c.leader()) {
		if m != four {
			require.NoError(t, c.install(m, lockfsm.Newest))
			c.pass(4 * electionTimeout)
		}
	}
	require.Equal(t, lockfsm.Oldest, c.leader().server.machine.Version())
}

// A member has said that its program is new, and before that counts, it is given the old one again.
func TestAWordOfAProgramThatWasReplacedDoesNotCount(t *testing.T) {
	c := newCluster(t, 3, aged(3))
	leader := c.leader()
	for leader.id == 3 {
		c.ask(leader, Transfer{To: 1})
		c.pass(electionTimeout)
		leader = c.leader()
	}
	three := c.members[2]
	three.cut = true
	s := leader.server
	s.Step(c.now, raft.Receive{Envelope: raft.Envelope{From: 3, To: leader.id, Incarnation: 3,
		Message: &raft.Appended{Term: s.node.Term(), Match: 1, Version: uint8(lockfsm.Newest)}}})
	require.Equal(t, lockfsm.Newest, s.common(0), "all have said it once")
	c.pass(3 * electionTimeout)
	require.Equal(t, lockfsm.Oldest, s.machine.Version())
	require.Zero(t, s.ascent.pending)
	three.cut = false
	c.pass(4 * electionTimeout)
	require.True(t, c.inForce(lockfsm.Oldest))
}

// What an old program can't read it neither keeps nor acknowledges: it stops, and says what to install. With that it goes on from where it was.
func TestAnOldProgramThatIsSentWhatItCantReadStops(t *testing.T) {
	c := newCluster(t, 3)
	old := c.followers()[0]
	old.cut = true
	entries := old.server.node.Status().Last
	c.open(time.Hour)
	config := old.server.config
	config.Version = lockfsm.Oldest
	fresh, err := New(config, raft.Stored{Term: 1, Snapshot: founding(3).Snapshot}, c.now)
	require.NoError(t, err)
	old.server, old.inbox, old.cut = fresh, nil, false // it had not heard of the Upgrade yet

	c.pass(2 * electionTimeout)
	var outdated *Outdated
	require.ErrorAs(t, old.outdated, &outdated)
	require.Equal(t, lockfsm.Newest, outdated.Needed)
	require.ErrorContains(t, old.outdated, "install a lockd that supports version 2")
	require.Less(t, old.server.node.Status().Last, entries, "nothing of it is in the log")
	for _, e := range old.server.node.Entries(1) {
		require.LessOrEqual(t, lockfsm.CommandNeeds(e.Data), lockfsm.Oldest)
	}

	require.NoError(t, c.install(old, lockfsm.Newest))
	c.until(func() bool { return c.inForce(lockfsm.Newest) })
	c.same()
}

// A snapshot says in its first byte what it needs. It is refused before any of it is gathered.
func TestAnOldProgramThatIsSentASnapshotStops(t *testing.T) {
	data := []byte{byte(lockfsm.Newest), 0}
	for _, message := range []raft.Message{
		&raft.Chunk{Term: 1, Index: 90, IndexTerm: 1, Total: 9, Data: data}, &raft.Bequest{Term: 1, Index: 90, IndexTerm: 1, Total: 9, Data: data},
	} {
		c := newCluster(t, 3, aged(3))
		s := c.members[2].server
		s.Step(c.now, raft.Receive{Envelope: raft.Envelope{From: 1, To: 3, Incarnation: 1, Message: message}})
		var out Output
		s.Drain(&out)
		require.ErrorContains(t, out.Outdated, "the snapshot at entry 90 of another member")
		require.Zero(t, out.Record.Sequence)
		require.Empty(t, out.Send)
		s.Step(c.now, raft.Timeout{})
		s.Drain(&out)
		require.Error(t, out.Outdated, "it does not go on")
	}
}

// A program that was downgraded behind the Upgrade finds on its own disk what it can't read, in whichever part of it.
func TestADowngradeBehindTheUpgradeIsRefused(t *testing.T) {
	c := newCluster(t, 3)
	var outdated *Outdated
	require.ErrorAs(t, c.install(c.members[0], lockfsm.Oldest), &outdated)
	require.Equal(t, lockfsm.VersionError{Needed: lockfsm.Newest, Supported: lockfsm.Oldest}, *outdated.VersionError)

	config := c.members[0].server.config
	config.Version = lockfsm.Oldest
	stored := c.members[0].disk()
	behind := raft.Stored{Term: stored.Term, Snapshot: founding(3).Snapshot, Damage: &raft.Damage{
		End: raft.Position{Index: stored.Entries[len(stored.Entries)-1].Index, Term: stored.Term}, Behind: [][]raft.Entry{stored.Entries[1:]},
	}}
	_, err := New(config, behind, c.now)
	require.ErrorAs(t, err, &outdated)

	stored.Snapshot.Data, stored.Entries = c.members[0].server.machine.Snapshot().Encode(), nil
	_, err = New(config, stored, c.now)
	require.ErrorAs(t, err, &outdated)
	require.ErrorContains(t, err, "the snapshot at entry 1 on this disk")
}

// Until then it is the operator's right.
func TestADowngradeBeforeTheUpgradeIsNoMatter(t *testing.T) {
	c := newCluster(t, 3, aged(1, 2))
	require.NoError(t, c.install(c.members[2], lockfsm.Oldest))
	c.pass(4 * electionTimeout)
	c.open(time.Hour)
	c.same()
}

// A learner whose program is too old would have to vote for what it can't read.
func TestALearnerThatIsTooOldIsNotPromoted(t *testing.T) {
	c := newCluster(t, 3)
	leader := c.leader()
	c.members = append(c.members, &member{id: 4, cut: true, frozen: true})
	require.IsType(t, MembersChanged{}, c.ask(leader, adding(raft.Member{ID: 4, Incarnation: 4, Address: "four:7401"})))
	s := leader.server
	s.Step(c.now, raft.Receive{Envelope: raft.Envelope{From: 4, To: leader.id, Incarnation: 4,
		Message: &raft.Appended{Term: s.node.Term(), Match: 1, Version: uint8(lockfsm.Oldest)}}})
	refusal := c.ask(leader, ChangeMembers{raft.Change{Promote: []raft.ID{4}}}).(Refusal)
	require.Equal(t, Invalid, refusal.Reason)
	require.Contains(t, refusal.Detail, "member 4: version 2 is needed, and the program supports no more than version 1")
}

func TestAProgramKnowsWhatItSupports(t *testing.T) {
	config := serverConfig(1)
	for _, none := range []lockfsm.Version{0, lockfsm.Newest + 1} {
		config.Version = none
		require.Panics(t, func() { _, _ = New(config, founding(1), 0) })
	}
}
