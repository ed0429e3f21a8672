package raft

import "time"

// transfer is a leadership on its way to another member (thesis §3.10).
type transfer struct {
	to   ID
	due  time.Duration // when it is given up
	told bool
}

// Transfer hands leadership over: the leader takes no more proposals, brings the member up to date and tells
// it to campaign at once. To zero chooses the member that is closest. If nothing
// came of it within an election timeout, the leader goes on as before.
func (n *Node) Transfer(now time.Duration, to ID) error {
	n.advance(now)
	switch {
	case n.role != Leader:
		return ErrNotLeader
	case n.lead.transfer != nil:
		return ErrTransferring
	case to == 0:
		to = n.lead.closest()
	}
	if n.lead.peer(to) == nil {
		return ErrNotMember
	}
	n.lead.transfer = &transfer{to: to, due: now + n.config.ElectionTimeout}
	return nil
}

// closest is the follower that has most of the log, among equals the one that was heard last.
func (l *lead) closest() ID {
	var best *peer
	for i := range l.peers {
		p := &l.peers[i]
		if best == nil || p.match > best.match || p.match == best.match && p.heard > best.heard {
			best = p
		}
	}
	if best == nil {
		return 0
	}
	return best.id
}

func (n *Node) tryTransfer() {
	t := n.lead.transfer
	if t == nil || t.told || n.lead.peer(t.to).match < n.log.last() {
		return
	}
	t.told = true
	n.outbox = append(n.outbox, Envelope{From: n.id, To: t.to, Message: &TimeoutNow{Term: n.term}})
}

func (n *Node) expireTransfer() {
	if t := n.lead.transfer; t != nil && n.now >= t.due {
		n.lead.transfer = nil
	}
}
