package raft

// A disk may hang for minutes and come back: a controller resets, a volume is throttled, a file system is frozen. Heartbeats do
// not touch the disk, so a leader with such a disk would be obeyed for as long as it lasts. Its followers commit without it until
// what it may not forget fills its memory; then nothing goes on, and nobody has a reason to elect somebody else.
// What tells is how long a record takes.

// stalled tells whether this member's disk has been at work on one record for half an election timeout. That is as long as a sync may take
// at all for an election to succeed.
func (n *Node) stalled() bool {
	writing := n.disk.pending
	return len(writing) > 0 && n.now-writing[0].since >= n.config.ElectionTimeout/2
}

// abdicate hands over when this leader's disk is stalled and a follower's is not: one that was heard lately and has made durable what this
// disk still has before it. Where all disks are slow nobody is better, and leadership stays.
func (n *Node) abdicate() {
	if !n.stalled() || n.lead.transfer != nil {
		return
	}
	to := n.lead.peer(n.closest())
	if to != nil && n.lately(to) && !n.shy(to) && to.match > n.disk.stable {
		n.handOver(to.id)
	}
}
