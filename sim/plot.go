package sim

import (
	"lockd/raft"
	"lockd/schedule"
)

// What a lease must survive, and what chance brings about too rarely: a leader that does not hear of its successor, whom it has itself
// called; answers that are long on their way; and a voter that is restarted just after its promise, while somebody else has none to keep any more.

// deafen lets nobody be heard by a leader that hands over, for long enough that it goes on as before.
func (n *nemesis) deafen(a *attack) {
	w, m := n.world, a.member
	if !w.knobs.plots || m.server.Node().Role() != raft.Leader || !a.draws.Chance(800_000) {
		return
	}
	w.tell("server %d hears nobody from now on", m.id)
	n.parts(schedule.Handover, m, nil, false)
}

// stall lets everything reach the leader late, though not so late that it steps down, and after a while lets nobody hear it any more: answers
// to what it asked long ago go on arriving.
func (n *nemesis) stall(a *attack) bool {
	w, m, k := n.world, n.world.leader(), &n.world.knobs
	if !k.plots || !a.draws.Chance(700_000) || m == nil {
		return false
	}
	lag := a.draws.Between(k.election/4, 3*k.election/4)
	heard := lag + a.draws.Between(0, k.election)
	w.tell("what server %d hears comes %v late, and after %v nobody hears it any more", m.id, lag, heard)
	muted := affliction{fault: schedule.SlowLink, begins: w.now + heard, until: w.now + heard + 3*k.election}
	for other := range w.members {
		if other != m.place {
			incoming := w.network.peer(other, m.place)
			incoming.late, incoming.lag = muted.until, lag
			muted.pairs = append(muted.pairs, [2]int{m.place, other})
		}
	}
	n.afflict(muted)
	return true
}

// conspire plans the end of a follower: another one is cut off from their leader first, and learns that the connection was closed; then,
// before that one's promise is over, the leader is cut off from all, and the follower killed, which comes back at once.
func (n *nemesis) conspire(a *attack) bool {
	w, voter, leader := n.world, a.member, n.world.leader()
	if !w.knobs.plots || !a.draws.Chance(700_000) || leader == nil || leader == voter || len(w.members) < 3 {
		return false
	}
	other := n.third(leader, voter)
	w.tell("server %d is cut off from server %d, which leads", other.id, leader.id)
	w.network.closePeer(leader.place, other.place, schedule.Kill, w.knobs.minDelay)
	n.parts(schedule.Kill, leader, other, true)
	soon := w.knobs.election/2 + a.draws.Between(0, 2*w.knobs.election/5)
	w.agenda.Add(w.now+soon, event{kind: voterFalls, place: int32(voter.place), from: int32(leader.place), boot: voter.boot})
	return true
}

// third is the first member that is neither.
func (n *nemesis) third(leader, voter *member) *member {
	for _, m := range n.world.members {
		if m != leader && m != voter {
			return m
		}
	}
	panic("sim: there is no third member")
}

// betray is the second act: the voter is killed, and nobody hears the leader, or is heard by it.
func (n *nemesis) betray(voter, leader *member) {
	w := n.world
	if w.healed || voter.paused {
		return
	}
	w.tell("server %d is killed, just when server %d is cut off from all", voter.id, leader.id)
	n.parts(schedule.Kill, leader, nil, true)
	voter.kill(millisecond)
}

// desert lets all clients lose their connections to whoever was deposed by a new leader, and does not know it. They are served by the new
// one, and ask the old one whether that is true.
func (n *nemesis) desert(crowned *member) {
	w := n.world
	if !w.knobs.plots || w.healed {
		return
	}
	for _, m := range w.members {
		if m == crowned || !m.up() || m.server.Node().Role() != raft.Leader {
			continue
		}
		for client := range w.clients {
			w.network.breakLink(client, m.place, w.knobs.minDelay, w.knobs.minDelay)
		}
	}
}

// parts keeps members from being heard by one of them, and perhaps from hearing it, for two election timeouts. Nobody: all of them.
func (n *nemesis) parts(f schedule.Fault, m, from *member, both bool) {
	cut := affliction{fault: f, until: n.world.now + 2*n.world.knobs.election}
	for _, other := range n.world.members {
		if other == m || from != nil && other != from {
			continue
		}
		cut.pairs = append(cut.pairs, [2]int{other.place, m.place})
		if both {
			cut.pairs = append(cut.pairs, [2]int{m.place, other.place})
		}
	}
	n.afflict(cut)
}
