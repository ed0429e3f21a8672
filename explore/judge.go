package explore

import (
	"bytes"
	"fmt"
	"slices"

	"lockd/raft"
)

// Invariant is a sentence that must hold in every state. The names are those of the simulator's judges.
type Invariant string

// The invariants.
const (
	Election     Invariant = "election-safety"     // a term has at most one leader
	Matching     Invariant = "log-matching"        // logs that agree at an index agree before it
	Completeness Invariant = "leader-completeness" // who leads a later term, or could be elected to, has all that was chosen
	StateMachine Invariant = "state-machine"       // what one member applies at an index, every member applies there
	Monotonic    Invariant = "monotonic"           // term and commit index never fall, and a vote is not changed within a term
	Durability   Invariant = "durability"          // what a member says is on its disk, and what is chosen on those of a majority
	Assertion    Invariant = "assertion"           // what the node itself asserts
)

// Violation says which invariant does not hold, and how.
type Violation struct {
	Invariant Invariant
	Message   string
}

func (v *Violation) Error() string { return string(v.Invariant) + ": " + v.Message }

func violation(invariant Invariant, format string, args ...any) *Violation {
	return &Violation{invariant, fmt.Sprintf(format, args...)}
}

// judgeTurn compares a member with what it was before one action.
func judgeTurn(before, after *member) *Violation {
	was, is := before.node.Status(), after.node.Status()
	switch {
	case is.Term < was.Term:
		return violation(Monotonic, "the term of member %d falls from %d to %d", is.ID, was.Term, is.Term)
	case is.Term == was.Term && was.Vote != 0 && is.Vote != was.Vote:
		return violation(Monotonic, "member %d, who voted for %d in term %d, votes for %d", is.ID, was.Vote, is.Term, is.Vote)
	case is.Commit < was.Commit:
		return violation(Monotonic, "the commit index of member %d falls from %d to %d", is.ID, was.Commit, is.Commit)
	}
	return nil
}

// judgePromise looks at a message as it leaves, and at the disk that it rests on.
func judgePromise(disk raft.Stored, e raft.Envelope) *Violation {
	voted := func(term raft.Term, who raft.ID) bool {
		return disk.Term > term || disk.Term == term && disk.Vote == who
	}
	switch m := e.Message.(type) {
	case *raft.Vote:
		if !voted(m.Term, e.From) {
			return violation(Durability, "member %d asks for votes in term %d, and its own is not on its disk", e.From, m.Term)
		}
	case *raft.VoteReply:
		if m.Granted && !voted(m.Term, e.To) {
			return violation(Durability, "member %d votes for %d in term %d, and that is not on its disk", e.From, e.To, m.Term)
		}
	case *raft.Appended:
		if last := disk.Snapshot.Index + raft.Index(len(disk.Entries)); m.Match > last || m.Term > disk.Term {
			return violation(Durability, "member %d acknowledges entry %d in term %d, and its disk ends at %d in term %d", e.From, m.Match, m.Term, last, disk.Term)
		}
	}
	return nil
}

// judge looks at all members at once, in the light of what has happened.
func judge(members []*member, h *history) *Violation {
	for i, a := range members {
		for _, b := range members[:i] {
			if wrong := judgeMatching(a, b); wrong != nil {
				return wrong
			}
		}
	}
	for i := range h.chosen {
		if wrong := judgeChosen(members, &h.chosen[i]); wrong != nil {
			return wrong
		}
	}
	return nil
}

// judgeMatching is Raft figure 3: entries of the same index and term hold the same command, and are preceded by the same entries.
func judgeMatching(a, b *member) *Violation {
	ours, theirs := a.node.Entries(0), b.node.Entries(0)
	agree := false
	for i := min(len(ours), len(theirs)) - 1; i >= 0; i-- {
		same := ours[i].Term == theirs[i].Term
		if agree && !same || same && !bytes.Equal(ours[i].Data, theirs[i].Data) {
			return violation(Matching, "members %d and %d differ at entry %d, and agree at a later one: %s and %s",
				b.id(), a.id(), ours[i].Index, raft.DescribeEntries(theirs), raft.DescribeEntries(ours))
		}
		agree = agree || same
	}
	return nil
}

// judgeChosen looks for who could contradict what was chosen: leaders of later terms, members who would be elected, disks.
func judgeChosen(members []*member, c *choice) *Violation {
	var disks []raft.ID
	for _, m := range members {
		if has(m.durable.Entries, c.entry) {
			disks = append(disks, m.id())
		}
		if has(m.node.Entries(0), c.entry) {
			continue
		}
		if m.node.Role() == raft.Leader && m.node.Term() > c.term {
			return violation(Completeness, "member %d leads term %d without entry %s, which was chosen in term %d", m.id(), m.node.Term(), c, c.term)
		}
		if who := supporters(members, m); quorum(inForce(m), among(who)) {
			return violation(Completeness, "members %v would elect %d, which is without entry %s, chosen in term %d", who, m.id(), c, c.term)
		}
	}
	if !quorum(c.voters, among(disks)) {
		return violation(Durability, "entry %s was chosen in term %d, and is on the disks of members %v only", c, c.term, disks)
	}
	return nil
}

func among(some []raft.ID) func(raft.ID) bool {
	return func(id raft.ID) bool { return slices.Contains(some, id) }
}

// supporters are the members who would vote for a candidate when all of them had lost power: its log is as up to date as
// what is on their disks (§5.4.1). Whether they are enough is for the membership in the candidate's log to say.
func supporters(members []*member, candidate *member) (who []raft.ID) {
	index, term := end(candidate.node.Entries(0), candidate.durable.Snapshot)
	for _, m := range members {
		i, t := end(m.durable.Entries, m.durable.Snapshot)
		if m == candidate || term > t || term == t && index >= i {
			who = append(who, m.id())
		}
	}
	return who
}

// end is the last place of a log.
func end(entries []raft.Entry, snapshot raft.Snapshot) (raft.Index, raft.Term) {
	if len(entries) == 0 {
		return snapshot.Index, snapshot.Term
	}
	last := &entries[len(entries)-1]
	return last.Index, last.Term
}

// has tells whether a log has this entry.
func has(entries []raft.Entry, e raft.Entry) bool {
	if len(entries) == 0 || e.Index < entries[0].Index || e.Index > entries[len(entries)-1].Index {
		return false
	}
	return entries[e.Index-entries[0].Index].Term == e.Term
}
