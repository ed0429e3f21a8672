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

// Confirmation is what a read rests on, beside the log: that its leader still led when it began.
type Confirmation uint8

// A round costs a message to a majority and back, and trusts no clock. A lease costs nothing, and trusts all
// clocks to within Config.Drift; where none holds, the read goes by a round.
const (
	ByRound Confirmation = iota + 1
	ByLease
)

// Read asks for a linearizable read. It comes back in Output.Reads when it may be served, or in
// Output.Refused when no leader confirmed it in time. A follower has its leader confirm it.
func (n *Node) Read(now time.Duration, id uint64, by Confirmation) error {
	n.advance(now)
	switch {
	case n.role == Leader && by == ByLease && n.leased():
		n.reads = append(n.reads, Read{ID: id, Index: n.commit})
	case n.role == Leader:
		n.lead.reads = append(n.lead.reads, n.pending(id))
	case n.role == Follower && n.leader != 0:
		n.inquire(id, by)
	default:
		return ErrNoLeader
	}
	return nil
}

// onReadIndex is a follower's ask on behalf of the reads that wait there. Of more asks than may be in flight
// the last are dropped, as any message may be: the follower asks again.
func (n *Node) onReadIndex(from ID, m *ReadIndex) {
	if n.role != Leader {
		return
	}
	p := n.lead.peer(from)
	switch {
	case p == nil:
	case m.Lease && n.leased():
		n.answerAsk(from, m.Ask, n.commit)
	case len(p.asks) < n.config.MaxInflight:
		p.asks = append(p.asks, n.pending(m.Ask))
	}
}

func (n *Node) answerAsk(to ID, ask uint64, index Index) {
	n.outbox = append(n.outbox, n.envelope(to, &ReadIndexReply{Term: n.term, Ask: ask, Index: index, Leased: n.relies(), Last: n.log.last()}))
}

// pending is a read that begins now.
func (n *Node) pending(id uint64) pendingRead {
	// The round is one that was not asked for yet. An answer to a round that is already on its way
	// could have been given before this read began, by a follower that has a newer leader by now.
	n.lead.asking = true
	return pendingRead{id: id, round: n.lead.round + 1, index: max(n.commit, n.lead.first)}
}

// askRound begins one round for all reads that came since the last one, here and at the followers.
func (n *Node) askRound() {
	if n.lead.asking {
		n.lead.asking = false
		n.lead.round++
		n.lead.beating = true
		n.releaseReads()
	}
}

// releaseReads hands out the reads whose round is confirmed: the leader's own, and the answers to followers.
func (n *Node) releaseReads() {
	if !n.lead.awaited() {
		return
	}
	confirmed := n.agreed((*Node).roundOf)
	done := n.ready(n.lead.reads, confirmed)
	for _, r := range n.lead.reads[:done] {
		n.reads = append(n.reads, Read{ID: r.id, Index: r.index})
	}
	n.lead.reads = append(n.lead.reads[:0], n.lead.reads[done:]...)
	for i := range n.lead.peers {
		n.answerAsks(&n.lead.peers[i], confirmed)
	}
}

func (n *Node) answerAsks(p *peer, confirmed uint64) {
	done := n.ready(p.asks, confirmed)
	for _, r := range p.asks[:done] {
		n.answerAsk(p.id, r.id, r.index)
	}
	p.asks = append(p.asks[:0], p.asks[done:]...)
}

// ready counts the reads at the front that wait for nothing any more.
func (n *Node) ready(reads []pendingRead, confirmed uint64) (done int) {
	for done < len(reads) && reads[done].round <= confirmed && reads[done].index <= n.commit {
		done++
	}
	return done
}

// awaited tells whether any read waits for a confirmation.
func (l *lead) awaited() bool {
	if len(l.reads) > 0 {
		return true
	}
	for i := range l.peers {
		if len(l.peers[i].asks) > 0 {
			return true
		}
	}
	return false
}

// Ask has a leader begin a round of heartbeats with the next Drain, and returns its number: what a member says in answer to it, or to a later one
// (FollowerStatus.Told), it says after now. Zero at any other member.
func (n *Node) Ask() uint64 {
	if n.role != Leader {
		return 0
	}
	n.lead.asking = true
	return n.lead.round + 1
}
