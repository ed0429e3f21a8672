package raft

// follow accepts the sender as the leader of this term, and waits anew.
func (n *Node) follow(from ID) {
	if n.role == Leader {
		fail("members %d and %d both lead term %d", n.id, from, n.term)
	}
	if n.leader != 0 && n.leader != from {
		fail("members %d and %d both lead term %d", n.leader, from, n.term)
	}
	switch {
	case n.role != Follower:
		n.stepDown(n.term)
	case n.patience < n.config.ElectionTimeout: // it was suspected to be gone
		n.calm()
	}
	n.leader, n.heard, n.waiting = from, n.now, n.now
}

// onAppend is AppendEntries of figure 2.
func (n *Node) onAppend(from ID, m *Append) {
	n.follow(from)
	// What is committed is the same in every log, so an Append that begins before the commit
	// index matches there, whether or not this log still has the entry.
	if m.PrevIndex > n.commit && !n.log.matches(m.PrevIndex, m.PrevTerm) {
		n.rest(from, n.disagree(m))
		return
	}
	news := n.accept(m.Entries)
	match := m.PrevIndex + Index(len(m.Entries))
	n.agree(match)
	// Only what this message reached is known to be the leader's: a longer log may end
	// in entries that were never chosen.
	n.commitTo(min(m.Commit, max(match, n.commit)))
	if !news && n.promised() {
		// It says no more than what is durable already. Did a heartbeat wait for the entries before
		// it, a disk that is slow for an election timeout would depose a leader that everybody hears.
		n.deliver(n.envelope(from, &Appended{Term: n.term, Round: m.Round, Match: min(match, n.disk.stable), Full: n.disk.full, Version: n.config.Version}))
		return
	}
	n.rest(from, &Appended{Term: n.term, Round: m.Round, Match: match, Full: n.disk.full, Version: n.config.Version})
}

// accept adds the entries that are new, and says whether there were any. It cuts the log only where an entry differs: an Append that was
// delayed may hold less than the log has by now, and what it lacks may be acknowledged and committed.
func (n *Node) accept(entries []Entry) bool {
	for i := range entries {
		e := &entries[i]
		if e.Index <= n.commit {
			assert(!n.log.knows(e.Index) || n.log.term(e.Index) == e.Term, "the leader's entry %d differs from the committed one", e.Index)
			continue
		}
		if n.log.matches(e.Index, e.Term) {
			continue
		}
		if e.Index <= n.log.last() {
			n.cut(e.Index)
		}
		n.log.append(entries[i:]...)
		n.addMemberships(entries[i:])
		return true
	}
	return false
}

// cut removes the entry at index and all behind it, and whatever was said of them.
func (n *Node) cut(index Index) {
	if n.damage != nil {
		n.damage.agreed = min(n.damage.agreed, index-1)
	}
	n.log.cut(index)
	n.disk.void(index)
	n.cutMemberships(index)
}

// disagree tells the leader that the logs do not meet at the Append's beginning.
func (n *Node) disagree(m *Append) Message {
	if !n.whole() {
		return n.lost(m)
	}
	return n.mismatch(m)
}

// mismatch tells the leader where to look next: behind this log's end, or where its conflicting term begins.
func (n *Node) mismatch(m *Append) *Mismatch {
	reply := &Mismatch{Term: n.term, Round: m.Round, PrevIndex: m.PrevIndex, Last: n.log.last()}
	if n.log.knows(m.PrevIndex) {
		reply.ConflictTerm = n.log.term(m.PrevIndex)
		reply.ConflictIndex = max(n.log.firstOfTerm(m.PrevIndex), n.commit+1) // what is committed does not conflict
	}
	return reply
}
