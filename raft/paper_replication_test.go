package raft

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The rules of the Raft paper and of the thesis about the log, section by section.

// §5.3: a follower answers by what stands at the place before the new entries.
func TestPaper53ConsistencyCheck(t *testing.T) {
	for _, c := range []struct {
		name      string
		prev      Index
		prevTerm  Term
		brought   []Term
		answer    Message
		terms     []Term // of the log behind the founding snapshot, afterwards
		committed Index
	}{
		{"heartbeat at the end", 5, 3, nil, &Appended{Term: 4, Match: 5}, []Term{1, 2, 2, 3}, 5},
		{"heartbeat before the end", 3, 2, nil, &Appended{Term: 4, Match: 3}, []Term{1, 2, 2, 3}, 3},
		{"new entries", 5, 3, []Term{4, 4}, &Appended{Term: 4, Match: 7}, []Term{1, 2, 2, 3, 4, 4}, 7},
		{"known entries, a delayed message", 2, 1, []Term{2, 2}, &Appended{Term: 4, Match: 4}, []Term{1, 2, 2, 3}, 4},
		{"conflict at the end", 4, 2, []Term{4}, &Appended{Term: 4, Match: 5}, []Term{1, 2, 2, 4}, 5},
		{"conflict in the middle", 2, 1, []Term{2, 4}, &Appended{Term: 4, Match: 4}, []Term{1, 2, 4}, 4},
		{"conflict at the beginning", 1, 1, []Term{4}, &Appended{Term: 4, Match: 2}, []Term{4}, 2},
		{"the log is too short", 8, 3, []Term{4}, &Mismatch{Term: 4, PrevIndex: 8, Last: 5}, []Term{1, 2, 2, 3}, 1},
		{"another term stands there", 4, 3, []Term{4},
			&Mismatch{Term: 4, PrevIndex: 4, Last: 5, ConflictTerm: 2, ConflictIndex: 3}, []Term{1, 2, 2, 3}, 1},
	} {
		s := newSolo(t, withLog(3, 1, 2, 2, 3))
		s.hear(2, &Append{Term: 4, PrevIndex: c.prev, PrevTerm: c.prevTerm, Commit: 99, Entries: entriesOf(c.prev+1, c.brought...)})
		require.Equal(t, c.answer, s.saved()[0].Message, c.name)
		require.Equal(t, c.terms, termsOf(s.Entries(0)), c.name)
		require.Equal(t, c.terms, termsOf(s.durable.Entries), c.name)
		require.Equal(t, c.committed, s.committed(), "%s: no further than the message reached", c.name)
		require.Equal(t, ID(2), s.Leader(), c.name)
	}
}

func termsOf(entries []Entry) []Term {
	var terms []Term
	for _, e := range entries {
		terms = append(terms, e.Term)
	}
	return terms
}

// §5.3: what is committed is the same everywhere, so an Append that begins before the commit index, even
// before the entries that are still kept, is understood.
func TestAppendFromBeforeTheCommitIndex(t *testing.T) {
	s := newSolo(t, withLog(3, 1, 1, 1, 1, 1), func(c *Config) { c.KeepBytes = 0 })
	s.hear(2, &Append{Term: 2, PrevIndex: 6, PrevTerm: 1, Commit: 6})
	s.saved()
	s.step(Snapshotted{s.SnapshotAt(5)})
	require.Equal(t, Index(6), s.Status().First)
	sent := s.hear(2, &Append{Term: 2, PrevIndex: 2, PrevTerm: 1, Commit: 6, Entries: entriesOf(3, 1, 1, 1, 1, 2)})
	require.Empty(t, sent)
	require.Equal(t, &Appended{Term: 2, Match: 7}, one[*Appended](t, s.saved(), 2))
	require.Equal(t, Index(7), s.Status().Last)
}

// §5.3: what was handed out, in records, messages and commits, never changes under its owner, however
// often the log is cut and written again.
func TestHandedOutEntriesNeverChange(t *testing.T) {
	s := newSolo(t, withLog(3, 1, 1, 1))
	var handed [][]Entry
	var said []string
	for term := Term(2); term < 30; term++ {
		cut := Index(2 + term%4)
		prevTerm := s.log.term(cut - 1)
		s.hear(2, &Append{Term: term, PrevIndex: cut - 1, PrevTerm: prevTerm, Entries: entriesOf(cut, term, term, term)})
		// One more by one, so that the array has room to spare when the next leader cuts it.
		for range 3 {
			s.hear(2, &Append{Term: term, PrevIndex: s.log.last(), PrevTerm: term, Entries: entriesOf(s.log.last()+1, term)})
		}
		handed = append(handed, s.writing[len(s.writing)-1].Entries, s.Entries(0))
		for _, entries := range handed[len(handed)-2:] {
			said = append(said, fmt.Sprint(entries))
		}
		s.hear(2, &StaleTerm{Term: term + 1})
	}
	for i := range handed {
		require.Equal(t, said[i], fmt.Sprint(handed[i]))
	}
}

// Whoever got entries may append to them: the log's next entry does not stand in the room behind them.
func TestHandedOutEntriesHaveNoRoomBehindThem(t *testing.T) {
	l := newLog(withLog(3, 1, 2, 3))
	_ = append(l.slice(2, 3), Entry{Index: 99})
	_ = append(l.upTo(2, 3, 0), Entry{Index: 99})
	l.check()
	stored := withLog(3, 1, 2, 3)
	l = newLog(Stored{Term: 3, Snapshot: stored.Snapshot, Entries: stored.Entries[:2]})
	l.append(Entry{Index: 4, Term: 9})
	require.Equal(t, Term(3), stored.Entries[2].Term, "nor behind those that it was given")
}

// §5.3: a probe skips a whole term of the follower's, so that meeting takes one probe for a term, not one for an entry.
func TestPaper53ProbesSkipTerms(t *testing.T) {
	for _, c := range []struct {
		leader, follower []Term
		probes           int
	}{
		{repeat(1, 30), repeat(1, 30), 1},
		{repeat(1, 30), nil, 2},                                // the log ends before
		{terms(repeat(1, 3), repeat(5, 20)), repeat(2, 30), 2}, // one foreign term
		{terms(repeat(1, 3), repeat(5, 20)), terms(repeat(2, 8), repeat(3, 8), repeat(4, 8)), 4},
		{terms(repeat(1, 10), repeat(4, 10)), terms(repeat(1, 20)), 2}, // the leader's last entry of that term
		{terms(repeat(1, 10), repeat(4, 10)), terms(repeat(1, 5), repeat(2, 10), repeat(3, 10)), 3},
	} {
		leader := newSolo(t, withLog(3, c.leader...))
		stored := withLog(3, c.follower...)
		follower := New(testConfig(2, 2), stored, 0)
		leader.takeLead()
		sent := leader.sentAfresh(2)
		probes := 0
		for leader.lead.peer(2).mode == probing {
			probes++
			require.LessOrEqual(t, probes, c.probes, "%v meets %v", c.leader, c.follower)
			sent = leader.hearAll(answersOf(follower, sent))
		}
		require.Equal(t, c.probes, probes, "%v meets %v", c.leader, c.follower)
	}
}

// §5.3: where the next probe begins, by what the follower says of the place where the logs differ.
func TestPaper53NextProbe(t *testing.T) {
	for _, c := range []struct {
		name     string
		mismatch Mismatch
		prev     Index
	}{
		{"the follower's log ends before", Mismatch{Last: 3}, 3},
		{"the leader has that term, and no more of it", Mismatch{Last: 9, ConflictTerm: 4, ConflictIndex: 6}, 7},
		{"the leader's part of that term ends earlier", Mismatch{Last: 9, ConflictTerm: 1, ConflictIndex: 2}, 4},
		{"a term that the leader never saw", Mismatch{Last: 9, ConflictTerm: 3, ConflictIndex: 6}, 5},
		{"the same, from the first entry on", Mismatch{Last: 9, ConflictTerm: 2, ConflictIndex: 2}, 1},
	} {
		s := newSolo(t, withLog(3, 1, 1, 1, 4, 4, 4, 5))
		s.takeLead() // probes at 8
		c.mismatch.Term, c.mismatch.PrevIndex = 6, 8
		require.Equal(t, c.prev, one[*Append](t, s.hear(2, &c.mismatch), 2).PrevIndex, c.name)
	}
}

func repeat(term Term, count int) []Term {
	var all []Term
	for range count {
		all = append(all, term)
	}
	return all
}

func terms(parts ...[]Term) []Term {
	var all []Term
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

// sentAfresh begins to probe a follower anew, at the end of the log, and returns the probe.
func (s *solo) sentAfresh(to ID) []Envelope {
	s.lead.peer(to).probe(s.lead.first)
	var sent []Envelope
	for _, e := range s.drain() {
		if e.To == to {
			sent = append(sent, e)
		}
	}
	return sent
}

func (s *solo) hearAll(messages []Envelope) []Envelope {
	var sent []Envelope
	for _, e := range messages {
		for _, answer := range s.step(Receive{e}) {
			if answer.To == e.From {
				sent = append(sent, answer)
			}
		}
	}
	return sent
}

// answersOf lets a member with a quick disk hear messages.
func answersOf(n *Node, messages []Envelope) []Envelope {
	var answers []Envelope
	var out Output
	for _, e := range messages {
		n.Step(0, Receive{e})
		for n.Drain(&out); ; n.Drain(&out) {
			answers = append(answers, out.Send...)
			if out.Record.Sequence == 0 {
				break
			}
			n.Step(0, Persisted{out.Record.Sequence})
		}
	}
	return answers
}

// §5.3: while nobody knows where the logs meet, one probe is on its way, not a flood; a heartbeat repeats it without entries.
func TestProbeIsAloneUntilAnswered(t *testing.T) {
	s := newSolo(t, foundation(3))
	require.Len(t, one[*Append](t, s.takeLead(), 2).Entries, 1)
	for range 5 {
		require.Empty(t, s.propose("x"))
		require.Empty(t, s.saved())
	}
	require.Equal(t, &Append{Term: 2, PrevIndex: 1, PrevTerm: 1, Commit: 1}, one[*Append](t, s.wait(s.config.Heartbeat), 2))

	sent := s.appended(2, 2)
	require.Len(t, only[*Append](sent, 2), 1, "now it streams")
	require.Len(t, one[*Append](t, sent, 2).Entries, 5)
}

// Streaming is bounded by messages: a full window pauses the follower, an answer lets it go on.
func TestWindowOfMessages(t *testing.T) {
	s := newSolo(t, foundation(3), func(c *Config) { c.MaxInflight = 3 })
	s.takeLead()
	s.appended(2, 2)
	for i := range 3 {
		require.Len(t, only[*Append](s.propose("x"), 2), 1, "message %d", i)
		s.saved()
	}
	require.Empty(t, only[*Append](s.propose("x"), 2))
	s.saved()
	require.Empty(t, only[*Append](s.propose("y"), 2))
	beat := one[*Append](t, s.wait(s.config.Heartbeat), 2)
	require.Empty(t, beat.Entries, "a heartbeat goes out all the same")
	require.Equal(t, Index(5), beat.PrevIndex)

	sent := s.appended(2, 4)
	require.Equal(t, Index(5), one[*Append](t, sent, 2).PrevIndex)
	require.Len(t, one[*Append](t, sent, 2).Entries, 2, "all that came meanwhile, in one message")
}

// Streaming is bounded by bytes, of one message and of all that are on their way.
func TestWindowOfBytes(t *testing.T) {
	s := newSolo(t, foundation(3), func(c *Config) {
		c.MaxInflight, c.MaxInflightBytes, c.MinInflightBytes, c.MaxAppendBytes = 100, 40, 40, 20
	})
	s.takeLead()
	s.appended(2, 2)
	for range 10 {
		_, err := s.Propose(s.clock, make([]byte, 10))
		require.NoError(t, err)
	}
	sent := only[*Append](s.drain(), 2)
	require.Len(t, sent, 2)
	require.Len(t, sent[0].Entries, 2)
	require.Len(t, sent[1].Entries, 2)
	require.Empty(t, s.drain())
	require.Len(t, only[*Append](s.appended(2, 4), 2), 1)
	require.Len(t, only[*Append](s.appended(2, 8), 2), 2)

	s = newSolo(t, foundation(3), func(c *Config) { c.MaxAppendBytes = 20 })
	s.takeLead()
	s.appended(2, 2)
	require.Len(t, one[*Append](t, s.propose(strings.Repeat("x", 99)), 2).Entries, 1, "an entry that is too big travels alone")
}

// A message that was lost on this side is sent again at once, from what the follower is known to have.
func TestUnreachableBringsBackProbing(t *testing.T) {
	s := newSolo(t, foundation(3), func(c *Config) { c.MaxInflight = 2 })
	s.takeLead()
	s.appended(2, 2)
	for _, command := range []string{"a", "b", "c"} {
		s.propose(command)
		s.saved()
	}
	probe := one[*Append](t, s.step(Unreachable{2}), 2)
	require.Equal(t, Index(2), probe.PrevIndex)
	require.Len(t, probe.Entries, 3)
	require.Empty(t, s.step(Unreachable{2}), "a probe is repeated by heartbeats")
	require.Empty(t, s.step(Unreachable{9}))
	require.Empty(t, only[*Append](s.appended(2, 5), 2))
	require.Len(t, only[*Append](s.propose("d"), 2), 1)
	s.saved()
	require.Len(t, only[*Append](s.propose("e"), 2), 1, "the window is empty again")
}

// A late answer of the time before tells nothing: neither a lower match nor an old mismatch throws a follower back.
func TestLateAnswersThrowNobodyBack(t *testing.T) {
	s := newSolo(t, withLog(3, 1, 1, 1))
	s.takeLead()
	s.appended(2, 5)
	s.propose("a")
	s.saved()
	s.appended(2, 6)
	s.hear(2, &Mismatch{Term: 2, PrevIndex: 4, Last: 1})
	s.appended(2, 3)
	require.Equal(t, Index(6), s.Followers()[0].Match)
	require.Equal(t, Index(6), one[*Append](t, s.propose("b"), 2).PrevIndex)
	late := &Mismatch{Term: 2, PrevIndex: 7, Last: 1}
	require.Equal(t, Index(6), one[*Append](t, s.hear(2, late), 2).PrevIndex, "no further than to what it is known to have")
}

// A mismatch that comes twice, or after a later one, does not send another probe out.
func TestRepeatedMismatchIsOldNews(t *testing.T) {
	s := newSolo(t, withLog(3, 1, 1, 1, 1, 1, 1, 1))
	s.takeLead()
	first := &Mismatch{Term: 2, PrevIndex: 8, Last: 5}
	require.Equal(t, Index(5), one[*Append](t, s.hear(2, first), 2).PrevIndex)
	require.Empty(t, s.hear(2, first))
	require.Equal(t, Index(3), one[*Append](t, s.hear(2, &Mismatch{Term: 2, PrevIndex: 5, Last: 3}), 2).PrevIndex)
	require.Empty(t, s.hear(2, first))
}

// §5.3, §5.4.2: a leader commits what stands on a majority, itself included, if it is of its own term.
func TestPaper542CommitRule(t *testing.T) {
	for _, c := range []struct {
		size      int
		matches   []Index // of the members 2, 3, …
		committed Index
	}{
		// The log holds 2/1 3/2 4/3 from earlier terms, 5/4 is the empty entry of this one, 6/4 a command.
		{3, []Index{4, 4}, 1},
		{3, []Index{5}, 5},
		{3, []Index{6}, 6},
		{3, []Index{4, 6}, 6},
		{5, []Index{4, 4, 4, 4}, 1},
		{5, []Index{6}, 1},
		{5, []Index{6, 4, 4}, 1},
		{5, []Index{6, 5, 4}, 5},
		{5, []Index{6, 6}, 6},
		{4, []Index{6}, 1},
		{4, []Index{5, 6}, 5},
	} {
		s := newSolo(t, withLog(c.size, 1, 2, 3))
		s.takeLead()
		s.propose("x")
		s.saved()
		for i, match := range c.matches {
			s.appended(ID(2+i), match)
		}
		require.Equal(t, c.committed, s.committed(), "%+v", c)
		require.Len(t, s.commits, int(c.committed)-1)
	}
}

// §5.4.2, §8: a term begins with an empty entry; it commits what earlier terms left, without waiting for a command.
func TestPaper8TermBeginsWithAnEmptyEntry(t *testing.T) {
	s := newSolo(t, withLog(3, 1, 1))
	sent := s.takeLead()
	entries := one[*Append](t, sent, 3).Entries
	require.Equal(t, []Entry{{Index: 4, Term: 2, Kind: KindEmpty}}, entries)
	s.appended(3, 4)
	require.Equal(t, Index(4), s.committed())
	require.Len(t, s.commits, 3)
}

// Thesis §10.2.1: entries leave before the leader's own disk has them, and the leader counts itself only when it has.
func TestPaper1021LeaderWritesInParallel(t *testing.T) {
	s := newSolo(t, foundation(3))
	s.takeLead()
	s.appended(2, 2)
	require.Len(t, one[*Append](t, s.propose("x"), 2).Entries, 1)
	s.appended(2, 3)
	require.Equal(t, Index(2), s.committed(), "one disk of three")
	s.saved()
	require.Equal(t, Index(3), s.committed())

	s.propose("y")
	s.appended(2, 4)
	s.appended(3, 4)
	require.Equal(t, Index(4), s.committed(), "two disks of three, the leader's is not among them")
	require.Equal(t, Index(3), s.Status().Stable)
}

// Thesis §10.2.1: the completion of a write says nothing about entries that were cut since. If it did, the
// new ones at the same indexes would pass for durable here, and a majority would be counted that is none.
func TestPaper1021CutVoidsCompletions(t *testing.T) {
	s := newSolo(t, foundation(3))
	s.hear(2, &Append{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entriesOf(2, 2, 2, 2)})
	s.hear(3, &Append{Term: 3, PrevIndex: 2, PrevTerm: 2, Entries: entriesOf(3, 3, 3, 3)})
	require.Len(t, s.writing, 2)
	require.Empty(t, s.step(Persisted{1}))
	require.Equal(t, Index(2), s.Status().Stable)
	require.Equal(t, Index(5), s.Status().Last)
	require.Equal(t, &Appended{Term: 3, Match: 5}, one[*Appended](t, s.step(Persisted{2}), 3))
	require.Equal(t, Index(5), s.Status().Stable)
}

// Records are the disk's own order: a late or repeated completion is nothing new.
func TestCompletionsAreCumulative(t *testing.T) {
	s := newSolo(t, foundation(3))
	s.hear(2, &Append{Term: 2, PrevIndex: 1, PrevTerm: 1, Entries: entriesOf(2, 2)})
	s.hear(2, &Append{Term: 2, PrevIndex: 2, PrevTerm: 2, Entries: entriesOf(3, 2)})
	require.Len(t, s.step(Persisted{2}), 2)
	require.Empty(t, s.step(Persisted{1}))
	require.Empty(t, s.step(Persisted{2}))
	require.Equal(t, Index(3), s.Status().Stable)
	require.Panics(t, func() { s.Step(0, Persisted{3}) }, "a record that was never written")
}

// What is proposed and not committed is bounded by its bytes, those of earlier terms included; committing makes room.
func TestUncommittedBytesAreBounded(t *testing.T) {
	stored := withLog(3, 1)
	stored.Entries[0].Data = make([]byte, 60)
	s := newSolo(t, stored, func(c *Config) { c.MaxUncommittedBytes = 300 })
	s.takeLead()
	propose := func(size int) error {
		_, err := s.Propose(s.clock, make([]byte, size))
		s.drain()
		s.saved()
		return err
	}
	before := 2*entryCost + 60 // with the empty entry
	require.ErrorIs(t, propose(300-before+1), ErrFull)
	require.NoError(t, propose(300-before))
	require.ErrorIs(t, propose(1), ErrFull)
	s.appended(2, 3)
	require.Equal(t, entryCost+300-before, s.lead.uncommitted)
	require.NoError(t, propose(60))
	s.appended(2, 5)
	require.Zero(t, s.lead.uncommitted)
	require.NoError(t, propose(500), "one command may exceed the bound, alone")
	require.ErrorIs(t, propose(1), ErrFull)
}

// While a leader's own disk hangs, the others commit without it: what it keeps in memory for its disk is bounded all the same.
func TestALeaderWhoseDiskHangsIsFullInTheEnd(t *testing.T) {
	s := established(t, 3, func(c *Config) { c.MaxUncommittedBytes = 1000 })
	proposed := 0
	for ; proposed < 100; proposed++ {
		if _, err := s.Propose(s.clock, make([]byte, 36)); err != nil {
			require.ErrorIs(t, err, ErrFull)
			break
		}
		s.drain()
		s.appended(2, s.Status().Last)
		s.appended(3, s.Status().Last)
		require.Equal(t, s.Status().Last, s.committed())
	}
	require.Equal(t, 10, proposed)
	s.saved()
	require.Zero(t, s.lead.unstable)
	_, err := s.Propose(s.clock, nil)
	require.NoError(t, err)
}

// A follower whose disk hangs confirms heartbeats, as long as its word does not rest on what is not durable; what it must hold
// back does not grow with them.
func TestAFollowerWhoseDiskHangs(t *testing.T) {
	s := newSolo(t, foundation(3))
	heartbeat := &Append{Term: 2, PrevIndex: 1, PrevTerm: 1}
	for range 100 {
		require.Empty(t, s.hear(2, heartbeat), "term 2 is not durable")
	}
	require.LessOrEqual(t, len(s.disk.held), 1)
	require.Len(t, s.saved(), 1)
	require.Empty(t, s.hear(2, &Append{Term: 2, PrevIndex: 1, PrevTerm: 1, Round: 1, Entries: entriesOf(2, 2)}))
	answer := one[*Appended](t, s.hear(2, &Append{Term: 2, PrevIndex: 2, PrevTerm: 2, Round: 3}), 2)
	require.Equal(t, &Appended{Term: 2, Round: 3, Match: 1}, answer, "entry 2 is on its way to the disk")
	require.Equal(t, &Appended{Term: 2, Round: 1, Match: 2}, one[*Appended](t, s.saved(), 2))
}

// Cluster time goes on from the log's last entry by the leader's own clock, at most one heartbeat interval for each
// step: a leader that was stopped does not count its own pause.
func TestClusterTime(t *testing.T) {
	stored := withLog(3, 1)
	stored.Entries[0].Time = time.Hour
	s := newSolo(t, stored)
	s.takeLead()
	require.Equal(t, time.Hour, s.Clock())
	s.clock += 7 * time.Millisecond
	s.propose("x")
	require.Equal(t, time.Hour+7*time.Millisecond, s.log.at(s.log.last()).Time)
	s.clock += time.Minute
	s.propose("y")
	require.Equal(t, time.Hour+7*time.Millisecond+s.config.Heartbeat, s.Clock())
	require.Panics(t, func() { s.Step(s.clock-1, Timeout{}) }, "its own clock never falls")

	follower := newSolo(t, stored)
	follower.clock = time.Minute
	follower.wait(0)
	require.Equal(t, time.Hour, follower.Clock(), "only a leader makes time")
}

// Requests to a member that does not lead are refused, and nothing is begun.
func TestOnlyLeadersServe(t *testing.T) {
	s := newSolo(t, foundation(3))
	_, err := s.Propose(0, []byte("x"))
	require.ErrorIs(t, err, ErrNotLeader)
	require.ErrorIs(t, s.Read(0, 1, ByRound), ErrNoLeader)
	require.ErrorIs(t, s.Transfer(0, 2), ErrNotLeader)
	require.Empty(t, s.drain())
	require.Empty(t, s.Followers())
}
