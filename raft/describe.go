package raft

import (
	"fmt"
	"strings"
)

func typeName(m Message) string { return strings.TrimPrefix(fmt.Sprintf("%T", m), "*raft.") }

// Describe shows a message to a reader. An entry, or a place in the log, is written index/term.
func Describe(m Message) string {
	switch m := m.(type) {
	case *PreVote:
		return fmt.Sprintf("PreVote term=%d last=%d/%d", m.Term, m.LastIndex, m.LastTerm)
	case *PreVoteReply:
		return fmt.Sprintf("PreVoteReply term=%d %s", m.Term, verdict(m.Granted))
	case *Vote:
		return fmt.Sprintf("Vote term=%d last=%d/%d", m.Term, m.LastIndex, m.LastTerm) + ifSet(m.Transfer, " transfer")
	case *VoteReply:
		return fmt.Sprintf("VoteReply term=%d %s", m.Term, verdict(m.Granted))
	case *Append:
		return fmt.Sprintf("Append term=%d prev=%d/%d commit=%d", m.Term, m.PrevIndex, m.PrevTerm, m.Commit) + round(m.Round) +
			ifSet(len(m.Entries) > 0, " entries="+DescribeEntries(m.Entries))
	case *Appended:
		return fmt.Sprintf("Appended term=%d match=%d", m.Term, m.Match) + round(m.Round)
	case *Mismatch:
		return fmt.Sprintf("Mismatch term=%d prev=%d last=%d", m.Term, m.PrevIndex, m.Last) + round(m.Round) +
			ifSet(m.ConflictTerm != 0, fmt.Sprintf(" conflict: term %d begins at %d", m.ConflictTerm, m.ConflictIndex))
	case *Chunk:
		return fmt.Sprintf("Chunk term=%d snapshot=%d/%d bytes %d..%d of %d", m.Term, m.Index, m.IndexTerm,
			m.Offset, m.Offset+uint64(len(m.Data)), m.Total) + round(m.Round) + ifSet(m.Membership.joint(), " of "+describeMembership(m.Membership))
	case *ChunkReceived:
		return fmt.Sprintf("ChunkReceived term=%d snapshot=%d has %d bytes", m.Term, m.Index, m.Offset) + round(m.Round)
	case *Lost:
		return fmt.Sprintf("Lost term=%d prev=%d last=%d", m.Term, m.PrevIndex, m.Last) + round(m.Round)
	case *Fetch:
		return fmt.Sprintf("Fetch term=%d before=%d/%d from=%d", m.Term, m.Index, m.EntryTerm, m.From)
	case *Fetched:
		return fmt.Sprintf("Fetched term=%d before=%d/%d", m.Term, m.Index, m.EntryTerm) +
			ifSet(len(m.Entries) > 0, " entries="+DescribeEntries(m.Entries)) + ifSet(len(m.Entries) == 0, " nothing")
	case *ReadIndex:
		return fmt.Sprintf("ReadIndex term=%d ask=%d", m.Term, m.Ask) + ifSet(m.Lease, " lease")
	case *ReadIndexReply:
		return fmt.Sprintf("ReadIndexReply term=%d ask=%d index=%d", m.Term, m.Ask, m.Index) + ifSet(m.Leased, " leased")
	case *Lease:
		return fmt.Sprintf("Lease term=%d sent=%d", m.Term, m.Sent.Milliseconds())
	case *LeaseReply:
		return fmt.Sprintf("LeaseReply term=%d sent=%d", m.Term, m.Sent.Milliseconds())
	case *Plea:
		return fmt.Sprintf("Plea term=%d", m.Term) + ifSet(m.Index > 0, fmt.Sprintf(" snapshot=%d/%d has %d bytes", m.Index, m.IndexTerm, m.Offset))
	case *Bequest:
		return fmt.Sprintf("Bequest term=%d snapshot=%d/%d bytes %d..%d of %d", m.Term, m.Index, m.IndexTerm, m.Offset, m.Offset+uint64(len(m.Data)), m.Total)
	case *Sworn:
		return fmt.Sprintf("Sworn term=%d, membership of entry %d", m.Term, m.Since) + ifSet(m.Settled, ", committed")
	default:
		return fmt.Sprintf("%s term=%d", typeName(m), m.term())
	}
}

// DescribeRecord shows what is to be written.
func DescribeRecord(r Record) string {
	text := fmt.Sprintf("term %d vote %d", r.Term, r.Vote)
	if r.Snapshot != nil {
		text += fmt.Sprintf(" snapshot %d/%d", r.Snapshot.Index, r.Snapshot.Term)
	}
	return text + ifSet(len(r.Entries) > 0, " entries "+DescribeEntries(r.Entries))
}

// DescribeEntries shows entries as index/term:data.
func DescribeEntries(entries []Entry) string {
	var words []string
	for _, e := range entries {
		data := string(e.Data)
		if e.Kind == KindMembers {
			data = "{" + describeMembership(mustDecodeMembership(&e)) + "}"
		}
		words = append(words, strings.TrimSuffix(fmt.Sprintf("%d/%d:%s", e.Index, e.Term, data), ":"))
	}
	return strings.Join(words, ",")
}

// describeMembership shows a membership to a reader: the voters, those who voted before while it is joint, the learners.
func describeMembership(m Membership) string {
	list := func(prefix string, members []Member) string {
		for _, m := range members {
			prefix += fmt.Sprintf(" %d", m.ID) + ifSet(m.Incarnation != uint64(m.ID), fmt.Sprintf("'%d", m.Incarnation))
		}
		return ifSet(len(members) > 0, prefix)
	}
	return strings.TrimSpace(list("", m.Members) + list(" and of old", m.Former) + list(" with learner", m.Learners))
}

func round(round uint64) string { return ifSet(round > 0, fmt.Sprintf(" round=%d", round)) }

func verdict(granted bool) string {
	if granted {
		return "granted"
	}
	return "refused"
}

func ifSet(holds bool, text string) string {
	if holds {
		return text
	}
	return ""
}
