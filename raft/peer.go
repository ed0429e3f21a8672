package raft

import "time"

// mode is how a leader talks to a follower.
//
//	          answered
//	probing ──────────────▶ streaming
//	 │   ▲                   │     ▲
//	 │   └───────────────────┘     │
//	 │    mismatch, or             │
//	 │    something was lost       │
//	 ▼                             │
//	installing ────────────────────┘
//	          the snapshot is in place
//
// From probing or streaming to installing, when the follower's next entry is gone from the leader's log.
type mode uint8

const (
	probing    mode = iota // one Append at a time, until the logs are known to meet
	streaming              // as many as the bounds allow
	installing             // the snapshot, one chunk at a time
)

// peer is what a leader knows of one follower.
//
// Invariants: match < next; match never falls within a term, unless the follower's disk has lost what it had.
type peer struct {
	id          ID
	incarnation uint64
	mode        mode
	match       Index // the follower's log is durable, and equal to the leader's, up to here
	next        Index // the first entry that was not sent
	asked       bool  // probing: the probe is out, and not answered

	flow flow // streaming
	// broken is when something to it was lost on this side last, and from then until still it is sent nothing but heartbeats.
	broken, still time.Duration

	heard time.Duration // when it answered last: to begin with, when this leader's reign began
	known bool          // it has answered this leader
	full  bool          // its disk had no room then
	shy   time.Duration // until then it is taken for one that can't lead: it was told to, and did not
	round uint64        // the latest confirmation round that it answered
	// promised is when the last Lease was sent that it has answered: not before this leader's time, if it has answered none.
	promised time.Duration
	asks     []pendingRead // by which it wants to serve reads, under its own numbers

	version uint8  // the latest that its program can read, as it last said; zero: it has not said it yet
	told    uint64 // and in answer to which round

	install installation
	study   *study // of a learner
}

// advance takes an answer's word for the follower's log, and says whether that was news.
func (p *peer) advance(match Index, now time.Duration, c *Config) bool {
	news := match > p.match
	p.match = max(p.match, match)
	p.next = max(p.next, p.match+1)
	switch {
	case p.mode == probing && match >= p.next-1, p.mode == installing && match >= p.install.snapshot.Index:
		p.mode, p.asked, p.install = streaming, false, installation{}
	case p.mode == streaming:
		p.flow.arrived(match, now, c)
	}
	return news
}

// supports takes an answer's word for the version of the follower's program, unless a later round was answered: another program may run there by now.
func (p *peer) supports(m *Appended) {
	if m.Round >= p.told {
		p.version, p.told = m.Version, m.Round
	}
}

// probe begins to look for the place at which the logs meet.
func (p *peer) probe(next Index) {
	assert(next > p.match, "member %d has entry %d already", p.id, next)
	p.mode, p.next, p.asked = probing, next, false
	p.flow.forgotten()
}

// feed sends one follower what is due.
func (n *Node) feed(p *peer) {
	if p.next <= n.log.base() && p.mode != installing {
		p.beginInstall(n.log.snapshot)
	}
	sent, prev := false, p.next-1
	switch p.mode {
	case probing:
		sent = n.now >= p.still && n.feedProbe(p)
	case streaming:
		sent = n.now >= p.still && n.feedStream(p)
		prev = p.next - 1
	case installing:
		n.feedInstall(p)
		prev = n.log.snapshot.Index // what comes before it may be gone
	}
	// A heartbeat goes out beside entries too: they are answered when they are durable, a heartbeat at once.
	if n.lead.beating && (!sent || p.mode == streaming) {
		n.sendAppend(p.id, prev, nil)
	}
}

// feedProbe sends one Append. A heartbeat, which carries no entries, repeats a probe that was lost.
func (n *Node) feedProbe(p *peer) bool {
	if p.asked {
		return false
	}
	p.asked = true
	var entries []Entry
	if edge := n.edge(); p.next <= edge {
		entries = n.log.upTo(p.next, edge, min(n.config.MaxAppendBytes, p.flow.window))
	}
	n.sendAppend(p.id, p.next-1, entries)
	return true
}

// feedStream sends entries and takes for granted that they arrive (thesis §10.2.1): if they do not, the next
// message does not match, or the transport says so, and probing begins.
func (n *Node) feedStream(p *peer) bool {
	sent, edge := false, n.edge()
	for p.next <= edge && p.flow.open(&n.config) {
		entries := n.log.upTo(p.next, edge, min(n.config.MaxAppendBytes, p.flow.window))
		n.sendAppend(p.id, p.next-1, entries)
		p.next += Index(len(entries))
		p.flow.departed(p.next-1, dataBytes(entries), n.now)
		sent = true
	}
	return sent
}

// sendAppend sends entries that follow prev. An Append never rests on the leader's disk: leader and
// followers write at the same time (thesis §10.2.1).
func (n *Node) sendAppend(to ID, prev Index, entries []Entry) {
	n.outbox = append(n.outbox, n.envelope(to, &Append{
		Term:      n.term,
		PrevIndex: prev,
		PrevTerm:  n.log.term(prev),
		Commit:    n.commit,
		Round:     n.lead.round,
		Entries:   entries,
	}))
}

func dataBytes(entries []Entry) int {
	bytes := 0
	for i := range entries {
		bytes += len(entries[i].Data)
	}
	return bytes
}
