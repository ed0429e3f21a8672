package raft

import (
	"math/rand/v2"
	"slices"
	"time"
)

// inquiry is what a follower has under way to serve reads itself (thesis §6.4): it asks its leader up to where the log
// was committed when they began, has the leader confirm that it still leads, and serves them when it has come so far.
//
// Each ask has a number of its own, and an answer confirms the reads that began before that very ask was sent, and no newer
// ones: an answer that was delayed says nothing about what was committed since it was given.
//
// Invariants: the numbers of reads do not fall; those that were answered come first, and their indexes do not fall.
type inquiry struct {
	reads []inquiredRead
	first uint64        // where the numbers begin; zero: nothing was asked yet
	ask   uint64        // number of the last ask
	term  Term          // in which it was sent: to another leader it must be sent anew
	due   time.Duration // when it is taken for lost
}

// inquiredRead is a read that waits at a follower: for an answer to its ask or a later one, and then to be committed here.
type inquiredRead struct {
	id    uint64
	ask   uint64
	by    Confirmation
	index Index         // zero: not answered
	since time.Duration // when it began
}

// begin draws where the numbers begin. A member that was restarted within a term would else take the answer to an ask of its
// former self for its own, and serve what was committed before its read began.
func (q *inquiry) begin(random rand.Source) {
	if q.first == 0 {
		q.first = 1 + random.Uint64()>>1
		q.ask = q.first - 1
	}
}

// inquire files a read under the next ask.
func (n *Node) inquire(id uint64, by Confirmation) {
	q := &n.inquiry
	q.begin(n.config.Random)
	q.reads = append(q.reads, inquiredRead{id: id, ask: q.ask + 1, by: by, since: n.now})
}

// onReadIndexReply is the leader's answer to an ask of this member, or of the one that it was before its restart.
func (n *Node) onReadIndexReply(m *ReadIndexReply) {
	q := &n.inquiry
	if m.Ask < q.first || m.Ask > q.ask {
		return
	}
	if !m.Leased {
		n.forgetful = 0
	}
	n.limit(m.Last)
	// An older ask that came late to the leader is answered with a later index. Reads are served in order, so what comes behind it waits as well.
	index := m.Index
	for i := range q.reads {
		if r := &q.reads[i]; r.index != 0 {
			index = max(index, r.index)
		} else if r.ask <= m.Ask {
			r.index = index
		}
	}
}

// pursue serves what may be served, refuses what has waited for too long, and asks for what is left.
func (n *Node) pursue() {
	q := &n.inquiry
	for len(q.reads) > 0 && q.reads[0].index != 0 && q.reads[0].index <= n.commit {
		n.reads = append(n.reads, Read{ID: q.reads[0].id, Index: q.reads[0].index})
		q.reads = q.reads[1:]
	}
	lost := n.role != Follower || n.leader == 0
	for len(q.reads) > 0 && (lost || n.now >= q.reads[0].since+n.config.ElectionTimeout) {
		n.refused = append(n.refused, q.reads[0].id)
		q.reads = q.reads[1:]
	}
	if !lost && n.asks() {
		q.begin(n.config.Random)
		q.ask, q.term, q.due = q.ask+1, n.term, n.now+n.config.Heartbeat
		n.outbox = append(n.outbox, n.envelope(n.leader, &ReadIndex{Term: n.term, Ask: q.ask, Lease: q.byLease()}))
	}
}

// asks tells whether the leader must be asked, perhaps once more: one message for all reads that wait. A member that was restarted asks
// as well whether it has promised anything, and one whose log is damaged how far that can have reached.
func (n *Node) asks() bool {
	q := &n.inquiry
	waits := q.waits()
	switch {
	case !waits && n.now >= n.forgetful && n.whole():
		return false
	case waits && q.reads[len(q.reads)-1].ask > q.ask:
		return true
	}
	return n.term != q.term || n.now >= q.due
}

// waits tells whether a read waits for an answer.
func (q *inquiry) waits() bool { return len(q.reads) > 0 && q.reads[len(q.reads)-1].index == 0 }

// byLease tells whether all reads that are to be asked for are content with a lease.
func (q *inquiry) byLease() bool {
	return q.waits() && !slices.ContainsFunc(q.reads, func(r inquiredRead) bool { return r.index == 0 && r.by == ByRound })
}

// inquiryDeadline is when an ask is to be repeated, or a read to be refused. There must be reads.
func (n *Node) inquiryDeadline() time.Duration {
	q := &n.inquiry
	due := q.reads[0].since + n.config.ElectionTimeout
	if q.waits() {
		due = min(due, q.due)
	}
	return due
}

func (n *Node) checkInquiry() {
	reads := n.inquiry.reads
	for i := 1; i < len(reads); i++ {
		before, r := reads[i-1], reads[i]
		assert(before.ask <= r.ask && before.since <= r.since, "read %d overtakes read %d on its way to the leader", r.id, before.id)
		assert(r.index == 0 || before.index != 0 && before.index <= r.index, "read %d is answered before read %d", r.id, before.id)
	}
}
