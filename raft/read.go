package raft

import "time"

// pendingRead waits for two things: that a majority confirms this leadership in a round that
// began after the read did, and that what was committed when it began, or by an earlier leader, is
// committed here (§8, thesis §6.4).
type pendingRead struct {
	id    uint64
	round uint64
	index Index
}

// Read asks for a linearizable read. It comes back in Output.Reads when it may be served, or in
// Output.Refused if the leadership ends before.
func (n *Node) Read(now time.Duration, id uint64) error {
	n.advance(now)
	if n.role != Leader {
		return ErrNotLeader
	}
	// The round is one that was not asked for yet. An answer to a round that is already on its way
	// could have been given before this read began, by a follower that has a newer leader by now.
	n.lead.reads = append(n.lead.reads, pendingRead{id: id, round: n.lead.round + 1, index: max(n.commit, n.lead.first)})
	return nil
}

// askRound begins one round for all reads that came since the last one.
func (n *Node) askRound() {
	waiting := n.lead.reads
	if len(waiting) > 0 && waiting[len(waiting)-1].round > n.lead.round {
		n.lead.round++
		n.lead.beating = true
		n.releaseReads()
	}
}

// releaseReads hands out the reads whose round is confirmed.
func (n *Node) releaseReads() {
	if len(n.lead.reads) == 0 {
		return
	}
	confirmed := n.agreed((*Node).roundOf)
	done := 0
	for _, r := range n.lead.reads {
		if r.round > confirmed || r.index > n.commit {
			break
		}
		n.reads = append(n.reads, Read{ID: r.id, Index: r.index})
		done++
	}
	n.lead.reads = append(n.lead.reads[:0], n.lead.reads[done:]...)
}
