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
		to = n.closest()
	}
	if p := n.lead.peer(to); p == nil || p.study != nil {
		return ErrNotMember
	}
	n.handOver(to)
	return nil
}

func (n *Node) handOver(to ID) {
	n.lead.transfer = &transfer{to: to, due: n.now + n.config.ElectionTimeout}
}

// closest is the voter that has most of the log, among those that were heard lately and have room on their disks, if there are any, and that stay.
func (n *Node) closest() ID {
	var best *peer
	for i := range n.lead.peers {
		p := &n.lead.peers[i]
		if stays := position(n.members().Members, p.id) >= 0; stays && (best == nil || n.fitter(p, best)) {
			best = p
		}
	}
	if best == nil {
		return 0
	}
	return best.id
}

// fitter tells whether one follower is to lead rather than another.
func (n *Node) fitter(p, than *peer) bool {
	switch {
	case n.lately(p) != n.lately(than):
		return n.lately(p)
	case n.shy(p) != n.shy(than):
		return n.shy(than)
	case p.full != than.full:
		return than.full
	}
	return p.match > than.match
}

// shyness is for how many election timeouts a follower is passed over that was told to campaign, and was not elected: its log may be damaged, or
// its disk hang. Without it a leader that wants to go would ask the same one again and again, and refuse all proposals meanwhile.
const shyness = 10

func (n *Node) shy(p *peer) bool { return n.now < p.shy }

// lately tells whether a follower was heard within the last election timeout.
func (n *Node) lately(p *peer) bool { return n.now-p.heard < n.config.ElectionTimeout }

// tryTransfer tells the member to campaign when it has everything, and everything is committed: the calls that wait for it are
// answered by the leader whom they asked. It is told again with each heartbeat, because one message may be lost.
func (n *Node) tryTransfer() {
	t := n.lead.transfer
	ready := t != nil && n.commit == n.log.last() && n.lead.peer(t.to).match == n.log.last()
	if !ready || t.told && !n.lead.beating {
		return
	}
	t.told, n.lead.abdicated = true, true
	n.outbox = append(n.outbox, n.envelope(t.to, &TimeoutNow{Term: n.term}))
}

// expireTransfer ends a transfer that came to nothing. A leader that was removed does not go on as before: it has waited for
// a successor for long enough.
func (n *Node) expireTransfer() {
	if t := n.lead.transfer; t != nil && n.now >= t.due {
		n.lead.transfer = nil
		if p := n.lead.peer(t.to); p != nil && t.told {
			p.shy = n.now + shyness*n.config.ElectionTimeout
		}
		if n.removed() {
			n.stepDown(n.term)
		}
	}
}
