package raft

import "time"

// calm makes the member wait for a leader, with a patience drawn afresh. A timeout that is drawn once and
// kept would let two members with the same one split the vote for ever (§5.2).
func (n *Node) calm() {
	spread := uint64(n.config.ElectionTimeout)
	n.patience = n.config.ElectionTimeout + time.Duration(n.config.Random.Uint64()%spread)
	n.waiting = n.now
}

// suspect makes the member impatient when its leader seems to be gone. All followers may see the same at once, so
// they draw: over so short a time that nobody waits long, and so long that two rarely stand at the same moment.
func (n *Node) suspect(member ID) {
	if n.role != Follower || n.leader != member || member == 0 {
		return
	}
	n.leader = 0
	n.waiting = max(n.now, n.free())
	n.patience = time.Duration(n.config.Random.Uint64() % uint64(2*n.config.Heartbeat))
}

// stepDown makes the member a follower of a term, which is its own or a higher one.
func (n *Node) stepDown(term Term) {
	assert(term >= n.term, "the term falls from %d to %d", n.term, term)
	if term > n.term {
		n.term, n.vote, n.leader = term, 0, 0
		n.disk.promise = true
	}
	if n.role == Leader {
		n.resign()
	}
	n.role = Follower
	n.calm()
}

// protectsLeader tells whether this member has a leader that it heard from so lately that nobody
// should want another one (§4.2.3), or one that it has promised to elect nobody else.
func (n *Node) protectsLeader() bool {
	return n.role == Leader || n.now < n.free() || n.leader != 0 && n.now < n.heard+n.config.ElectionTimeout
}

// upToDate compares the ends of two logs, first by term, then by length (§5.4.1).
func (n *Node) upToDate(lastIndex Index, lastTerm Term) bool {
	return !Position{lastIndex, lastTerm}.Before(n.held())
}

// poll begins a trial election: who would vote for this member (thesis §9.6)?
func (n *Node) poll() {
	assert(n.now >= n.free(), "a member campaigns that has promised its leader not to")
	n.role = PreCandidate
	n.leader = 0
	n.attempt++
	n.ballot = ballot{}
	n.calm()
	n.toVoters(&PreVote{Term: n.term, LastIndex: n.log.last(), LastTerm: n.log.lastTerm(), Attempt: n.attempt})
	n.ballot.count(n.id, true)
	n.tallyPoll()
}

func (n *Node) onPreVote(from ID, m *PreVote) {
	granted := m.Term >= n.term && !n.protectsLeader() && n.upToDate(m.LastIndex, m.LastTerm)
	n.rest(from, &PreVoteReply{Term: n.term, Attempt: m.Attempt, Granted: granted})
}

func (n *Node) onPreVoteReply(from ID, m *PreVoteReply) {
	if n.role != PreCandidate || m.Attempt != n.attempt {
		return
	}
	n.ballot.count(from, m.Granted)
	n.tallyPoll()
}

func (n *Node) tallyPoll() {
	if n.ballot.won(n.members()) {
		n.campaign(false)
	}
}

// campaign begins an election (§5.2). The candidate's own vote is a promise like any other: the
// requests leave, and the vote counts, when it is durable.
func (n *Node) campaign(transfer bool) {
	n.role = Candidate
	n.term++
	n.vote = n.id
	n.leader = 0
	n.disk.promise = true
	n.ballot = ballot{}
	n.calm()
	request := &Vote{Term: n.term, LastIndex: n.log.last(), LastTerm: n.log.lastTerm(), Transfer: transfer}
	for _, m := range n.members().voters() {
		if m.ID != n.id {
			n.rest(m.ID, request)
		}
	}
	n.rest(n.id, &VoteReply{Term: n.term, Granted: true})
}

func (n *Node) onVote(from ID, m *Vote) {
	free := n.vote == 0 || n.vote == from
	granted := n.role == Follower && n.leader == 0 && free && n.upToDate(m.LastIndex, m.LastTerm)
	if granted {
		n.disk.promise = n.disk.promise || n.vote != from
		n.vote = from
		n.calm()
	}
	n.rest(from, &VoteReply{Term: n.term, Granted: granted})
}

func (n *Node) onVoteReply(from ID, m *VoteReply) {
	if n.role != Candidate {
		return
	}
	n.ballot.count(from, m.Granted)
	switch {
	case n.ballot.won(n.members()):
		n.takeOver()
	case n.ballot.lost(n.members()):
		n.stepDown(n.term)
	}
}

// onTimeoutNow begins an election at once, without a trial: the leader itself asked
// for it, and a poll would be refused by everybody who still hears from that leader (§3.10).
func (n *Node) onTimeoutNow(from ID) {
	if n.role == Follower && n.leader == from && n.stands() && n.whole() && !n.stalled() {
		n.campaign(true)
	}
}

func (n *Node) toVoters(message Message) {
	for _, m := range n.members().voters() {
		if m.ID != n.id {
			n.outbox = append(n.outbox, n.envelope(m.ID, message))
		}
	}
}
