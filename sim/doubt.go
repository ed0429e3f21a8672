package sim

import (
	"slices"

	"lockd/raft"
)

// doubt is what a member promised in records that are lost. Until it has a term in which it can have promised nothing, it must be silent.
type doubt struct {
	term   raft.Term         // the highest that it had promised
	voted  bool              // in that term
	floors map[int]raft.Term // what each other voter had promised when the present process began
}

// add takes in what an earlier process had promised.
func (d *doubt) add(earlier *doubt) {
	if earlier.term > d.term {
		d.term, d.voted = earlier.term, earlier.voted
	} else if earlier.term == d.term {
		d.voted = d.voted || earlier.voted
	}
}

// floors are the terms that a member in doubt has to hear of: each voter's when its process began. What it was promised by somebody, that
// one knew, and an answer of before that may be older.
func (j *judge) floors(m *member) map[int]raft.Term {
	floors := map[int]raft.Term{}
	for _, v := range voters(j.roll.last().membership) {
		if other := j.world.members[int(v.ID)-1]; other != m && other.is(v) {
			floors[other.place] = j.watch(other).durable.term
		}
	}
	return floors
}

func voters(m raft.Membership) []raft.Member { return slices.Concat(m.Members, m.Former) }

// assured judges the end of a doubt, by the first record of a higher term: whatever the member had promised lies below, and so does all that those who
// vote had promised. A member that loses the very record with which it began anew may come to the same term once more, if nobody has heard of it: nothing
// was promised there but the term itself.
func (j *judge) assured(m *member, term raft.Term) {
	w := j.watch(m)
	if w.debt == nil || w.debt.doubt == nil || term == w.durable.term {
		return
	}
	d := w.debt.doubt
	if term < d.term || term == d.term && d.voted {
		j.fail(Durability, "server %d, which has lost its last word, is sure of itself in term %d, and had promised term %d", m.id, term, d.term)
	}
	for _, v := range voters(j.roll.last().membership) {
		if floor, asked := d.floors[int(v.ID)-1]; asked && j.world.members[int(v.ID)-1].is(v) && term < floor+raft.Leap {
			j.fail(Durability, "server %d, which has lost its last word, is sure of itself in term %d, and has not heard of server %d, which was in term %d", m.id, term, v.ID, floor)
		}
	}
	w.debt.doubt = nil
	j.world.hit(doubtEnded)
	j.world.tell("server %d has lost its last word, and begins anew in term %d: all others have told it theirs", m.id, term)
}

// silent judges a message of a member in doubt: it asks and gives what anybody may, and says nothing that could count.
func (j *judge) silent(m *member, message raft.Message) {
	if d := j.watch(m).debt; d == nil || d.doubt == nil {
		return
	}
	switch message.(type) {
	case *raft.Oath, *raft.Fetch, *raft.Fetched, *raft.Plea, *raft.Bequest:
	default:
		j.fail(Durability, "server %d, which has lost its last word, says %s", m.id, raft.Describe(message))
	}
}

// inDoubt tells whether a process abstains.
func (m *member) inDoubt() bool { return m.up() && m.server.Node().InDoubt() }

// waitsInVain tells whether somebody whom a member in doubt waits for may never answer: that one is gone for good, or in doubt as well, or did not heal,
// which may be if the doubt came only after that.
func (m *member) waitsInVain() bool {
	return m.inDoubt() && slices.ContainsFunc(voters(m.world.judge.roll.last().membership), func(v raft.Member) bool {
		other := m.world.members[int(v.ID)-1]
		works := other.core || other.convalescent()
		return other != m && (!other.is(v) || other.lost != "" || other.inDoubt() || m.world.healed && !works)
	})
}

// anyDoubt tells whether everybody is needed, because somebody's last word is lost, or may be.
func (w *world) anyDoubt() bool {
	return slices.ContainsFunc(w.members, func(m *member) bool { return m.inDoubt() || m.damaged() && !m.up() })
}
