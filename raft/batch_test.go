package raft

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Who is alone never waits. What comes while the disk is at work on it waits, and then leaves as one record and one Append to each follower.
func TestProposalsGatherWhileTheDiskIsAtWork(t *testing.T) {
	s := established(t, 3)
	sent := s.propose("a")
	require.Len(t, sent, 2)
	require.Len(t, s.writing, 1)
	require.Empty(t, s.propose("b"))
	require.Empty(t, s.propose("c"))
	require.Len(t, s.writing, 1)
	require.Equal(t, Index(5), s.Status().Last, "they stand in the log")

	sent = s.saved()
	require.Len(t, sent, 2)
	for _, follower := range []ID{2, 3} {
		m := one[*Append](t, sent, follower)
		require.Equal(t, Index(3), m.PrevIndex)
		require.Len(t, m.Entries, 2)
	}
	s.appended(2, 5)
	require.Equal(t, Index(5), s.committed())
}

// A leader whose disk stands still goes on at the pace of its followers: what they commit without it opens the way for what has gathered.
func TestWhatIsCommittedOpensTheWay(t *testing.T) {
	s := established(t, 3)
	s.propose("a")
	require.Empty(t, s.propose("b"))
	require.Empty(t, s.appended(2, 3), "one of three is no majority while the leader's disk is not done")
	sent := s.appended(3, 3)
	require.Equal(t, Index(3), s.committed())
	require.Equal(t, "b", string(one[*Append](t, sent, 2).Entries[0].Data))
	require.Len(t, s.writing, 2)
	require.Len(t, s.propose("c"), 0)
	s.appended(2, 4)
	require.Equal(t, "c", string(one[*Append](t, s.appended(3, 4), 3).Entries[0].Data))
}

// What fills a message has no reason to wait.
func TestAFullMessageDoesNotWait(t *testing.T) {
	s := established(t, 3, func(c *Config) { c.MaxAppendBytes = 3 })
	s.propose("a")
	require.Empty(t, s.propose("b"))
	require.Empty(t, s.propose("c"))
	sent := s.propose("d")
	require.Len(t, one[*Append](t, sent, 2).Entries, 3)
	require.Len(t, s.writing, 2)
	require.Empty(t, s.propose("e"))
}

// Nobody can tell how far the log is committed before the first entry of a term is: it does not wait for what the member still writes as a follower.
func TestTheFirstEntryOfATermDoesNotWait(t *testing.T) {
	s := newSolo(t, withLog(3, 1))
	s.campaign()
	s.disk.pending = append(s.disk.pending, pendingRecord{sequence: s.disk.written, last: 2})
	sent := s.hear(2, &VoteReply{Term: s.Term(), Granted: true})
	require.Equal(t, Leader, s.Role())
	require.Equal(t, KindEmpty, one[*Append](t, sent, 3).Entries[0].Kind)
}

// While commands gather, the followers hear a heartbeat when it is due, and reads go on.
func TestHeartbeatsDoNotWait(t *testing.T) {
	s := established(t, 3)
	s.propose("a")
	require.Empty(t, s.propose("b"))
	sent := s.wait(testTimeout / 5)
	require.Empty(t, one[*Append](t, sent, 2).Entries)
	sent = s.read(1)
	require.Empty(t, one[*Append](t, sent, 2).Entries)
	s.clock += time.Millisecond
	s.confirm(2, 1)
	require.Len(t, s.output.Reads, 1)
}

// A leader that loses its post hands what had gathered to its disk: it stands in its log, and others may have to cut it.
func TestADeposedLeaderRecordsWhatHasGathered(t *testing.T) {
	s := established(t, 3)
	s.propose("a")
	require.Empty(t, s.propose("b"))
	s.hear(2, &Vote{Term: s.Term() + 1, Transfer: true})
	require.Equal(t, Follower, s.Role())
	require.Len(t, s.writing, 2)
	require.Equal(t, Index(4), s.writing[1].Entries[0].Index)
}
