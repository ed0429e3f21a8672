package explore

import "lockd/raft"

// quorum tells whether enough voters have something: a majority, and in a joint membership one of each half (thesis §4.3). It is
// written here once more, because a judge does not ask the code that it judges.
func quorum(m raft.Membership, have func(raft.ID) bool) bool {
	return majority(m.Members, have) && (len(m.Former) == 0 || majority(m.Former, have))
}

func majority(voters []raft.Member, have func(raft.ID) bool) bool {
	count := 0
	for i := range voters {
		if have(voters[i].ID) {
			count++
		}
	}
	return count > len(voters)/2
}

// inForce is the membership in force in a member's log: that of the last entry that holds one, committed or not (thesis §4.1).
func inForce(m *member) raft.Membership {
	entries := m.node.Entries(0)
	for i := len(entries) - 1; i >= 0; i-- {
		if entries[i].Kind == raft.KindMembers {
			return decoded(entries[i])
		}
	}
	return m.durable.Snapshot.Membership
}

// decoded is the membership that an entry holds.
func decoded(e raft.Entry) raft.Membership {
	m, err := raft.DecodeMembership(e.Data)
	if err != nil {
		panic(err) // a node wrote it
	}
	return m
}

// voters are both halves of a membership, with members under other names.
func voters(m raft.Membership, rename func(raft.ID) raft.ID) (now, former group) {
	return set(m.Members, rename), set(m.Former, rename)
}

func set(list []raft.Member, rename func(raft.ID) raft.ID) (all group) {
	for i := range list {
		all |= 1 << rename(list[i].ID)
	}
	return all
}
