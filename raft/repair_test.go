package raft

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Protocol-aware recovery (Alagappan et al., FAST 2018): what a member may do whose disk has lost a part of its log.

// damaged is member 1 of three, with entries of these terms behind the founding snapshot, of which first..last are lost.
func damaged(first, last Index, terms ...Term) Stored {
	stored := withLog(3, terms...)
	stored.damage(first, last)
	return stored
}

// It votes as still holding its last entry, however little it can read.
func TestPARVotesAsHoldingWhatItHeld(t *testing.T) {
	for _, c := range []struct {
		last    Position
		granted bool
	}{
		{Position{2, 2}, false}, // what it can read
		{Position{5, 2}, false}, // one entry short of what it held
		{Position{9, 1}, false}, // longer, and of an older term
		{Position{6, 2}, true},
		{Position{3, 3}, true},
	} {
		s := newSolo(t, damaged(3, 6, 2, 2, 2, 2, 2))
		s.clock += testTimeout // it may have promised something to a leader before its restart
		polled := one[*PreVoteReply](t, s.hear(2, &PreVote{Term: 3, LastIndex: c.last.Index, LastTerm: c.last.Term, Attempt: 1}), 2)
		require.Equal(t, c.granted, polled.Granted, "%+v", c.last)
		s.hear(2, &Vote{Term: 4, LastIndex: c.last.Index, LastTerm: c.last.Term})
		require.Equal(t, c.granted, one[*VoteReply](t, s.saved(), 2).Granted, "%+v", c.last)
	}
}

// It doesn't campaign, neither by itself nor when its leader asks it to.
func TestPARNeverCampaigns(t *testing.T) {
	s := newSolo(t, damaged(3, 3, 2, 2, 2))
	sent := s.poll()
	require.Equal(t, Follower, s.Role())
	require.Empty(t, only[*PreVote](sent, 2))
	require.Greater(t, s.Deadline(), s.clock)
	s.hear(2, &Append{Term: 3, PrevIndex: 9, PrevTerm: 3})
	s.hear(2, &TimeoutNow{Term: 3})
	require.Equal(t, Follower, s.Role())

	s.hear(2, &Append{Term: 3, PrevIndex: 2, PrevTerm: 2, Entries: entriesOf(3, 2)})
	require.Zero(t, s.Status().Hole)
	s.saved()
	s.poll()
	require.Equal(t, PreCandidate, s.Role(), "it is whole, and like everybody else")
}

// It acknowledges nothing that it can't read, though it once did.
func TestPARAcknowledgesWhatItCanRead(t *testing.T) {
	s := newSolo(t, damaged(4, 4, 2, 2, 2, 2))
	s.hear(2, &Append{Term: 3, PrevIndex: 5, PrevTerm: 2, Commit: 5})
	lost := one[*Lost](t, s.saved(), 2)
	require.Equal(t, &Lost{Term: 3, PrevIndex: 5, Last: 3}, lost)
	require.Equal(t, Hole{4, 4}, s.Status().Hole)
	sent := s.hear(2, &Append{Term: 3, PrevIndex: 3, PrevTerm: 2, Commit: 5, Entries: entriesOf(4, 2)})
	require.Empty(t, only[*Appended](sent, 2), "what it was sent is not on its disk yet")
	require.EqualValues(t, 4, one[*Appended](t, s.saved(), 2).Match)
	require.EqualValues(t, 5, s.Status().Stable)
}

// A leader's log decides. Where it contradicts what was behind the hole, that was never committed; and until the log is up to date with what was lost, the
// claim remains.
func TestPARALeaderMayContradict(t *testing.T) {
	s := newSolo(t, damaged(3, 3, 2, 2, 2, 2))
	s.hear(2, &Append{Term: 4, PrevIndex: 2, PrevTerm: 2})
	require.Equal(t, Hole{3, 3}, s.Status().Hole)
	s.hear(2, &Append{Term: 4, PrevIndex: 2, PrevTerm: 2, Entries: entriesOf(3, 3, 3)})
	require.Zero(t, s.Status().Hole)
	require.Equal(t, []Term{2, 3, 3}, termsOf(s.Entries(0)))
	s.saved()
	require.Nil(t, s.durable.Damage)
}

// What can be read before the hole may be older than what was lost. A leader is told to look where the two may meet.
func TestPARAnOlderPrefixGivesWay(t *testing.T) {
	stored := withLog(3, 1, 1, 1)
	stored.Term = 3
	stored.Damage = &Damage{End: Position{6, 3}}
	s := newSolo(t, stored)
	lost := one[*Lost](t, s.hear(2, &Append{Term: 3, PrevIndex: 4, PrevTerm: 3}), 2)
	require.EqualValues(t, 1, lost.Last)
	s.hear(2, &Append{Term: 3, PrevIndex: 1, PrevTerm: 1, Entries: entriesOf(2, 1, 3, 3)})
	require.NotZero(t, s.Status().Hole)
	s.hear(2, &Append{Term: 3, PrevIndex: 4, PrevTerm: 3, Entries: entriesOf(5, 3, 3)})
	require.Zero(t, s.Status().Hole)
}

// Its snapshot may be lost as well: the leader's takes its place.
func TestPARASnapshotFillsTheHole(t *testing.T) {
	s := newSolo(t, damaged(3, 3, 2, 2, 2))
	s.hear(2, &Chunk{Term: 2, Index: 3, IndexTerm: 2, Total: 1, Sum: checksum([]byte("x")), Data: []byte("x"), Membership: foundation(3).Snapshot.Membership})
	require.Zero(t, s.Status().Hole, "what is behind the snapshot goes on from it")
	require.Equal(t, []Term{2}, termsOf(s.Entries(4)))
}

// A leader counts a damaged follower for no more than it can read, and what is committed stays committed.
func TestPARTheLeaderTakesBackWhatIsLost(t *testing.T) {
	s := newSolo(t, foundation(5))
	s.takeLead()
	s.appended(2, 2)
	s.appended(3, 2)
	require.EqualValues(t, 2, s.committed())
	s.propose("a")
	s.saved()
	s.appended(2, 3)
	sent := s.hear(2, &Lost{Term: s.Term(), PrevIndex: 3, Last: 1})
	probe := one[*Append](t, sent, 2)
	require.Equal(t, Position{1, 1}, Position{probe.PrevIndex, probe.PrevTerm})
	require.EqualValues(t, 2, s.committed())
	s.appended(3, 3)
	require.EqualValues(t, 2, s.committed(), "entry 3 is readable at two of five")
	s.appended(2, 3)
	require.EqualValues(t, 3, s.committed())
	require.Empty(t, s.hear(2, &Lost{Term: s.Term() - 1, PrevIndex: 3, Last: 1}), "of an earlier term")
}

// Without a leader, members fill each other's holes: they ask for what comes before an entry that they have.
func TestPARPeersFillTheHole(t *testing.T) {
	s := newSolo(t, damaged(4, 5, 2, 2, 2, 2, 3))
	request := one[*Fetch](t, s.poll(), 2)
	require.Equal(t, &Fetch{Term: 3, Index: 6, EntryTerm: 3, From: 3}, request)
	for _, ignored := range []*Fetched{
		{Term: 9, Index: 6, EntryTerm: 3},
		{Term: 9, Index: 6, EntryTerm: 2, PrevTerm: 2, Entries: entriesOf(4, 2, 2)},
		{Term: 9, Index: 5, EntryTerm: 3, PrevTerm: 2, Entries: entriesOf(4, 2)},
	} {
		s.hear(2, ignored)
		require.Equal(t, Hole{4, 5}, s.Status().Hole)
		require.Equal(t, Term(3), s.Term(), "whoever answers changes no term")
	}
	next := one[*Fetch](t, s.hear(2, &Fetched{Term: 1, Index: 6, EntryTerm: 3, PrevTerm: 1, Entries: entriesOf(5, 2)}), 2)
	require.Equal(t, &Fetch{Term: 3, Index: 5, EntryTerm: 2, From: 3}, next)
	s.hear(2, &Fetched{Term: 1, Index: 5, EntryTerm: 2, PrevTerm: 2, Entries: entriesOf(4, 2)})
	require.Zero(t, s.Status().Hole)
	s.saved()
	require.Equal(t, []Term{2, 2, 2, 2, 3}, termsOf(s.durable.Entries))
}

// Entries are taken by index and term. What a member can read before the hole, and what was lost had replaced, is not believed.
func TestPARAPeerOverrulesAnOlderPrefix(t *testing.T) {
	stored := withLog(3, 2, 2, 2)
	stored.Term = 3
	stored.Damage = &Damage{End: Position{5, 3}, Behind: [][]Entry{entriesOf(5, 3)}}
	s := newSolo(t, stored)
	s.poll()
	request := one[*Fetch](t, s.hear(2, &Fetched{Term: 3, Index: 5, EntryTerm: 3, PrevTerm: 3, Entries: entriesOf(4, 3)}), 2)
	require.Equal(t, &Fetch{Term: 3, Index: 4, EntryTerm: 3, From: 1}, request)
	s.hear(2, &Fetched{Term: 3, Index: 4, EntryTerm: 3, PrevTerm: 2, Entries: entriesOf(3, 3)})
	require.Zero(t, s.Status().Hole)
	require.Equal(t, []Term{2, 3, 3, 3}, termsOf(s.Entries(0)))
}

// What a leader has agreed with since is newer than anything behind the hole, and is not cut by it.
func TestPARNoPeerOverrulesALeader(t *testing.T) {
	stored := withLog(3, 2, 2, 2)
	stored.Term = 3
	stored.Damage = &Damage{End: Position{6, 3}, Behind: [][]Entry{entriesOf(6, 3)}}
	s := newSolo(t, stored)
	s.hear(3, &Append{Term: 5, PrevIndex: 4, PrevTerm: 2})
	s.hear(2, &Fetched{Term: 3, Index: 6, EntryTerm: 3, PrevTerm: 2, Entries: entriesOf(3, 3, 3, 3)})
	require.Equal(t, []Term{2, 2, 2}, termsOf(s.Entries(0)))
}

// Whoever is asked gives what is certain to come before the named entry, no more than fits, and nothing else.
func TestPARAnAnswerIsCertainAndBounded(t *testing.T) {
	stored := damaged(5, 5, 1, 2, 2, 2, 3, 3)
	for i := range stored.Entries {
		stored.Entries[i].Data = make([]byte, 40)
	}
	s := newSolo(t, stored)
	ask := func(index Index, term Term) *Fetched {
		return one[*Fetched](t, s.hear(2, &Fetch{Term: 9, Index: index, EntryTerm: term, From: 2}), 2)
	}
	require.Equal(t, []Term{2}, termsOf(ask(4, 2).Entries), "two would be more than fits")
	require.Equal(t, Term(1), ask(3, 2).PrevTerm+ask(2, 1).PrevTerm-1)
	require.Len(t, ask(7, 3).Entries, 1, "from behind its own hole")
	require.Empty(t, ask(6, 3).Entries)
	require.Empty(t, ask(4, 3).Entries)
	require.Empty(t, ask(9, 3).Entries)
	require.Equal(t, Term(2), ask(5, 2).Entries[0].Term, "of one term, and so one before the other")
	require.Equal(t, Term(3), s.Term(), "and it changes nothing")
}

// What a leader agreed with goes with the log that it agreed with: a later leader's snapshot may reach less far.
func TestPARASnapshotEndsWhatALeaderAgreedWith(t *testing.T) {
	stored := withLog(5, 2, 2)
	stored.Term, stored.Damage = 5, &Damage{End: Position{20, 5}}
	s := newSolo(t, stored)
	s.hear(2, &Append{Term: 5, PrevIndex: 3, PrevTerm: 2, Entries: entriesOf(4, 3, 5, 5, 5, 5)})
	require.False(t, s.whole())
	s.saved()
	s.hear(3, &Chunk{Term: 7, Index: 7, IndexTerm: 4, Total: 1, Sum: checksum([]byte("x")), Data: []byte("x"), Membership: foundation(5).Snapshot.Membership})
	require.Equal(t, Index(7), s.log.last())
	require.Equal(t, Hole{8, 20}, s.Status().Hole)
}

// A claim that is an upper bound is limited by its leader's log, in the leader's own term and in answer to an ask of this process. Else a member that
// claims too much would vote for nobody when that leader goes and nobody has more.
func TestPARAClaimIsLimitedByItsLeader(t *testing.T) {
	stored := withLog(3, 2, 2)
	stored.Term, stored.Damage = 2, &Damage{End: Position{40, 2}}
	s := newSolo(t, stored)
	heartbeat := &Append{Term: 2, PrevIndex: 3, PrevTerm: 2, Commit: 3}
	ask := one[*ReadIndex](t, s.hear(2, heartbeat), 2).Ask
	s.hear(2, &ReadIndexReply{Term: 2, Ask: ask - 1, Index: 3, Last: 3})
	require.Equal(t, Hole{4, 40}, s.Status().Hole, "an answer to the process before this one says nothing")
	s.hear(2, &ReadIndexReply{Term: 2, Ask: ask, Index: 3, Last: 4})
	require.Equal(t, Hole{4, 4}, s.Status().Hole)
	s.hear(2, &Append{Term: 2, PrevIndex: 3, PrevTerm: 2, Commit: 3, Entries: entriesOf(4, 2)})
	require.True(t, s.whole())
}

// A member may be whole by the rule of elections, and lack what it acknowledged: what it can read is of a later term, and was never cut where its
// disk has forgotten that it was. Its leader believes the answer to its probe, and goes back.
func TestPARAWholeMemberMayLackWhatItAcknowledged(t *testing.T) {
	stored := withLog(3, 1, 3, 5)
	stored.Term, stored.Damage = 6, &Damage{End: Position{5, 4}, Behind: [][]Entry{entriesOf(5, 4)}}
	follower := newSolo(t, stored)
	require.True(t, follower.whole())
	said := one[*Mismatch](t, append(follower.hear(2, &Append{Term: 6, PrevIndex: 5, PrevTerm: 4}), follower.saved()...), 2)

	lead := withLog(3, 1, 3, 3, 4)
	lead.Term = 5
	leader := newSolo(t, lead)
	leader.takeLead()
	leader.appended(2, 5)
	leader.step(Unreachable{Member: 2})
	sent := leader.hear(2, said)
	require.Less(t, one[*Append](t, sent, 2).PrevIndex, Index(5), "it goes back")
}

// Nodes that joined later may be the only ones that can help each other: they know of each other from behind the hole, and what an answer gives is judged
// by index and term, whoever gave it.
func TestPARTheHelpOfStrangers(t *testing.T) {
	stored := damaged(3, 3, 2, 2)
	behind := membershipEntry(4, 2, Membership{Members: membersOf(1, 4, 5)})
	stored.Term, stored.Damage = 2, &Damage{End: Position{4, 2}, Behind: [][]Entry{{behind}}}
	stored.Entries = entriesOf(2, 1)
	s := newSolo(t, stored)
	sent := s.poll()
	one[*Fetch](t, sent, 2)
	one[*Fetch](t, sent, 5)
	s.hear(5, &Fetched{Term: 2, Index: 4, EntryTerm: 2, PrevTerm: 1, Entries: entriesOf(3, 1)})
	require.True(t, s.whole())
	require.Equal(t, membersOf(1, 4, 5), s.Status().Membership.Members)
}

// TestRandomSchedulesWithRot is TestRandomSchedules with disks that lose parts of logs, or their last words, on a minority at a time: nothing is lost, and
// the cluster goes on.
func TestRandomSchedulesWithRot(t *testing.T) {
	rotted, lapses, bared := 0, 0, 0
	for seed := range *seeds / 2 {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			w := newWorld(t, seed, 3+int(seed%3))
			w.rots = true
			w.live()
			for moves := 0; slices.ContainsFunc(w.nodes, func(m *member) bool { return !m.node.whole() }); moves++ {
				require.Less(t, moves, 50_000, "somebody is not repaired")
				w.move(false)
			}
			rotted, lapses, bared = rotted+w.rotted, lapses+w.lapses, bared+w.bared
		})
	}
	t.Logf("%d logs damaged, %d of them at the end, and %d snapshots", rotted, lapses, bared)
	require.NotZero(t, rotted)
	require.NotZero(t, lapses)
	require.NotZero(t, bared)
}

// TestChangesWithLapses is TestRandomSchedules with disks that lose their last records, one at a time, while nodes are added and removed: whoever is asked for
// his term may be one of whom the member has lost every word. Nothing is lost, nobody votes twice. (Progress is not asked for: who is waited for may be gone.)
func TestChangesWithLapses(t *testing.T) {
	lapses, ends, changes := 0, 0, 0
	for seed := range *seeds / 2 {
		w := newWorld(t, seed, 2+int(seed%4))
		w.lapsing = true
		for range 6000 {
			w.move(true)
		}
		lapses, ends, changes = lapses+w.lapses, ends+w.ends, changes+w.changes
	}
	t.Logf("%d last records lost, %d doubts ended, %d changes", lapses, ends, changes)
	require.NotZero(t, ends)
}

// rot takes a part of a log that is down. What is left before it may be the log as it was before it was cut last.
func (w *world) rot(m *member) {
	d := &m.durable
	hurt := 0
	for _, other := range w.nodes {
		if other.durable.Damage != nil {
			hurt++
		}
	}
	if w.lapsing && hurt == 0 && len(m.past) > 0 && d.Snapshot.Index > 0 {
		w.lapse(m)
	}
	if !w.rots || hurt >= (len(w.nodes)-spares-1)/2 || d.Damage != nil || len(d.Entries) == 0 {
		return
	}
	w.rotted++
	if len(m.past) > 0 && w.random.IntN(3) == 0 && !slices.ContainsFunc(w.nodes, (*member).doubts) {
		w.lapse(m)
		return
	}
	if d.Snapshot.Index > 0 && w.random.IntN(4) == 0 {
		w.bared++
		d.bare()
		return
	}
	first := d.Snapshot.Index + 1 + Index(w.random.IntN(len(d.Entries)))
	last := first + Index(w.random.IntN(int(d.last()-first)+1))
	d.damage(first, last)
	if w.random.IntN(2) == 0 {
		d.takeOlder(m.older, last)
	}
	if w.random.IntN(4) == 0 {
		d.Damage.End.Index += Index(w.random.IntN(5))
	}
}

func (m *member) doubts() bool { return m.durable.Damage != nil && m.durable.Damage.Doubt }

// lapse takes the last records from a member that is down, often the last one alone, and sometimes all but the first.
func (w *world) lapse(m *member) {
	w.lapses++
	back := 1 + w.random.IntN(min(len(m.past), []int{1, 4, len(m.past)}[w.random.IntN(3)]))
	m.durable, m.past = m.past[len(m.past)-back], m.past[:len(m.past)-back]
	lost := Damage{Doubt: true}
	if earlier := m.durable.Damage; earlier != nil {
		lost.Behind = earlier.Behind
	}
	m.durable.Damage = &lost
}

// bare takes the snapshot from a disk, and so the beginning of the log. It is known who belonged to the cluster.
func (s *Stored) bare() {
	end := Position{s.Snapshot.Index, s.Snapshot.Term}
	if len(s.Entries) > 0 {
		end = Position{s.last(), s.term(s.last())}
		s.Damage = &Damage{End: end, Behind: [][]Entry{s.Entries}}
	} else {
		s.Damage = &Damage{End: end}
	}
	s.Snapshot, s.Entries = Snapshot{Membership: s.Snapshot.Membership}, nil
}

// takeOlder puts an older history before the hole, if it goes on from the snapshot.
func (s *Stored) takeOlder(older []Entry, last Index) {
	under := s.Snapshot.Index
	at := slices.IndexFunc(older, func(e Entry) bool { return e.Index == under && e.Term == s.Snapshot.Term })
	founded := under == 1 // then everything goes on from there
	if at < 0 && !founded || at+1 == len(older) || last <= under {
		return
	}
	s.Entries = slices.Clone(older[at+1 : min(len(older), at+1+int(last-under))])
}

// Two of three are damaged, both where the third has nothing but its snapshot, which lacks nothing that comes before what they can read. Together they have
// everything.
func TestASnapshotFillsAHoleWithoutALeader(t *testing.T) {
	s := newStage(t, 3)
	for _, a := range s.actors {
		a.durable.Term = 2
		a.durable.Entries = entriesOf(2, 2, 2, 2, 2, 2, 2, 2)
	}
	whole := &s.actors[2].durable
	whole.Snapshot.Index, whole.Snapshot.Term, whole.Snapshot.Data = 5, 2, []byte("a state that takes more than one piece")
	whole.Entries = entriesOf(6, 2)
	s.actors[0].durable.damage(3, 6)
	s.actors[1].durable.damage(3, 6)
	for _, a := range s.actors {
		s.start(a)
	}
	s.run(20 * time.Second)
	for _, a := range s.actors {
		require.Zero(t, a.node.Status().Hole, "member %d", a.id)
		require.NotZero(t, a.node.Leader())
	}
}
