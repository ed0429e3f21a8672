package raft

import (
	"math/rand/v2"
	"time"
)

// Config sets a node up. Durations must be positive, and the same on all members.
type Config struct {
	ID ID
	// Incarnation is that of the node's data directory.
	Incarnation uint64
	// ElectionTimeout is how long a member waits at least, and less than twice that, before it
	// campaigns; a leader that did not hear from a majority for so long steps down. An election takes two syncs, one after the
	// other: while one takes as long as half of this, none succeeds.
	ElectionTimeout time.Duration
	// Heartbeat is how often a leader speaks up when it has nothing to say. At most a third of ElectionTimeout.
	Heartbeat time.Duration
	// Drift is by how much the rate of any member's clock may be off, in parts in a million. Reads by lease rest on it, and nothing else.
	Drift int64
	// Version is the latest one of the state machine's commands and snapshots that this member's program can read. It means nothing here, but that
	// each member tells its leader (FollowerStatus.Version).
	Version uint8
	// Random is where election timeouts are drawn from.
	Random rand.Source

	MaxAppendBytes      int // entry data in one Append (one entry may exceed it)
	MaxInflight         int // Appends to one follower that are not answered
	MaxInflightBytes    int // and their entry data
	MinInflightBytes    int // to which that bound falls for a follower whose answers are late, at most MaxInflightBytes
	MaxUncommittedBytes int // entries proposed and not committed, or not durable at the leader, above which Propose refuses
	ChunkBytes          int // snapshot data in one Chunk
	KeepBytes           int // entries kept behind a snapshot for slow followers, by what they take in memory

	// ChunkPause is how long it is at least from one Chunk to the next, to one follower. With ChunkBytes it bounds the
	// rate at which a snapshot is sent. Zero: as fast as they are answered.
	ChunkPause time.Duration
}

// Node is one member. It is not safe for concurrent use. Make it with New.
type Node struct {
	config Config
	id     ID
	now    time.Duration

	// Invariant: term, and vote within a term, never fall or change once set. Both are
	// durable before any message rests on them.
	term Term
	vote ID

	log         log
	memberships []placed // from the snapshot's on; the last one is in force
	regrouped   bool     // they have changed since the last Drain
	commit      Index    // never falls
	handed      Index    // entries up to here were handed out by Drain; handed <= commit

	role     Role
	leader   ID            // of this term, zero when it is not known
	heard    time.Duration // when that leader was last heard
	patience time.Duration // how long this member waits before it campaigns: drawn for each campaign
	waiting  time.Duration // since when it has been patient
	// Until both have come, this member helps nobody to become leader, itself included, whatever it thinks of its own one (lease.go).
	withheld  time.Duration // it has promised that to a leader
	forgetful time.Duration // or may have, before it was restarted

	attempt uint64 // numbers the trial elections
	ballot  ballot // Candidate and PreCandidate
	lead    *lead  // Leader only

	inquiry  inquiry   // Follower only
	incoming *assembly // a snapshot that is being received
	disk     disk
	damage   *convalescence // nil: the log is whole
	oath     *oath          // nil: it knows its term and its vote. Else its log is damaged

	outbox  []Envelope
	install *Snapshot
	reads   []Read
	refused []uint64
}

// New makes a member from what its disk holds. A member that has never stored anything
// begins with the snapshot that formed its cluster.
func New(config Config, stored Stored, now time.Duration) *Node {
	assert(config.ID != 0, "zero is no member")
	assert(config.ElectionTimeout > 0 && config.Heartbeat > 0 && 3*config.Heartbeat <= config.ElectionTimeout,
		"a heartbeat of %v does not fit into an election timeout of %v", config.Heartbeat, config.ElectionTimeout)
	assert(config.Drift > 0 && config.Drift < million, "no clock drifts by %d parts in a million", config.Drift)
	assert(config.MaxAppendBytes > 0 && config.MaxInflight > 0 && config.MinInflightBytes > 0 && config.MaxInflightBytes >= config.MinInflightBytes &&
		config.MaxUncommittedBytes > 0 && config.ChunkBytes > 0 && config.KeepBytes >= 0 && config.ChunkPause >= 0, "a bound is missing in %+v", config)

	n := &Node{config: config, id: config.ID, now: now, term: stored.Term, vote: stored.Vote, log: newLog(stored)}
	assert(n.term >= n.log.lastTerm(), "the log is of term %d, but the stored term is %d", n.log.lastTerm(), n.term)
	n.memberships = findMemberships(&n.log)
	n.commit, n.handed = stored.Snapshot.Index, stored.Snapshot.Index
	n.disk.stable, n.disk.unsaved, n.disk.covered = n.log.last(), n.log.last()+1, n.commit
	n.role = Follower
	if n.term > firstTerm {
		n.forgetful = now + config.ElectionTimeout
	}
	if d := stored.Damage; d != nil {
		n.damage = newConvalescence(d)
		if d.Doubt {
			n.oath = &oath{nonce: config.Random.Uint64()}
			n.forgetful = now + config.ElectionTimeout
		}
		n.mend()
	}
	n.calm()
	return n
}

// Step tells the node what happened, at which time of its own monotonic clock.
func (n *Node) Step(now time.Duration, input Input) {
	n.advance(now)
	switch in := input.(type) {
	case Receive:
		n.receive(in.Envelope)
	case Persisted:
		n.persisted(in.Sequence)
	case Snapshotted:
		n.compact(in.Snapshot)
	case Unreachable:
		n.unreachable(in.Member)
	case Closed:
		n.suspect(in.Member)
	case Room:
		n.disk.full = in.Full
	case Timeout:
		n.timeout()
	}
	n.checkStep()
}

// Deadline is when the next Timeout is due.
func (n *Node) Deadline() time.Duration {
	if n.role == Leader {
		return n.lead.due()
	}
	if len(n.inquiry.reads) > 0 {
		return min(n.waiting+n.patience, n.inquiryDeadline())
	}
	return n.waiting + n.patience
}

func (n *Node) timeout() {
	switch {
	case n.role == Leader:
		n.beat()
	case n.now < n.waiting+n.patience:
	case n.oath != nil:
		n.swear()
	case !n.whole():
		n.seek()
	case n.stands() && !n.stalled():
		n.poll()
	default: // its own vote would not count, at all or not in time; but who asks it must not be sent to one that is gone, or does not know it any more
		n.leader = 0
		n.calm()
	}
}

// Drain collects everything that the steps since the last Drain led to. Its slices are valid until the next one.
func (n *Node) Drain(out *Output) {
	if n.role == Leader {
		n.replicate()
	}
	n.pursue()
	out.Record = n.record()
	out.Send = append(out.Send[:0], n.outbox...)
	out.Install = n.install
	out.Commit = n.log.slice(n.handed+1, n.commit)
	out.Reads = append(out.Reads[:0], n.reads...)
	out.Refused = append(out.Refused[:0], n.refused...)
	out.Membership, n.regrouped = n.regrouped, false
	clear(n.outbox)
	n.outbox, n.reads, n.refused, n.install = n.outbox[:0], n.reads[:0], n.refused[:0], nil
	n.hand()
}

// receive dispatches a message by the rules for terms of figure 2.
func (n *Node) receive(envelope Envelope) {
	from, message := envelope.From, envelope.Message
	if envelope.To != n.id {
		fail("member %d got a message for member %d", n.id, envelope.To)
	}
	switch {
	case from == n.id:
		return
	case n.oath != nil:
		n.abstain(envelope)
		return
	case answers(message) && !n.members().has(from, envelope.Incarnation):
		return
	}
	switch m := message.(type) {
	case *PreVote: // asks, and changes nothing: not even a term
		n.onPreVote(from, m)
		return
	case *Fetch: // nor does this
		n.onFetch(from, m)
		return
	case *Fetched: // a part of a log is what it is, whatever the term
		n.onFetched(from, m)
		return
	case *Plea: // nor does this
		n.onPlea(from, m)
		return
	case *Bequest: // and what is committed is what it is
		n.onBequest(from, m)
		return
	case *Oath: // who asks does not know his own term
		n.onOath(from, m)
		return
	case *Sworn: // the doubt is over
		return
	case *Vote:
		if !m.Transfer && n.protectsLeader() {
			return
		}
	}
	if message.term() > n.term {
		n.stepDown(message.term())
	}
	if message.term() < n.term {
		n.receiveStale(from, message)
		return
	}
	n.receiveCurrent(from, message)
}

// answers tells whether a message answers another one, and counts for who gave it. It counts only for who belongs to the cluster: neither what
// a removed node said, nor what a node of the same ID said before it was removed and added again. Whoever asks is heard, because it may know
// of a membership that this node has not heard of yet: a leader that this node has never heard of replicates it, and a candidate may
// need this node's vote (thesis §4.1). Two answers are heard from anybody for the same reason, as they count for nobody: a ReadIndexReply is by the
// term's only leader and names this node's own ask, and a Fetched is judged by the index and term of what it brings. Who is in doubt takes a Sworn
// from anybody, and looks for whom it needs among those.
func answers(message Message) bool {
	switch message.(type) {
	case *PreVote, *Vote, *Append, *Chunk, *TimeoutNow, *ReadIndex, *ReadIndexReply, *Lease, *Fetch, *Fetched, *Plea, *Bequest, *Oath, *Sworn:
		return false
	}
	return true
}

// receiveStale answers those who must learn that their term is over, and drops the rest.
func (n *Node) receiveStale(from ID, message Message) {
	switch m := message.(type) {
	case *PreVoteReply: // a voter may well be behind the one who asks
		n.onPreVoteReply(from, m)
	case *Vote:
		n.rest(from, &VoteReply{Term: n.term})
	case *Append, *Chunk:
		n.rest(from, &StaleTerm{Term: n.term})
	}
}

func (n *Node) receiveCurrent(from ID, message Message) {
	switch m := message.(type) {
	case *PreVoteReply:
		n.onPreVoteReply(from, m)
	case *Vote:
		n.onVote(from, m)
	case *VoteReply:
		n.onVoteReply(from, m)
	case *Append:
		n.onAppend(from, m)
	case *Appended:
		n.onAppended(from, m)
	case *Mismatch:
		n.onMismatch(from, m)
	case *Lost:
		n.onLost(from, m)
	case *Chunk:
		n.onChunk(from, m)
	case *ChunkReceived:
		n.onChunkReceived(from, m)
	case *TimeoutNow:
		n.onTimeoutNow(from)
	case *ReadIndex:
		n.onReadIndex(from, m)
	case *ReadIndexReply:
		n.onReadIndexReply(m)
	case *Lease:
		n.onLease(from, m)
	case *LeaseReply:
		n.onLeaseReply(from, m)
	case *StaleTerm: // its term was all it had to say
	}
}

// commitTo moves the commit index up, never down.
func (n *Node) commitTo(index Index) {
	if index > n.log.last() {
		fail("commit of %d behind the end of the log at %d", index, n.log.last())
	}
	for i := range n.memberships {
		if at := n.memberships[i].index; at > n.commit && at <= index {
			n.regrouped = true // those before it can't come back: who stands in them alone is known no more
		}
	}
	n.commit = max(n.commit, index)
	if n.incoming != nil && n.incoming.index <= n.commit {
		n.incoming = nil // nobody will send the rest
	}
}

// checkStep is the cheap part of the invariants, looked at after every step.
func (n *Node) checkStep() {
	if n.log.snapshot.Index > n.commit {
		fail("snapshot at %d is ahead of the commit index %d", n.log.snapshot.Index, n.commit)
	}
	if n.handed > n.commit {
		fail("entry %d was handed out, but the commit index is %d", n.handed, n.commit)
	}
	if n.commit > n.log.last() {
		fail("commit index %d is behind the end of the log at %d", n.commit, n.log.last())
	}
	if n.term < n.log.lastTerm() {
		fail("the log is of term %d in term %d", n.log.lastTerm(), n.term)
	}
	if (n.role == Leader) != (n.lead != nil) {
		fail("a %v and its leadership do not agree", n.role)
	}
	if n.role == Leader && n.leader != n.id {
		fail("a leader takes %d for the leader", n.leader)
	}
	if n.disk.stable > n.log.last() {
		fail("durable up to %d, behind the end of the log at %d", n.disk.stable, n.log.last())
	}
	n.checkDamage()
}

// Check looks at every entry as well. It is for tests and simulations.
func (n *Node) Check() {
	n.checkStep()
	n.log.check()
	n.checkMemberships()
	n.checkInquiry()
}
