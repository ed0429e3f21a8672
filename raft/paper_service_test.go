package raft

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The rules of the Raft paper and of the thesis about reads, leadership transfer and snapshots, section by section.

// confirm is an answer to a round.
func (s *solo) confirm(from ID, round uint64) []Envelope {
	return s.hear(from, &Appended{Term: s.Term(), Round: round, Match: s.lead.peer(from).match})
}

// established leads a cluster, and has committed the first entry of its term.
func established(t testing.TB, size int, tune ...func(*Config)) *solo {
	s := newSolo(t, foundation(size), tune...)
	s.takeLead()
	for id := ID(2); id <= ID(size); id++ {
		s.appended(id, 2)
	}
	require.Equal(t, Index(2), s.committed())
	return s
}

// Thesis §6.4: a read waits for a round of heartbeats that began after it did, and for a majority's answers.
func TestPaper64ReadIsConfirmedByAMajority(t *testing.T) {
	s := established(t, 5)
	sent := s.read(7)
	require.Equal(t, uint64(1), one[*Append](t, sent, 2).Round)
	require.Len(t, sent, 4)
	s.confirm(2, 1)
	s.confirm(2, 1)
	require.Empty(t, s.output.Reads)
	s.confirm(3, 0)
	require.Empty(t, s.output.Reads, "an answer to what was sent before the read began")
	s.confirm(3, 1)
	require.Equal(t, []Read{{ID: 7, Index: 2}}, s.output.Reads)
	s.confirm(4, 1)
	require.Empty(t, s.output.Reads, "once")
}

// Thesis §6.4: an answer to an earlier round may have been given before the read began, by a follower that has
// a newer leader by now. It confirms the reads of that round, and no others.
func TestPaper64LateAnswerOfAnEarlierRound(t *testing.T) {
	s := established(t, 3)
	s.read(1)
	s.propose("x")
	s.saved()
	s.read(2)
	s.confirm(2, 1)
	require.Equal(t, []Read{{ID: 1, Index: 2}}, s.output.Reads)
	s.confirm(2, 2)
	require.Equal(t, []Read{{ID: 2, Index: 2}}, s.output.Reads)
}

// Thesis §6.4: what a member has confirmed stays confirmed, when an older answer of its comes late.
func TestPaper64OlderAnswerTakesNothingBack(t *testing.T) {
	s := established(t, 5)
	s.read(1)
	s.read(2)
	s.confirm(2, 2)
	s.confirm(2, 1)
	s.confirm(3, 2)
	require.Equal(t, []Read{{ID: 1, Index: 2}, {ID: 2, Index: 2}}, s.output.Reads)
}

// A cluster of one is its own majority: a read is served with the next Drain.
func TestReadInAClusterOfOne(t *testing.T) {
	s := newSolo(t, foundation(1))
	s.takeLead()
	s.read(1)
	require.Equal(t, []Read{{ID: 1, Index: 2}}, s.output.Reads)
}

// The commit that a read waits for may come from the leader's own disk, when all answers are in already.
func TestReadServedByTheLeadersDisk(t *testing.T) {
	s := newSolo(t, foundation(3))
	s.campaign()
	s.hear(2, &VoteReply{Term: 2, Granted: true})
	s.read(1)
	s.hear(2, &Appended{Term: 2, Round: 1, Match: 2})
	require.Empty(t, s.output.Reads)
	s.saved()
	require.Equal(t, []Read{{ID: 1, Index: 2}}, s.output.Reads)
}

// Thesis §6.4: all reads that wait share the next round.
func TestPaper64OneRoundForManyReads(t *testing.T) {
	s := established(t, 3)
	for id := range uint64(3) {
		require.NoError(t, s.Read(s.clock, id, ByRound))
	}
	require.Len(t, s.drain(), 2, "one message to each follower")
	require.Empty(t, s.drain())
	s.confirm(3, 1)
	require.Equal(t, []Read{{0, 2}, {1, 2}, {2, 2}}, s.output.Reads)
}

// §8: what earlier leaders committed is known only when an entry of this term is committed; until then no read is served.
func TestPaper8NoReadBeforeTheTermsFirstCommit(t *testing.T) {
	s := newSolo(t, withLog(3, 1, 1))
	s.takeLead()
	s.read(1)
	s.confirm(2, 1)
	s.confirm(3, 1)
	require.Empty(t, s.output.Reads)
	s.hear(2, &Appended{Term: 2, Round: 1, Match: 4})
	require.Equal(t, []Read{{ID: 1, Index: 4}}, s.output.Reads)
	require.Len(t, s.output.Commit, 3, "and the entries come with it")
}

// A read sees what was committed when it began.
func TestReadIndexIsTheCommitIndex(t *testing.T) {
	s := established(t, 3)
	s.propose("x")
	s.saved()
	s.appended(2, 3)
	s.read(1)
	s.propose("y")
	s.saved()
	s.appended(3, 4)
	s.confirm(3, 1)
	require.Equal(t, []Read{{ID: 1, Index: 3}}, s.output.Reads)
}

// A mismatch confirms leadership as well as anything, and so does a piece of a snapshot.
func TestAnyAnswerConfirms(t *testing.T) {
	for _, answer := range []Message{
		&Mismatch{Term: 2, Round: 1, PrevIndex: 2}, &ChunkReceived{Term: 2, Round: 1},
	} {
		s := established(t, 3)
		s.read(1)
		s.hear(2, answer)
		require.Len(t, s.output.Reads, 1, "%T", answer)
	}
}

// A leader that is deposed refuses the reads that it never confirmed.
func TestDeposedLeaderRefusesReads(t *testing.T) {
	s := established(t, 3)
	s.read(1)
	require.NoError(t, s.Read(s.clock, 2, ByRound))
	s.hear(2, &StaleTerm{Term: 3})
	require.Equal(t, []uint64{1, 2}, s.output.Refused)
	require.Empty(t, s.output.Reads)
	s.drain()
	require.Empty(t, s.output.Refused, "once")
}

// Thesis §3.10: the successor is brought up to date first, then told once to campaign; proposals are refused meanwhile.
func TestPaper310Transfer(t *testing.T) {
	s := established(t, 3)
	s.propose("x")
	require.NoError(t, s.Transfer(s.clock, 3))
	require.Empty(t, only[*TimeoutNow](s.drain(), 3), "it lacks an entry")
	_, err := s.Propose(s.clock, []byte("y"))
	require.ErrorIs(t, err, ErrTransferring)
	require.ErrorIs(t, s.Transfer(s.clock, 2), ErrTransferring)
	require.Equal(t, ID(3), s.Status().Transfer)
	require.NoError(t, s.Read(s.clock, 1, ByRound), "it still leads")

	require.Empty(t, only[*TimeoutNow](s.appended(2, 3), 2), "not to another member")
	one[*TimeoutNow](t, s.appended(3, 3), 3)
	require.Empty(t, only[*TimeoutNow](s.drain(), 3), "once")
}

// Thesis §3.10: after an election timeout the leader takes proposals again, as if nothing had been asked.
func TestPaper310TransferIsGivenUp(t *testing.T) {
	s := established(t, 3)
	require.NoError(t, s.Transfer(s.clock, 3))
	for asked := s.clock; s.clock < asked+testTimeout; {
		require.Equal(t, ID(3), s.Status().Transfer)
		s.wait(s.config.Heartbeat)
		s.appended(2, 2)
	}
	require.Zero(t, s.Status().Transfer)
	s.propose("x")
	require.NoError(t, s.Transfer(s.clock, 2))
}

// A follower that was told to campaign, and was not elected, is passed over for a while: its log may be damaged, or its disk hang. A leader whose disk hangs
// would else hand over to it again and again, and refuse everything meanwhile.
func TestWhoDidNotTakeOverIsPassedOver(t *testing.T) {
	s := established(t, 3)
	s.propose("x") // and its disk hangs
	told := map[ID]int{}
	for range 40 {
		s.appended(2, s.log.last())
		s.appended(3, s.log.last())
		sent := s.wait(testTimeout / 5)
		for _, id := range []ID{2, 3} {
			told[id] += len(only[*TimeoutNow](sent, id))
		}
	}
	require.NotZero(t, told[2])
	require.NotZero(t, told[3], "2 does not take over")
	require.Zero(t, s.Status().Transfer)
	_, err := s.Propose(s.clock, []byte("y"))
	require.NoError(t, err, "nobody takes over, and the others can commit")
}

// Thesis §3.10: whoever asks for no one in particular gets the follower that has most of the log.
func TestPaper310ClosestSuccessor(t *testing.T) {
	s := established(t, 3)
	s.propose("x")
	s.appended(3, 3)
	require.NoError(t, s.Transfer(s.clock, 0))
	require.Equal(t, ID(3), s.Status().Transfer)

	s = established(t, 3)
	s.propose("x")
	s.saved()
	s.appended(2, 2)
	s.hear(3, &Appended{Term: 2, Match: 3, Full: true})
	require.NoError(t, s.Transfer(s.clock, 0))
	require.Equal(t, ID(2), s.Status().Transfer, "the other one has no room for what it would be asked to keep")

	s = established(t, 3)
	require.ErrorIs(t, s.Transfer(s.clock, 1), ErrNotMember)
	require.ErrorIs(t, s.Transfer(s.clock, 4), ErrNotMember)
	s = newSolo(t, foundation(1))
	s.takeLead()
	require.ErrorIs(t, s.Transfer(s.clock, 0), ErrNotMember, "there is nobody else")
}

// Thesis §3.10: only the leader itself can ask for this election, which no poll comes before.
func TestPaper310OnlyTheLeaderAsks(t *testing.T) {
	s := newSolo(t, foundation(3))
	s.hear(2, &TimeoutNow{Term: 1})
	require.Equal(t, Follower, s.Role(), "it has no leader")
	s.hear(2, &Append{Term: 2, PrevIndex: 1, PrevTerm: 1})
	s.hear(3, &TimeoutNow{Term: 2})
	require.Equal(t, Follower, s.Role(), "3 does not lead")
	s.hear(2, &TimeoutNow{Term: 2})
	require.Equal(t, Candidate, s.Role())
	require.True(t, one[*Vote](t, s.saved(), 3).Transfer)
}

// §7: compaction keeps the entries behind the snapshot that slow followers may still ask for, as many as may be kept.
func TestPaper7Compaction(t *testing.T) {
	for _, c := range []struct {
		at    Index
		keep  int
		first Index
	}{
		{6, 0, 7}, {6, 1, 6}, {6, 3, 4}, {6, 5, 2}, {6, 6, 2}, {6, 50, 2}, {8, 0, 9}, {8, 3, 6},
	} {
		s := newSolo(t, withLog(3, 1, 1, 1, 2, 2, 2, 2), func(conf *Config) { conf.KeepBytes = c.keep * entryCost })
		s.hear(2, &Append{Term: 3, PrevIndex: 8, PrevTerm: 2, Commit: 8})
		s.saved()
		s.step(Snapshotted{s.SnapshotAt(c.at)})
		require.Equal(t, c.first, s.Status().First, "%+v", c)
		require.Equal(t, c.at, s.Latest().Index)
		require.Len(t, s.Entries(0), int(8-c.first+1), "%+v", c)
		s.step(Snapshotted{Snapshot{Index: c.at - 1}})
		require.Equal(t, c.at, s.Latest().Index, "an older snapshot is nothing new")
	}
	s := newSolo(t, withLog(3, 1, 1))
	require.Panics(t, func() { s.SnapshotAt(2) }, "nothing of it is committed")
}

// §7: a snapshot rests on the records that went to the disk before it. Should it overtake them, a power loss could leave it
// beside a term of the past.
func TestPaper7ASnapshotDoesNotOvertakeTheRecords(t *testing.T) {
	s := newSolo(t, withLog(3, 1, 1))
	s.hear(2, &Append{Term: 5, PrevIndex: 3, PrevTerm: 1, Commit: 3})
	require.Equal(t, []Index{3, 1}, []Index{s.Status().Applied, s.Covered()}, "term 5 is not durable yet")
	require.Panics(t, func() { s.Step(s.clock, Snapshotted{s.SnapshotAt(3)}) })
	s.saved()
	require.Equal(t, Index(3), s.Covered())
	s.hear(2, &Append{Term: 5, PrevIndex: 3, PrevTerm: 1, Commit: 3, Entries: entriesOf(4, 5)})
	s.hear(2, &Append{Term: 5, PrevIndex: 4, PrevTerm: 5, Commit: 4})
	require.Equal(t, []Index{4, 3}, []Index{s.Status().Applied, s.Covered()}, "handed out behind a record that is still on its way")
	s.saved()
	require.Equal(t, Index(4), s.Covered())
}

// §7: a follower that needs entries which are gone gets the snapshot, piece by piece, each asked for by the answer to the last one.
func TestPaper7LeaderSendsChunks(t *testing.T) {
	s := established(t, 3, func(c *Config) { c.KeepBytes, c.ChunkBytes = 0, 4 })
	s.propose("x")
	s.saved()
	s.appended(3, 3)
	snapshot := s.SnapshotAt(3)
	snapshot.Data = []byte("0123456789")
	sent := s.step(Snapshotted{snapshot})
	require.Empty(t, sent)
	s.propose("y")
	sent = s.hear(2, &Mismatch{Term: 2, PrevIndex: 3, Last: 2})
	chunk := one[*Chunk](t, sent, 2)
	require.Equal(t, "0123", string(chunk.Data))
	require.Equal(t, []any{Index(3), Term(2), uint64(0), uint64(10)}, []any{chunk.Index, chunk.IndexTerm, chunk.Offset, chunk.Total})
	require.Equal(t, foundation(3).Snapshot.Membership, chunk.Membership)
	require.True(t, s.Followers()[0].Installing)
	require.Empty(t, s.drain(), "one piece at a time")

	received := func(offset uint64) []Envelope {
		return s.hear(2, &ChunkReceived{Term: 2, Index: 3, Offset: offset})
	}
	require.Equal(t, "4567", string(one[*Chunk](t, received(4), 2).Data))
	require.Empty(t, received(4), "said twice")
	require.Equal(t, "89", string(one[*Chunk](t, received(8), 2).Data))
	require.Equal(t, "0123", string(one[*Chunk](t, received(0), 2).Data), "the follower begins again")
	require.Empty(t, received(11), "beyond the end")

	after := one[*Append](t, s.appended(2, 3), 2)
	require.Equal(t, Index(3), after.PrevIndex)
	require.Len(t, after.Entries, 1)
	require.False(t, s.Followers()[0].Installing)
}

// §7: a piece that is not answered is sent again after an election timeout, no sooner.
func TestPaper7LostChunkIsRepeated(t *testing.T) {
	s := established(t, 3, func(c *Config) { c.KeepBytes = 0 })
	s.propose("x")
	s.saved()
	s.appended(3, 3)
	s.step(Snapshotted{s.SnapshotAt(3)})
	one[*Chunk](t, s.hear(2, &Mismatch{Term: 2, PrevIndex: 3, Last: 2}), 2)
	for asked := s.clock; s.clock < asked+testTimeout-s.config.Heartbeat; {
		sent := s.wait(s.config.Heartbeat)
		require.Empty(t, only[*Chunk](sent, 2))
		require.Equal(t, Index(3), one[*Append](t, sent, 2).PrevIndex, "it is kept calm")
		s.appended(3, 3)
	}
	one[*Chunk](t, s.wait(s.config.Heartbeat), 2)
}

func chunk(index Index, offset uint64, data, whole string) *Chunk {
	return &Chunk{
		Term: 2, Index: index, IndexTerm: 2, Membership: foundation(3).Snapshot.Membership,
		Offset: offset, Total: uint64(len(whole)), Sum: checksum([]byte(whole)), Data: []byte(data),
	}
}

// §7: a follower puts the pieces together in order, and says how much it has, whatever comes.
func TestPaper7FollowerAssemblesChunks(t *testing.T) {
	s := newSolo(t, withLog(3, 1, 1))
	has := func(m *Chunk) uint64 {
		return one[*ChunkReceived](t, append(s.hear(2, m), s.saved()...), 2).Offset
	}
	require.Equal(t, uint64(0), has(chunk(9, 2, "cd", "abcdef")), "it lacks the first one")
	require.Equal(t, uint64(2), has(chunk(9, 0, "ab", "abcdef")))
	require.Equal(t, uint64(2), has(chunk(9, 0, "ab", "abcdef")), "repeated")
	require.Equal(t, uint64(2), has(chunk(9, 4, "ef", "abcdef")), "too early")
	require.Equal(t, uint64(4), has(chunk(9, 2, "cd", "abcdef")))
	require.Equal(t, uint64(1), has(chunk(12, 0, "x", "xyz")), "a newer snapshot")
	require.Equal(t, uint64(2), has(chunk(9, 0, "ab", "abcdef")))
	s.hear(2, chunk(9, 2, "cd", "abcdef"))
	require.Nil(t, s.output.Install)

	require.Empty(t, s.hear(2, chunk(9, 4, "ef", "abcdef")), "the answer waits for the disk")
	require.Equal(t, "abcdef", string(s.output.Install.Data))
	require.Equal(t, Index(9), s.writing[0].Snapshot.Index)
	require.Equal(t, &Appended{Term: 2, Match: 9}, one[*Appended](t, s.saved(), 2))
	require.Equal(t, Index(9), s.durable.Snapshot.Index)
	require.Empty(t, s.durable.Entries)
	require.Equal(t, []any{Index(9), Index(9), Index(9)}, []any{s.committed(), s.Status().Last, s.Status().Stable})
}

// §7: a follower whose log reaches as far keeps its entries, and is only told that they are committed.
func TestPaper7SnapshotThatTheLogCovers(t *testing.T) {
	s := newSolo(t, withLog(3, 1, 2, 2, 2))
	require.Equal(t, &Appended{Term: 2, Match: 4}, one[*Appended](t, s.hear(2, chunk(4, 0, "a", "abc")), 2))
	require.Nil(t, s.output.Install)
	require.Equal(t, Index(4), s.committed())
	require.Equal(t, Index(5), s.Status().Last)
}

// §7: a leader that sends the snapshot of its predecessor, to the bit, goes on where that one stopped. Pieces of two snapshots do not
// mix, and what does not add up to what was to be sent is no snapshot.
func TestPaper7AssemblyOutlivesALeader(t *testing.T) {
	s := newSolo(t, foundation(3))
	s.hear(2, chunk(9, 0, "ab", "abcd"))
	s.saved()
	from3 := func(offset uint64, data, whole string) uint64 {
		later := chunk(9, offset, data, whole)
		later.Term = 3
		return one[*ChunkReceived](t, append(s.hear(3, later), s.saved()...), 3).Offset
	}
	require.Equal(t, uint64(0), from3(2, "xy", "abxy"), "another snapshot of the same entry")
	require.Equal(t, uint64(2), from3(0, "ab", "abcd"))
	require.Equal(t, uint64(0), from3(2, "cx", "abcd"), "a bit was lost")
	require.Nil(t, s.output.Install)
	require.Equal(t, uint64(2), from3(0, "ab", "abcd"))

	last := chunk(9, 2, "cd", "abcd")
	last.Term = 4
	s.hear(2, last)
	require.Equal(t, "abcd", string(s.output.Install.Data), "of two leaders")
}

// A leader sends no chunk sooner after the last one than it may, however fast a follower takes them, and wakes up for the next.
func TestPaper7ChunksAreSpaced(t *testing.T) {
	const pause = 3 * time.Millisecond
	s := established(t, 3, func(c *Config) { c.KeepBytes, c.ChunkBytes, c.ChunkPause = 0, 4, pause })
	s.propose("x")
	s.saved()
	s.appended(3, 3)
	snapshot := s.SnapshotAt(3)
	snapshot.Data = []byte("0123456789")
	s.step(Snapshotted{snapshot})
	one[*Chunk](t, s.hear(2, &Mismatch{Term: 2, PrevIndex: 3, Last: 2}), 2)
	require.Empty(t, s.hear(2, &ChunkReceived{Term: 2, Index: 3, Offset: 4}))
	require.Equal(t, s.clock+pause, s.Deadline())
	require.Equal(t, "4567", string(one[*Chunk](t, s.wait(pause), 2).Data))
}

// §7: writes that were on their way when a snapshot replaced the log say nothing about what follows it.
func TestPaper7InstallVoidsCompletions(t *testing.T) {
	s := newSolo(t, foundation(3))
	s.hear(2, &Append{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entriesOf(2, 2, 2, 2)})
	s.hear(2, chunk(3, 0, "abc", "abc")) // covered by the log
	require.Nil(t, s.output.Install)
	s.hear(2, chunk(9, 0, "abc", "abc"))
	require.NotNil(t, s.output.Install)
	s.step(Persisted{1})
	require.Zero(t, s.Status().Stable)
	s.saved()
	require.Equal(t, Index(9), s.Status().Stable)
}

// The membership in force is the last one in the log, committed or not; it is taken back when its entry is cut,
// and a snapshot carries the one that was in force at its index.
func TestMembershipFollowsTheLog(t *testing.T) {
	s := newSolo(t, foundation(3))
	four := foundation(4).Snapshot.Membership
	entries := entriesOf(2, 2, 2)
	entries[1].Kind, entries[1].Data = KindMembers, AppendMembership(nil, four)
	s.hear(2, &Append{Term: 2, PrevIndex: 1, PrevTerm: 1, Commit: 3, Entries: entries})
	require.Equal(t, four, s.Status().Membership)
	require.Len(t, s.SnapshotAt(2).Membership.Members, 3)
	require.Len(t, s.SnapshotAt(3).Membership.Members, 4)
	s.saved()
	s.powerLoss()
	require.Equal(t, four, s.Status().Membership)

	s.hear(2, &Append{Term: 2, PrevIndex: 3, PrevTerm: 2, Commit: 3})
	s.step(Snapshotted{s.SnapshotAt(3)})
	require.Equal(t, four, s.Status().Membership)
	require.Equal(t, four, s.Latest().Membership)
	require.Equal(t, []placed{{3, four}}, s.memberships, "the one before it is forgotten")

	s = newSolo(t, foundation(3))
	s.hear(2, &Append{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entries})
	s.hear(3, &Append{Term: 3, PrevIndex: 2, PrevTerm: 2, Entries: entriesOf(3, 3)})
	require.Len(t, s.Status().Membership.Members, 3)
}

// A leader tells how it sees the others: what they have, and whether they were heard lately.
func TestFollowersAsTheLeaderSeesThem(t *testing.T) {
	s := established(t, 3)
	s.propose("x")
	s.wait(s.config.Heartbeat)
	s.appended(3, 3)
	s.wait(testTimeout - 1)
	require.Equal(t, []FollowerStatus{{ID: 2, Match: 2}, {ID: 3, Match: 3, Active: true}}, s.Followers())
}
