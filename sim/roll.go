package sim

import (
	"slices"

	"lockd/raft"
	"lockd/schedule"
)

// roll is who belongs to the cluster, as the judge reads it from the entries: it asks no member whom it takes for one.
type roll struct {
	chosen   []listing // the memberships that were committed, from the founders' on
	proposed []listing // those that may still be
}

// listing is a membership and its place in the log.
type listing struct {
	index      raft.Index
	membership raft.Membership
}

func (w *world) founders() int {
	if w.knobs.founders != 0 {
		return w.knobs.founders
	}
	return w.config.Members
}

func (j *judge) founded(membership raft.Membership) { j.roll.chosen = []listing{{1, membership}} }

// last is the membership that was committed last.
func (r *roll) last() *listing { return &r.chosen[len(r.chosen)-1] }

// propose notes a membership that a member puts into its log.
func (r *roll) propose(e *raft.Entry) {
	if e.Kind != raft.KindMembers || e.Index <= r.last().index {
		return
	}
	r.proposed = append(r.proposed, listing{e.Index, mustRead(e)})
}

func mustRead(e *raft.Entry) raft.Membership {
	membership, err := raft.DecodeMembership(e.Data)
	must(err)
	return membership
}

// ruling are the memberships by one of which an entry must have been committed that a member is the first to apply. Which one is in force is a question of
// the log, not of what is committed: an entry that follows a membership may be committed by the next one, if that stands in the log already. That one
// can stand there only once the first is committed, so a membership itself is committed by nothing but itself.
func (j *judge) ruling(m *member, e *raft.Entry) []raft.Membership {
	if e.Kind == raft.KindMembers {
		return []raft.Membership{mustRead(e)}
	}
	ruling := []raft.Membership{j.roll.last().membership}
	entries := m.server.Node().Entries(e.Index + 1)
	if at := slices.IndexFunc(entries, func(e raft.Entry) bool { return e.Kind == raft.KindMembers }); at >= 0 {
		ruling = append(ruling, mustRead(&entries[at]))
	}
	return ruling
}

// enroll takes a committed membership over.
func (j *judge) enroll(m *member, e *raft.Entry) {
	if e.Kind != raft.KindMembers {
		return
	}
	before, now, w := j.roll.last().membership, mustRead(e), j.world
	w.observe(schedule.Members)
	w.tell("committed: the members are %v, of old %v, learners %v", numbers(now.Members), numbers(now.Former), numbers(now.Learners))
	for _, learner := range before.Learners {
		if slices.Contains(now.Members, learner) {
			w.hit(learnerPromoted)
		}
	}
	if m.server.Node().Role() == raft.Leader && !slices.ContainsFunc(now.All(), m.is) {
		w.hit(leaderRemoved)
	}
	j.roll.chosen = append(j.roll.chosen, listing{e.Index, now})
	j.roll.proposed = slices.DeleteFunc(j.roll.proposed, func(l listing) bool {
		if l.index == e.Index && !slices.Equal(raft.AppendMembership(nil, l.membership), e.Data) {
			w.hit(changeTakenBack)
		}
		return l.index <= e.Index
	})
}

// is tells whether this node, with the disk that it has now, is meant.
func (m *member) is(one raft.Member) bool {
	return one.ID == m.id && one.Incarnation == m.incarnation()
}

// member tells whether a node belongs to the cluster.
func (j *judge) member(m *member) bool {
	return slices.ContainsFunc(j.roll.last().membership.All(), m.is)
}

// concerned tells whether a node belongs to the cluster, or would if something came true that somebody has proposed.
func (j *judge) concerned(m *member) bool {
	return j.member(m) || slices.ContainsFunc(j.roll.proposed, func(l listing) bool { return slices.ContainsFunc(l.membership.All(), m.is) })
}

func numbers(members []raft.Member) []raft.ID {
	ids := make([]raft.ID, len(members))
	for i, m := range members {
		ids[i] = m.ID
	}
	return ids
}
