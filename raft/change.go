package raft

import (
	"errors"
	"slices"
	"time"
)

// Why a change of the membership was refused. None of them was begun.
var (
	// ErrNoCommitYet: until an entry of its own term is committed, a leader does not know how far the log is, and so not what it would change.
	// With changes of one server at a time that costs safety (Ongaro's correction of 2015 to the thesis §4.1); here, where each change takes a
	// majority of the old voters, it keeps the argument short.
	ErrNoCommitYet = errors.New("raft: nothing is committed in this term yet")
	// ErrChanging: one change at a time. Two would let three memberships decide.
	ErrChanging    = errors.New("raft: another change of the membership is under way")
	ErrKnownMember = errors.New("raft: a node of that number belongs to the cluster already")
	ErrNotInside   = errors.New("raft: no such node belongs to the cluster")
	ErrNoLearner   = errors.New("raft: no node of that number is a learner")
	// ErrQuiet: the cluster would stand still at once, and perhaps for good.
	ErrQuiet       = errors.New("raft: too few of those that would vote have been heard lately")
	ErrNobodyVotes = errors.New("raft: nobody would be left to vote")
	ErrTooMany     = errors.New("raft: the cluster has as many nodes as it may have")
)

// MaxMembers bounds the nodes of a cluster, learners among them.
const MaxMembers = 28

// Change is what is to become of the membership, in one step, however much it is. A node that is added is a learner first, and votes
// when it has caught up.
type Change struct {
	Add     []Member
	Promote []ID // learners, at once
	Remove  []ID // voters or learners
}

// Reconfigure changes the membership. When the entry at the index that it returns is committed, the change is chosen; one of voters is in
// force alone when the leader has committed another entry, which it writes by itself.
func (n *Node) Reconfigure(now time.Duration, change Change) (Index, error) {
	n.advance(now)
	switch {
	case n.role != Leader:
		return 0, ErrNotLeader
	case n.lead.transfer != nil:
		return 0, ErrTransferring
	}
	return n.change(change)
}

func (n *Node) change(change Change) (Index, error) {
	switch {
	case n.commit < n.lead.first:
		return 0, ErrNoCommitYet
	case n.Changing():
		return 0, ErrChanging
	}
	next, err := n.members().after(change)
	if err != nil {
		return 0, err
	}
	if n.now-time.Duration(n.agreedBy(&next, (*Node).answeredOf)) >= n.config.ElectionTimeout {
		return 0, ErrQuiet
	}
	return n.place(next), nil
}

// after is the membership that a change leads to: joint, if other nodes are to vote than do now.
func (m *Membership) after(change Change) (Membership, error) {
	next := Membership{Members: m.Members, Learners: m.Learners}
	for _, id := range change.Remove {
		if m.find(id) == nil {
			return Membership{}, ErrNotInside
		}
	}
	next.Members, next.Learners = without(next.Members, change.Remove), without(next.Learners, change.Remove)
	for _, id := range change.Promote {
		at := position(next.Learners, id)
		if at < 0 {
			return Membership{}, ErrNoLearner
		}
		next.Members = with(next.Members, next.Learners[at])
		next.Learners = without(next.Learners, []ID{id})
	}
	for _, member := range change.Add {
		// One that is removed in the same step is a node of the membership still.
		if m.find(member.ID) != nil || position(next.Learners, member.ID) >= 0 {
			return Membership{}, ErrKnownMember
		}
		next.Learners = with(next.Learners, member)
	}
	switch {
	case len(next.Members) == 0:
		return Membership{}, ErrNobodyVotes
	case len(next.All()) > MaxMembers:
		return Membership{}, ErrTooMany
	}
	if !slices.Equal(next.Members, m.Members) {
		next.Former = m.Members
	}
	return next, nil
}

// place puts a membership in force, by its entry.
func (n *Node) place(m Membership) Index {
	index := n.add(KindMembers, AppendMembership(nil, m))
	n.addMemberships(n.log.slice(index, index))
	n.followUp()
	return index
}

// followUp makes the followers those of the membership in force. One that stays keeps its progress. One that comes back after a removal
// begins anew, and what its earlier incarnation still says is not heard.
func (n *Node) followUp() {
	before, m := n.lead.peers, n.members()
	n.lead.peers = make([]peer, 0, len(before)+1)
	for _, member := range m.All() {
		if member.ID == n.id {
			continue
		}
		p := peer{id: member.ID, incarnation: member.Incarnation, next: n.log.last() + 1, heard: n.now, promised: n.now - n.config.ElectionTimeout, flow: newFlow(&n.config)}
		for i := range before {
			if before[i].id == member.ID && before[i].incarnation == member.Incarnation {
				p = before[i]
			}
		}
		switch learns := has(m.Learners, member.ID, member.Incarnation); {
		case !learns:
			p.study = nil
		case p.study == nil:
			p.study = n.newStudy()
		}
		n.lead.peers = append(n.lead.peers, p)
	}
	if t := n.lead.transfer; t != nil && n.lead.peer(t.to) == nil {
		n.lead.transfer = nil
	}
}

// conclude takes a change that is committed one step further: from the joint membership to the new one alone, and from that, if this leader
// does not belong to it any more, to another leader (thesis §4.2.2, §4.3).
func (n *Node) conclude() {
	switch m := n.members(); {
	case n.placed().index > n.commit:
	case m.joint():
		n.place(Membership{Members: m.Members, Learners: m.Learners})
	case n.removed() && n.lead.transfer == nil:
		n.lead.transfer = &transfer{to: n.closest(), due: n.now + n.config.ElectionTimeout}
	}
}

// removed tells whether this node leads a cluster that it does not belong to any more. It did so until that was committed: the nodes that
// stay could not have committed it before they had it.
func (n *Node) removed() bool { return !n.votes() && n.placed().index <= n.commit }
