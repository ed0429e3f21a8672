package raft

// A member whose snapshot is lost has nothing to begin with. A leader sends it one; but where several members have lost theirs there may be no leader, because
// the one that still has a snapshot lacks what they acknowledged, and gets no votes. So a member without a snapshot that hears no leader asks the
// others for theirs, piece by piece. A snapshot stands for entries that are committed, and those are the same for everybody: whoever has it may
// give it, in any term, and nobody need be believed to lead. It is the same where nobody has the entries any more that are missing before what a member
// can read, but a snapshot that reaches over them (onFetched).

// bare tells whether this member has lost its snapshot: it has none, and its log was longer.
func (n *Node) bare() bool { return !n.whole() && n.log.snapshot.Index == 0 }

// beg asks the others for a snapshot. What came of one so far has come to a stop.
func (n *Node) beg() {
	n.incoming = nil
	for _, m := range n.Known() {
		if m.ID != n.id {
			n.outbox = append(n.outbox, n.envelope(m.ID, n.plea()))
		}
	}
}

func (n *Node) plea() *Plea {
	plea := &Plea{Term: n.term}
	if a := n.incoming; a != nil {
		plea.Index, plea.IndexTerm, plea.Offset = a.index, a.term, uint64(len(a.data))
	}
	return plea
}

// onPlea gives a piece of this member's snapshot, from its beginning unless the rest of this very one is asked for.
func (n *Node) onPlea(from ID, m *Plea) {
	s := n.log.snapshot
	if s.Index == 0 {
		return
	}
	total := uint64(len(s.Data))
	offset := uint64(0)
	if m.Index == s.Index && m.IndexTerm == s.Term && m.Offset <= total {
		offset = m.Offset
	}
	end := min(offset+uint64(n.config.ChunkBytes), total)
	n.rest(from, &Bequest{Term: n.term, Index: s.Index, IndexTerm: s.Term, Time: s.Time, Membership: s.Membership,
		Offset: offset, Total: total, Sum: checksum(s.Data), Data: s.Data[offset:end:end]})
}

// onBequest takes a piece, and asks who gave it for the next one. Of several snapshots the latest is taken, and of several who have it, whoever
// brings something new goes on.
func (n *Node) onBequest(from ID, m *Bequest) {
	c := &Chunk{Index: m.Index, IndexTerm: m.IndexTerm, Time: m.Time, Membership: m.Membership, Offset: m.Offset, Total: m.Total, Sum: m.Sum, Data: m.Data}
	in := n.incoming
	switch {
	case n.whole() || n.leader != 0 || c.Index <= n.log.last():
		return
	case in.of(c) && c.Offset != uint64(len(in.data)), in != nil && !in.of(c) && c.Index <= in.index:
		return
	}
	snapshot := n.gather(c)
	n.calm()
	if snapshot == nil {
		n.outbox = append(n.outbox, n.envelope(from, n.plea()))
		return
	}
	if snapshot.Term > n.term {
		n.stepDown(snapshot.Term)
	}
	n.installSnapshot(*snapshot)
}
