package raft

// A command costs the disk, the network and each member's processor little beside what a record, an Append and an answer cost. Under load a
// leader therefore lets commands gather: while its disk is at work and something is on its way to be committed, what is new waits, and then leaves as
// one record and one Append to each follower. It is Nagle's rule for small packets (RFC 896): who is alone never waits, as nothing is on its way then. A
// leader whose disk is slow goes on at the pace of its followers, because what they commit without it opens the way.

// gathers tells whether what is new waits for company. The first entry of a term does not, nor what would fill a message.
func (n *Node) gathers() bool {
	d, l := &n.disk, n.lead
	return l != nil && len(d.pending) > 0 && n.commit < d.unsaved-1 && l.first < d.unsaved && l.gathered < n.config.MaxAppendBytes
}

// edge is the last entry that may leave this leader.
func (n *Node) edge() Index {
	if n.gathers() {
		return n.disk.unsaved - 1
	}
	return n.log.last()
}
