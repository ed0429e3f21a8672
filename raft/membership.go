package raft

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// placed is a membership and the entry, or snapshot, that put it in force. It is in force from the
// moment that its entry stands in the log, committed or not (§6), and is taken back when that entry is cut.
type placed struct {
	index      Index
	membership Membership
}

// members is the membership in force.
func (n *Node) members() *Membership { return &n.memberships[len(n.memberships)-1].membership }

// votes tells whether this node is a voter.
func (n *Node) votes() bool { return n.members().has(n.id) }

func (m *Membership) size() int { return len(m.Members) }

func (m *Membership) has(id ID) bool {
	for i := range m.Members {
		if m.Members[i].ID == id {
			return true
		}
	}
	return false
}

// findMemberships reads them from the snapshot and the entries behind it.
func findMemberships(l *log) []placed {
	found := []placed{{l.snapshot.Index, l.snapshot.Membership}}
	for i := range l.entries {
		if e := &l.entries[i]; e.Kind == KindMembers && e.Index > l.snapshot.Index {
			found = append(found, placed{e.Index, mustDecodeMembership(e)})
		}
	}
	return found
}

func (n *Node) addMemberships(entries []Entry) {
	for i := range entries {
		if e := &entries[i]; e.Kind == KindMembers {
			n.memberships = append(n.memberships, placed{e.Index, mustDecodeMembership(e)})
		}
	}
}

func (n *Node) cutMemberships(index Index) {
	for n.memberships[len(n.memberships)-1].index >= index {
		n.memberships = n.memberships[:len(n.memberships)-1]
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

func (n *Node) checkMemberships() {
	assert(len(n.memberships) > 0, "nobody is a member")
	for i, p := range n.memberships {
		assert(i == 0 || p.index > n.memberships[i-1].index, "memberships out of order at entry %d", p.index)
		assert(slices.IsSortedFunc(p.membership.Members, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) }),
			"the members of entry %d are not sorted", p.index)
	}
}

// AppendMembership encodes a membership, as the data of a KindMembers entry: for each member, its ID
// and its incarnation, eight bytes each, little-endian.
func AppendMembership(dst []byte, m Membership) []byte {
	for _, member := range m.Members {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(member.ID))
		dst = binary.LittleEndian.AppendUint64(dst, member.Incarnation)
	}
	return dst
}

// DecodeMembership is the inverse of AppendMembership.
func DecodeMembership(data []byte) (Membership, error) {
	if len(data)%16 != 0 {
		return Membership{}, fmt.Errorf("raft: a membership of %d bytes", len(data))
	}
	var m Membership
	for ; len(data) > 0; data = data[16:] {
		member := Member{ID: ID(binary.LittleEndian.Uint64(data)), Incarnation: binary.LittleEndian.Uint64(data[8:])}
		if last := len(m.Members) - 1; member.ID == 0 || last >= 0 && m.Members[last].ID >= member.ID {
			return Membership{}, fmt.Errorf("raft: member %d out of order in a membership", member.ID)
		}
		m.Members = append(m.Members, member)
	}
	return m, nil
}

func mustDecodeMembership(e *Entry) Membership {
	m, err := DecodeMembership(e.Data)
	assert(err == nil, "entry %d: %v", e.Index, err)
	return m
}
