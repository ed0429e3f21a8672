package raft

import "slices"

// Clone is a second member in the same state, which can be stepped in its own way: for those who want to know what else could have
// happened. Only the source of randomness is shared. A node is cloned when it has been drained.
//
// What never changes once it is made, like entries, messages and snapshots, has one copy for both. What is appended to or written in
// place has two.
func (n *Node) Clone() *Node {
	n.mustBeDrained()
	c := *n
	c.log.entries = n.log.entries.clone()
	c.memberships = slices.Clone(n.memberships)
	c.ballot = ballot{granted: slices.Clone(n.ballot.granted), refused: slices.Clone(n.ballot.refused)}
	c.lead = n.lead.clone()
	c.inquiry.reads = slices.Clone(n.inquiry.reads)
	if n.incoming != nil {
		incoming := *n.incoming
		incoming.data = slices.Clip(incoming.data)
		c.incoming = &incoming
	}
	if n.damage != nil {
		damage := *n.damage
		damage.behind = slices.Clone(n.damage.behind)
		c.damage = &damage
	}
	if n.oath != nil {
		c.oath = &oath{nonce: n.oath.nonce, answers: slices.Clone(n.oath.answers)}
	}
	c.disk.pending, c.disk.held = slices.Clone(n.disk.pending), slices.Clone(n.disk.held)
	c.outbox, c.reads, c.refused = nil, nil, nil
	return &c
}

func (l *lead) clone() *lead {
	if l == nil {
		return nil
	}
	c := *l
	c.peers = slices.Clone(l.peers)
	for i := range c.peers {
		c.peers[i].flow.inflight = slices.Clone(l.peers[i].flow.inflight)
		c.peers[i].asks = slices.Clone(l.peers[i].asks)
		if l.peers[i].study != nil {
			study := *l.peers[i].study
			c.peers[i].study = &study
		}
	}
	c.reads = slices.Clone(l.reads)
	if l.transfer != nil {
		transfer := *l.transfer
		c.transfer = &transfer
	}
	return &c
}

// mustBeDrained holds when all that the steps led to was collected, so that nothing of it is told twice.
func (n *Node) mustBeDrained() {
	assert(len(n.outbox) == 0 && len(n.reads) == 0 && len(n.refused) == 0 && n.install == nil, "member %d was not drained", n.id)
}
