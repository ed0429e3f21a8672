package raft

import (
	"cmp"
	"slices"
)

// placed is a membership and the entry, or snapshot, that put it in force. It is in force from the
// moment that its entry stands in the log, committed or not (thesis §4.1), and is taken back when that entry is cut. A
// member that waited for the commit would, for a while, count by another quorum than the leader who commits by the new one.
type placed struct {
	index      Index
	membership Membership
}

func (n *Node) placed() *placed { return &n.memberships[len(n.memberships)-1] }

// members is the membership in force.
func (n *Node) members() *Membership { return &n.placed().membership }

// votes tells whether this node is a voter.
func (n *Node) votes() bool { return n.members().votes(n.id, n.config.Incarnation) }

// stands tells whether this node may stand for election: it votes, or it did in a membership that is not yet surely over. A node whose removal
// stands in its log and is not committed may be the only one with that entry. The others need its vote as long as they are without
// it, and it can't give it to a shorter log: it has to lead once more, without counting itself (thesis §4.2.2).
func (n *Node) stands() bool {
	for at := len(n.memberships) - 1; ; at-- {
		p := &n.memberships[at]
		if p.membership.votes(n.id, n.config.Incarnation) {
			return true
		}
		if at == 0 || p.index <= n.commit {
			return false
		}
	}
}

// joint tells whether two memberships are in force at once, on the way from one to the other (thesis §4.3).
func (m *Membership) joint() bool { return len(m.Former) > 0 }

// votes tells whether a node is a voter, in either half of a joint membership.
func (m *Membership) votes(id ID, incarnation uint64) bool {
	return has(m.Members, id, incarnation) || has(m.Former, id, incarnation)
}

// has tells whether a node belongs to the cluster, as a voter or as a learner.
func (m *Membership) has(id ID, incarnation uint64) bool {
	return m.votes(id, incarnation) || has(m.Learners, id, incarnation)
}

// find is the node of that ID, whatever its incarnation.
func (m *Membership) find(id ID) *Member {
	for _, list := range [...][]Member{m.Members, m.Former, m.Learners} {
		if at := position(list, id); at >= 0 {
			return &list[at]
		}
	}
	return nil
}

// voters are all that vote, each once, sorted by ID.
func (m *Membership) voters() []Member { return union(m.Members, m.Former) }

// All are the nodes of the cluster, voters and learners, sorted by ID.
func (m Membership) All() []Member { return union(m.voters(), m.Learners) }

// Joint tells whether a change is under way that has two memberships in force at once.
func (m Membership) Joint() bool { return m.joint() }

func has(list []Member, id ID, incarnation uint64) bool {
	at := position(list, id)
	return at >= 0 && list[at].Incarnation == incarnation
}

func position(list []Member, id ID) int {
	for i := range list {
		if list[i].ID == id {
			return i
		}
	}
	return -1
}

// union merges two lists. Who stands in both is taken once, from the first.
func union(a, b []Member) []Member {
	if len(b) == 0 {
		return a
	}
	all := slices.Clone(a)
	for i := range b {
		if position(a, b[i].ID) < 0 {
			all = append(all, b[i])
		}
	}
	slices.SortFunc(all, byID)
	return all
}

func byID(a, b Member) int { return cmp.Compare(a.ID, b.ID) }

// without is a list without some of its members.
func without(list []Member, gone []ID) []Member {
	return slices.DeleteFunc(slices.Clone(list), func(m Member) bool { return slices.Contains(gone, m.ID) })
}

// with is a list that a member has joined.
func with(list []Member, member Member) []Member { return union(list, []Member{member}) }

// findMemberships reads them from the snapshot and the entries behind it.
func findMemberships(l *log) []placed {
	found := []placed{{l.snapshot.Index, l.snapshot.Membership}}
	for index := l.snapshot.Index + 1; index <= l.last(); index++ {
		if e := l.at(index); e.Kind == KindMembers {
			found = append(found, placed{e.Index, mustDecodeMembership(e)})
		}
	}
	return found
}

func (n *Node) addMemberships(entries []Entry) {
	for i := range entries {
		if e := &entries[i]; e.Kind == KindMembers {
			n.memberships, n.regrouped = append(n.memberships, placed{e.Index, mustDecodeMembership(e)}), true
		}
	}
}

func (n *Node) cutMemberships(index Index) {
	for n.placed().index >= index {
		n.memberships, n.regrouped = slices.Clip(n.memberships[:len(n.memberships)-1]), true
	}
}

func (n *Node) compactMemberships(index Index) {
	for len(n.memberships) > 1 && n.memberships[1].index <= index {
		n.memberships = n.memberships[1:]
	}
}

func (n *Node) membershipAt(index Index) Membership {
	at := n.memberships[0]
	for _, p := range n.memberships {
		if p.index <= index {
			at = p
		}
	}
	return at.membership
}

// Known are the nodes that this one may have to do with: of the membership that is committed, and of all that stand behind it in the log, any
// of which may be taken back. Of one ID there may be two incarnations; the later one comes last.
func (n *Node) Known() []Member {
	var known []Member
	for i, p := range n.memberships {
		if i+1 < len(n.memberships) && n.memberships[i+1].index <= n.commit {
			continue // a later one is committed
		}
		for _, m := range p.membership.All() {
			if !has(known, m.ID, m.Incarnation) {
				known = append(known, m)
			}
		}
	}
	for _, m := range n.damage.members() {
		if !has(known, m.ID, m.Incarnation) {
			known = append(known, m)
		}
	}
	slices.SortStableFunc(known, byID)
	return known
}

// check says what a membership never is.
func (m *Membership) check() string {
	for _, list := range [...][]Member{m.Members, m.Former, m.Learners} {
		for i := range list {
			if list[i].ID == 0 || i > 0 && list[i].ID <= list[i-1].ID {
				return "its members are not sorted"
			}
		}
	}
	for i := range m.Former {
		if at := position(m.Members, m.Former[i].ID); at >= 0 && m.Members[at] != m.Former[i] {
			return "one ID names two nodes in its halves"
		}
	}
	for i := range m.Learners {
		if id := m.Learners[i].ID; position(m.Members, id) >= 0 || position(m.Former, id) >= 0 {
			return "a learner votes"
		}
	}
	if len(m.Members) == 0 && len(m.Former)+len(m.Learners) > 0 {
		return "nobody votes"
	}
	return ""
}

func (n *Node) checkMemberships() {
	assert(len(n.memberships) > 0, "nobody is a member")
	for i := range n.memberships {
		p := &n.memberships[i]
		assert(i == 0 || p.index > n.memberships[i-1].index, "memberships out of order at entry %d", p.index)
		wrong := p.membership.check()
		assert(wrong == "", "the membership of entry %d: %s", p.index, wrong)
	}
	if n.role == Candidate || n.role == PreCandidate {
		assert(n.stands(), "a %v who must not stand", n.role)
	}
	if n.role == Leader {
		others := without(n.members().All(), []ID{n.id})
		assert(slices.EqualFunc(n.lead.peers, others, func(p peer, m Member) bool { return p.id == m.ID && p.incarnation == m.Incarnation }),
			"the leader follows up others than the members %v", others)
	}
}
