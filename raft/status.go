package raft

// Status is how a node sees itself.
type Status struct {
	ID         ID
	Role       Role
	Term       Term
	Vote       ID
	Leader     ID // zero: not known
	Commit     Index
	Applied    Index // handed out to be applied
	First      Index // the first entry kept
	Last       Index
	Stable     Index // durable here
	Snapshot   Index
	Membership Membership
	Since      Index // the entry, or snapshot, that put the membership in force
	Transfer   ID    // leadership is on its way to this member; zero: it is not
	Hole       Hole  // what can't be read of the log
	Doubt      bool  // its last record is lost: it abstains until all voters have told it their terms
	Awaits     []ID  // whose answers are missing then; nobody: nobody is known yet, or a change of the membership is under way
	Full       bool  // its disk has no room
	Stalled    bool  // its disk has been at work on one record for half an election timeout
}

// Status tells how the node sees itself now.
func (n *Node) Status() Status {
	s := Status{
		ID: n.id, Role: n.role, Term: n.term, Vote: n.vote, Leader: n.leader,
		Commit: n.commit, Applied: n.handed, First: n.log.base() + 1, Last: n.log.last(), Stable: n.disk.stable,
		Snapshot: n.log.snapshot.Index, Membership: *n.members(), Since: n.placed().index, Hole: n.Hole(), Doubt: n.InDoubt(), Awaits: n.awaits(), Full: n.disk.full, Stalled: n.stalled(),
	}
	if n.role == Leader && n.lead.transfer != nil {
		s.Transfer = n.lead.transfer.to
	}
	return s
}

// FollowerStatus is how a leader sees another member.
type FollowerStatus struct {
	ID     ID
	Match  Index // durable there, and equal to the leader's log
	Active bool  // heard within the last election timeout
	Full   bool  // its disk has no room
	// Installing says that the member is being sent a snapshot.
	Installing bool
	Learner    bool // it does not vote
	// Slow says that the learner could not catch up in ten rounds. It stays one until somebody promotes it.
	Slow bool
	// Version is Config.Version of the member, as it said in answer to the round Told. Zero: it has not said it to this leader.
	Version uint8
	Told    uint64
}

// Followers tells how a leader sees the others. It is empty at any other member.
func (n *Node) Followers() []FollowerStatus {
	if n.role != Leader {
		return nil
	}
	followers := make([]FollowerStatus, 0, len(n.lead.peers))
	for i := range n.lead.peers {
		p := &n.lead.peers[i]
		followers = append(followers, FollowerStatus{
			ID: p.id, Match: p.match, Installing: p.mode == installing,
			Active: n.lately(p), Full: p.full, Learner: p.study != nil, Slow: p.study != nil && p.study.slow(),
			Version: p.version, Told: p.told,
		})
	}
	return followers
}

// Changing tells whether a change of the membership is under way: the one in force is not committed, or joint.
func (n *Node) Changing() bool { return n.members().joint() || n.placed().index > n.commit }

// Role is what the node is at the moment.
func (n *Node) Role() Role { return n.role }

// Term is the node's current term.
func (n *Node) Term() Term { return n.term }

// Leader is the leader of the current term, zero when it is not known.
func (n *Node) Leader() ID { return n.leader }

// Entries hands out the log from the index on, for those who compare logs: tests and simulations.
func (n *Node) Entries(from Index) []Entry {
	return n.log.slice(max(from, n.log.base()+1), n.log.last())
}
