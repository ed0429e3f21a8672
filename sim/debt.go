package sim

import "lockd/raft"

// debt is what a member's disk held that it can't read any more, and must be taken to hold until its log is as far again: in votes, and when
// the disks are counted on which an entry stands.
type debt struct {
	shadow shadow        // what was durable when the damage was found
	end    raft.Position // where its log ended then
	before *debt         // of an earlier damage, not repaid yet; nil: none
	doubt  *doubt        // nil: its term and vote are known
}

// recovered holds what a member finds on its disk against what it was told is there. Fresh tells that something was found damaged just now: it may also
// have been found by a process that ended before it could say so.
func (j *judge) recovered(m *member, stored *raft.Stored, fresh bool) {
	w := j.watch(m)
	doubts := stored.Damage != nil && stored.Damage.Doubt
	if stored.Damage == nil && (w.debt == nil || !fresh) {
		j.finds(m, stored)
	} else if !doubts {
		j.keepsWord(m, stored)
	}
	if stored.Damage != nil && !m.damaged() {
		j.fail(Recovery, "server %d lacks a part of its log, and nothing on its disk was destroyed", m.id)
	}
	j.owes(m, stored, fresh)
	w.bare = w.bare || stored.Snapshot.Index == 0 && w.durable.base > 0
	w.durable.adopt(stored)
	if len(stored.Entries) > 0 && m.boot > 0 {
		j.world.hit(restartedWithLog)
	}
	w.pending = w.pending[:0]
	w.term, w.commit, w.applied = stored.Term, stored.Snapshot.Index, stored.Snapshot.Index
}

// finds judges a disk of which nothing was destroyed since it was read last.
func (j *judge) finds(m *member, stored *raft.Stored) {
	w := j.watch(m)
	if lost := w.durable.missing(stored, w.pending); lost != "" {
		j.fail(Durability, "server %d comes back without what was durable: %s", m.id, lost)
	}
	if !w.durable.explains(stored, w.pending) {
		j.fail(Durability, "server %d comes back in term %d with a vote for %d and a log up to entry %d, which was never on its disk with nothing missing before it",
			m.id, stored.Term, stored.Vote, stored.Snapshot.Index+raft.Index(len(stored.Entries)))
	}
}

// keepsWord judges a damaged member that is sure of its term and its vote.
func (j *judge) keepsWord(m *member, stored *raft.Stored) {
	if lost := j.watch(m).durable.forgotten(stored); lost != "" {
		j.fail(Durability, "server %d comes back damaged, and without its word: %s", m.id, lost)
	}
}

// owes judges that a member counts for no less than it did, and notes what it can't read.
func (j *judge) owes(m *member, stored *raft.Stored, fresh bool) {
	w := j.watch(m)
	had, claims := w.debt, claimOf(stored)
	if had == nil && stored.Damage == nil {
		return
	}
	doubts := stored.Damage != nil && stored.Damage.Doubt
	if had == nil || doubts && (fresh || had.doubt == nil) {
		had = j.incur(m, doubts)
	}
	if had.doubt != nil && !doubts {
		j.assured(m, stored.Term) // by a record of which it was not told
	}
	if had.doubt != nil {
		had.doubt.floors = j.floors(m)
	} else if claims.Before(had.end) {
		j.fail(Durability, "server %d comes back as one whose log ends with entry %d of term %d, and it had entry %d of term %d",
			m.id, claims.Index, claims.Term, had.end.Index, had.end.Term)
	}
	w.debt = had
	if stored.Damage == nil {
		w.debt = nil
		j.world.hit(logRepaired)
	}
}

// incur notes what a member's disk held. Of what was damaged before, it held no more than was left.
func (j *judge) incur(m *member, doubts bool) *debt {
	w := j.watch(m)
	now := &debt{shadow: w.durable.clone(), end: w.durable.lowest(w.pending), before: w.debt}
	if before := w.debt; before != nil && now.end.Before(before.end) {
		now.end = before.end
	}
	j.world.hit(logDamaged)
	if !doubts {
		return now
	}
	now.doubt = &doubt{term: now.shadow.term, voted: now.shadow.vote != 0}
	if before := w.debt; before != nil && before.doubt != nil {
		now.doubt.add(before.doubt)
	}
	j.world.hit(lastWordLost)
	return now
}

// counts tells whether an entry is on a member's disk, or was, and the member counts as one that has it still.
func (w *watch) counts(e *raft.Entry) bool {
	for d := w.debt; d != nil; d = d.before {
		if d.shadow.has(e.Index, e.Term) {
			return true
		}
	}
	return w.durable.has(e.Index, e.Term)
}

// claimOf is where a member's log must be taken to end.
func claimOf(stored *raft.Stored) raft.Position {
	if stored.Damage != nil {
		return stored.Damage.End
	}
	end := raft.Position{Index: stored.Snapshot.Index, Term: stored.Snapshot.Term}
	for i := range stored.Entries {
		end = raft.Position{Index: stored.Entries[i].Index, Term: stored.Entries[i].Term}
	}
	return end
}

// repaid notes when a damaged log is as far again as it was.
func (j *judge) repaid(m *member) {
	if w := j.watch(m); w.debt != nil && w.debt.doubt == nil && !w.durable.end().Before(w.debt.end) {
		w.debt = nil
		j.world.hit(logRepaired)
		j.world.tell("server %d has its log back, up to entry %d", m.id, w.durable.last())
	}
}

// ballot is the end of a candidate's log, as it told a member.
type ballot struct {
	term raft.Term
	end  raft.Position
}

// asked notes who asks a member for its vote, and with which log.
func (j *judge) asked(m *member, from raft.ID, v *raft.Vote) {
	w := j.watch(m)
	if w.asked == nil {
		w.asked = map[raft.ID]ballot{}
	}
	w.asked[from] = ballot{v.Term, raft.Position{Index: v.LastIndex, Term: v.LastTerm}}
}

// granted judges a vote: a member whose log is damaged gives none to whose log ends before its own did.
func (j *judge) granted(m *member, to raft.ID, term raft.Term) {
	w := j.watch(m)
	if asked := w.asked[to]; w.debt != nil && asked.term == term && asked.end.Before(w.debt.end) {
		j.fail(Durability, "server %d, whose log is damaged, votes for server %d, whose log ends with entry %d of term %d, and its own ended with entry %d of term %d",
			m.id, to, asked.end.Index, asked.end.Term, w.debt.end.Index, w.debt.end.Term)
	}
}
