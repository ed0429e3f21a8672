package raft

import "time"

// Reads by lease (thesis §6.4.1). While a majority has promised to elect nobody else, no newer leader can have committed anything, and
// what is committed here is all there is: such a read waits for nobody. Who asks for it trusts clocks: that none runs faster or
// slower than it should by more than Config.Drift. All other reads trust none.
//
// # The promise
//
// A leader whose reads ask for leases sends Lease to its followers with every heartbeat. Whoever takes it promises to vote for nobody else
// and to campaign not itself for one election timeout, by its own clock, and answers with the leader's time of sending. The leader
// counts from that time, not from when the answer came: the promise may have begun at once, while the answer was long on its way.
// With clocks that are off by up to ρ, a promise lasts for at least timeout/(1+ρ) of true time, and the leader may count
//
//	timeout·(1-ρ)/(1+ρ)
//
// on its own clock, as clients do with their sessions. The majority is counted among those who are members when the read comes.
//
// # What must not get around it
//
//   - A hint (Closed) ends the patience of a follower whose leader seems to be gone, and its stickiness with it, so that a leader that
//     died is replaced at once. A connection can break while the leader is well. So the promise does not depend on whether a leader is known:
//     it has a time of its own, and a hint is acted upon when that has come. Followers of a leader that was asked for no lease promise
//     nothing, and replace it as fast as ever.
//   - A member that was restarted has forgotten its promise. It votes for nobody for one election timeout, unless its cluster never had a leader,
//     or the present leader says that it relies on none. That leader was elected by a majority whose promises to those before it were over, so only
//     its own leases count; and it says so in answer to an ask of the restarted member (inquiry.go), not of the one that had promised.
//   - TimeoutNow has a follower campaign at once, and the others vote for it, whatever they promised. The leader gives its leases
//     up for the rest of the term before it sends the first one: that message may arrive at any time, also when the transfer was given
//     up long since. A member that votes in such an election helps nobody else: only the leader itself can have asked for it.
//   - A vote that was granted before the promise is of a later term, and its voter takes no Lease of this one.
//
// A read whose lease does not hold goes by a round, and begins the next lease.

// leaseIdle is for how many election timeouts after the last read by lease a leader goes on asking for promises: who asks once in a second finds
// a lease.
const leaseIdle = 10

// firstTerm is that of the snapshot that formed the cluster. Nobody leads it.
const firstTerm = 1

// million is the unit of Config.Drift.
const million = 1_000_000

// leased tells whether the leader may answer a read without a round, and has the lease kept up for the next one.
func (n *Node) leased() bool {
	n.lead.leaseUntil = n.now + leaseIdle*n.config.ElectionTimeout
	return n.Leased(n.now)
}

// Leased tells whether a read by lease would be served at once.
func (n *Node) Leased(now time.Duration) bool {
	l := n.lead
	if n.role != Leader || l.abdicated || n.commit < l.first {
		return false
	}
	return now < time.Duration(n.agreed((*Node).promisedOf))-n.config.ElectionTimeout+n.leaseTime()
}

// promisedOf is when a voter's promise was asked for, and an election timeout more, so that it is never negative.
func (n *Node) promisedOf(id ID) uint64 {
	promised := n.now
	if id != n.id {
		promised = n.lead.peer(id).promised
	}
	return uint64(promised + n.config.ElectionTimeout)
}

// leaseTime is how long a promise may be relied upon, by the leader's own clock.
func (n *Node) leaseTime() time.Duration {
	drift := time.Duration(n.config.Drift)
	return n.config.ElectionTimeout * (million - drift) / (million + drift)
}

// askLease asks the followers for their promise, as long as somebody wants to read by lease.
func (n *Node) askLease() {
	if l := n.lead; l.beating && !l.abdicated && n.now < l.leaseUntil {
		l.leaseAsked = n.now
		n.toVoters(&Lease{Term: n.term, Sent: n.now})
	}
}

// relies tells whether promises may count that were asked for before, by whomever they were made.
func (n *Node) relies() bool { return n.now < n.lead.leaseAsked+n.leaseTime() }

// free is when this member has no promise to keep.
func (n *Node) free() time.Duration { return max(n.withheld, n.forgetful) }

// onLease makes the promise. It is not told of before the term is durable, by which a member that is restarted knows that it may have
// promised something: the leader will ask again.
func (n *Node) onLease(from ID, m *Lease) {
	n.follow(from)
	n.withheld = n.now + n.config.ElectionTimeout
	if n.promised() {
		n.outbox = append(n.outbox, n.envelope(from, &LeaseReply{Term: n.term, Sent: m.Sent}))
	}
}

func (n *Node) onLeaseReply(from ID, m *LeaseReply) {
	if n.role != Leader {
		return
	}
	if p := n.lead.peer(from); p != nil {
		p.promised = max(p.promised, m.Sent)
	}
}
