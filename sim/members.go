package sim

import (
	"lockd/raft"
	"lockd/schedule"
	"lockd/server"
	"lockd/sim/draw"
)

// changeMembers is an operator who asks the leader to change who belongs to the cluster, or who puts another disk into a node that does not belong
// to it. He may ask twice at once, ask for what makes no sense, and remove the leader; whatever that one agrees to must come to a good end. Half of the
// times few hear the leader for a while from then on: the change reaches some, or nobody, and is carried through or taken back by the next one.
func (n *nemesis) changeMembers(a *attack) bool {
	w, d := n.world, a.draws
	if leader := w.leader(); a.Server == 0 && leader != nil {
		a.member = leader
	}
	m := a.member
	a.hitsMember()
	renews, stranger, twice := d.Chance(draw.Million/4), w.members[d.Below(len(w.members))], d.Chance(draw.Million/3)
	heard, some, others, lasts := d.Below(4), d.Uint64(), d.Uint64(), n.exile(d)
	renews = renews && !w.judge.concerned(stranger)
	if renews {
		stranger.renew()
	}
	if !m.up() || m.paused {
		return renews
	}
	switch heard {
	case 0:
		n.silence(schedule.Members, m, ^uint64(0), lasts)
	case 1:
		n.silence(schedule.Members, m, some|others, lasts)
	}
	n.askChange(m, d)
	if twice && m.up() {
		n.askChange(m, d)
	}
	return true
}

// askChange draws a change that fits the membership which the member knows of.
func (n *nemesis) askChange(m *member, d draw.Draws) {
	w := n.world
	var inside, learners, outside []raft.Member
	membership := m.server.Node().Status().Membership
	for _, other := range w.members {
		self := raft.Member{ID: other.id, Incarnation: other.incarnation(), Address: "somewhere"}
		switch {
		case has(membership.Members, other.id):
			inside = append(inside, self)
		case has(membership.Learners, other.id):
			learners = append(learners, self)
		case !has(membership.Former, other.id):
			outside = append(outside, self)
		}
	}
	var change raft.Change
	adds, promotes, removes := d.Chance(draw.Million/2), d.Chance(draw.Million/4), d.Chance(draw.Million/2)
	some := func(list []raft.Member) []raft.Member {
		chosen := d.Uint64()
		if len(list) == 0 {
			return nil
		}
		first := int(chosen % uint64(len(list)))
		return append(append([]raft.Member{}, list[first:]...), list[:first]...)[:1+int(chosen>>32)%len(list)]
	}
	if joining := some(outside); adds || len(inside) == 1 {
		change.Add = joining
	}
	if promoted := some(learners); promotes {
		change.Promote = numbers(promoted)
	}
	if removed := some(append(inside, learners...)); removes {
		change.Remove = numbers(removed)
	}
	w.tell("server %d is asked to add %v, promote %v and remove %v", m.id, numbers(change.Add), change.Promote, change.Remove)
	m.lastCall++
	m.step(server.Call{ID: m.lastCall, Request: server.ChangeMembers{Change: change}})
}

func has(list []raft.Member, id raft.ID) bool {
	for i := range list {
		if list[i].ID == id {
			return true
		}
	}
	return false
}

// renew gives a node that is of no membership another disk: whoever has its number from now on is another node.
func (m *member) renew() {
	w := m.world
	w.tell("server %d, of no membership, is given another disk", m.id)
	w.observe(schedule.Members)
	w.hit(nodeReplaced)
	m.disk.Wipe()
	m.rotten = nil
	m.renewals++
	if m.up() {
		m.fall(m.downtime())
	}
	w.judge.replaced(m)
}
