package raft

import (
	"errors"
	"time"
)

// Why a request was refused. None of them was begun.
var (
	ErrNotLeader    = errors.New("raft: not the leader")
	ErrNoLeader     = errors.New("raft: no leader is known")
	ErrTransferring = errors.New("raft: leadership is being handed over")
	ErrFull         = errors.New("raft: too much is proposed and not yet committed, or not yet durable here")
	ErrNotMember    = errors.New("raft: not another member of the cluster")
)

// lead is what a member has only while it leads.
type lead struct {
	peers []peer // the other nodes of the membership in force, by ID
	clock time.Duration
	// first is the index of the empty entry with which the term began. Before it is
	// committed, nobody can say how far the log is committed (§8).
	first Index
	// What is proposed costs memory until it is committed, and until it is durable here: while this member's own disk
	// hangs, the others go on committing.
	uncommitted, unstable int // bytes behind the commit index, and behind what is durable here
	gathered              int // of them, data that is in no record yet

	beatDue time.Duration // when the followers must hear something again
	beating bool          // they must hear it with the next Drain

	round  uint64 // of the last confirmation that was asked for
	asking bool   // another one must begin with the next Drain
	reads  []pendingRead

	leaseUntil time.Duration // until then the followers are asked for promises
	leaseAsked time.Duration // and when they were last; long ago: they were not
	abdicated  bool          // somebody was told to campaign: no promise counts any more in this term

	transfer *transfer
	scratch  [MaxMembers]uint64 // for counting quorums without allocation
}

// takeOver makes the winner of an election the leader of its term.
func (n *Node) takeOver() {
	assert(n.role == Candidate && n.vote == n.id, "a %v who voted for %d can't lead", n.role, n.vote)
	n.role, n.leader = Leader, n.id
	n.lead = &lead{clock: n.lastTime(), first: n.log.last() + 1, beatDue: n.now, leaseAsked: n.now - n.config.ElectionTimeout}
	n.followUp()
	n.lead.uncommitted = cost(n.log.slice(n.commit+1, n.log.last()))
	n.lead.unstable = cost(n.log.from(n.disk.stable+1, n.log.last()))
	n.add(KindEmpty, nil)
	n.beat()
}

// resign gives up everything that only a leader has. Reads that it never confirmed are refused.
func (n *Node) resign() {
	for _, r := range n.lead.reads {
		n.refused = append(n.refused, r.id)
	}
	n.lead = nil
	n.leader = 0
}

// Propose appends a command to the log. Its index tells whether it was chosen: when the entry that is
// committed there has the term of this node now, it is this command, and otherwise it is lost.
func (n *Node) Propose(now time.Duration, command []byte) (Index, error) {
	n.advance(now)
	switch {
	case n.role != Leader:
		return 0, ErrNotLeader
	case n.lead.transfer != nil:
		return 0, ErrTransferring
	case n.lead.full(n.config.MaxUncommittedBytes - len(command)):
		return 0, ErrFull
	}
	return n.add(KindCommand, command), nil
}

func (n *Node) add(kind Kind, data []byte) Index {
	index := n.log.last() + 1
	n.log.append(Entry{Index: index, Term: n.term, Kind: kind, Time: n.lead.clock, Data: data})
	added := cost(n.log.slice(index, index))
	n.lead.uncommitted += added
	n.lead.unstable += added
	n.lead.gathered += len(data)
	return index
}

// entryCost is what an entry takes in memory beside its data, about.
const entryCost = 64

// cost is what entries take in memory, about.
func cost(entries []Entry) int { return len(entries)*entryCost + dataBytes(entries) }

// full tells whether there is no room for more than what is allowed. One command, however large, is always taken.
func (l *lead) full(allowed int) bool {
	waiting := max(l.uncommitted, l.unstable)
	return waiting > 0 && waiting > allowed
}

// beat keeps the followers calm, and gives up when a majority of them was not heard for too long.
func (n *Node) beat() {
	if n.now < n.lead.beatDue {
		return
	}
	n.lead.beatDue = n.now + n.config.Heartbeat
	n.lead.beating = true
	n.expireTransfer()
	if n.role != Leader {
		return
	}
	n.abdicate()
	if n.now-time.Duration(n.agreed((*Node).heardOf)) >= n.config.ElectionTimeout {
		n.stepDown(n.term)
	}
}

// due is when the followers must hear something, or may be sent the next piece of a snapshot.
func (l *lead) due() time.Duration {
	due := l.beatDue
	for i := range l.peers {
		if p := &l.peers[i]; p.mode == installing {
			due = min(due, p.install.due)
		}
	}
	return due
}

// replicate sends every follower what it lacks, as far as it may, and what it must hear in any case.
func (n *Node) replicate() {
	n.askRound()
	for i := range n.lead.peers {
		n.feed(&n.lead.peers[i])
	}
	n.tryTransfer()
	n.askLease()
	n.lead.beating = false
}

func (n *Node) onAppended(from ID, m *Appended) {
	p := n.hear(from, m.Round)
	if p == nil {
		return
	}
	if m.Match > n.log.last() {
		fail("member %d matches up to %d, behind the end of the leader's log at %d", from, m.Match, n.log.last())
	}
	p.full = m.Full
	p.supports(m)
	if p.advance(m.Match, n.now, &n.config) {
		n.advanceCommit()
	}
	n.teach(p)
	n.releaseReads()
}

func (n *Node) onMismatch(from ID, m *Mismatch) {
	p := n.hear(from, m.Round)
	if p == nil {
		return
	}
	n.releaseReads()
	probe := p.mode == probing && m.PrevIndex == p.next-1
	if !probe && (p.mode != streaming || m.PrevIndex <= p.match) {
		return // of no use, or an old one: a later answer said more
	}
	next := m.Last + 1
	if m.ConflictTerm != 0 {
		next = m.ConflictIndex
		if own := n.log.lastOfTerm(m.ConflictTerm, m.PrevIndex); own != 0 {
			next = own + 1
		}
	}
	next = min(next, m.PrevIndex)
	if m.PrevIndex <= p.match {
		// It has lost what it had acknowledged, and is whole all the same: what it can still read is of a later term, and was never cut.
		p.match = next - 1
	}
	p.probe(max(next, p.match+1))
}

// hear notes that a follower answered, and in which round.
func (n *Node) hear(from ID, round uint64) *peer {
	if n.role != Leader {
		return nil
	}
	p := n.lead.peer(from)
	if p == nil {
		return nil
	}
	p.heard, p.known = n.now, true
	p.round = max(p.round, round)
	return p
}

// advanceCommit commits what a majority has, if it is of the leader's own term: an older entry that
// stands on a majority may still be overwritten (§5.4.2 and figure 8), until one of this term stands on it.
func (n *Node) advanceCommit() {
	index := Index(n.agreed((*Node).matchOf))
	if index <= n.commit || n.log.term(index) != n.term {
		return
	}
	n.lead.uncommitted -= cost(n.log.slice(n.commit+1, index))
	n.commitTo(index)
	n.conclude()
	n.releaseReads()
}

// agreed is the highest value that a quorum of the membership in force has reached. This leader counts like any
// other voter, and not at all when it is about to leave (thesis §4.2.2).
func (n *Node) agreed(value func(*Node, ID) uint64) uint64 { return n.agreedBy(n.members(), value) }

func (n *Node) agreedBy(m *Membership, value func(*Node, ID) uint64) uint64 {
	return m.agreed(n.lead.scratch[:0], func(id ID) uint64 { return value(n, id) })
}

// matchOf is how far a voter's log is durable and equal to this leader's.
func (n *Node) matchOf(id ID) uint64 {
	if id == n.id {
		return uint64(n.disk.stable)
	}
	return uint64(n.lead.peer(id).match)
}

// heardOf is when a voter was heard last.
func (n *Node) heardOf(id ID) uint64 {
	if id == n.id {
		return uint64(n.now)
	}
	return uint64(n.lead.peer(id).heard)
}

// answeredOf is when a voter was heard last, and never if it was not heard by this leader: whom a predecessor took in may be gone since.
func (n *Node) answeredOf(id ID) uint64 {
	if id != n.id && !n.lead.peer(id).known {
		return 0
	}
	return n.heardOf(id)
}

// roundOf is the latest round that a voter has confirmed.
func (n *Node) roundOf(id ID) uint64 {
	if id == n.id {
		return n.lead.round
	}
	return n.lead.peer(id).round
}

func (n *Node) unreachable(member ID) {
	if n.role != Leader {
		return
	}
	p := n.lead.peer(member)
	if p == nil || p.mode != streaming {
		return
	}
	p.probe(p.match + 1)
	p.flow = newFlow(&n.config)
	// What was lost is sent again at once, but not more than once in a heartbeat: a follower whose disk stands still answers all the time
	// that its log goes no farther, and would be sent all that it lacks each time that its queue overflows with that.
	switch {
	case n.now < p.still: // a heartbeat was lost
	case p.broken > 0 && n.now < p.broken+n.config.Heartbeat:
		p.still = p.broken + n.config.Heartbeat
		p.broken = p.still
	default:
		p.broken = n.now
	}
}

func (l *lead) peer(id ID) *peer {
	for i := range l.peers {
		if l.peers[i].id == id {
			return &l.peers[i]
		}
	}
	return nil
}
