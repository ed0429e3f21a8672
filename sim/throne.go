package sim

import (
	"time"

	"lockd/raft"
)

// What befalls leaders at telling moments. Figure 8 of the Raft paper takes three reigns in a row: one that leaves entries on
// a few members, one that leaves others in their place on fewer, and one that spreads the first ones and ends just then.

// crown is told of each new leader, before it has said a word. It may be heard by few, and may be struck soon, while its first
// entries are on some members and not on others.
func (n *nemesis) crown(m *member) {
	w, d := n.world, n.draws[Coup]
	struck, confined := w.befalls(Coup, d), d.chance(3*million/4)
	k := &w.knobs
	reign := d.exponential(pick(d, k.minDelay+k.meanDelay, k.syncTime, 4*(k.syncTime+k.meanDelay), k.heartbeat))
	some, others, lasts := d.Uint64(), d.Uint64(), n.exile(d)
	if !struck {
		return
	}
	w.agenda.add(w.now+reign, event{kind: leaderFalls, place: int32(m.place), boot: m.boot})
	if confined {
		n.silence(Coup, m, some|others, lasts) // it reaches one member in four
	}
}

// coup ends a reign: the leader is killed, or cut off, or stands still.
func (n *nemesis) coup(m *member) {
	w, d := n.world, n.draws[Coup]
	how, lasts := d.below(4), n.exile(d)
	if w.healed || !m.up() || m.paused {
		return
	}
	w.strike(Coup)
	if m.server.Node().Role() == raft.Leader {
		w.observe(Coup)
	}
	switch how {
	case 0:
		w.tell("server %d is killed", m.id)
		m.kill(5*millisecond + d.exponential(w.knobs.election))
	case 1:
		w.tell("server %d loses power", m.id)
		m.losePower()
	case 2:
		n.sever(Isolation, d, m, w.clients[0], lasts)
	case 3:
		n.pause(m, lasts)
	}
}

// triumph is told when a leader commits for the first time in its reign, before anybody else knows of it. It may be the last
// thing that it does for a while: whatever it takes for committed, its followers must have, and must keep.
func (n *nemesis) triumph(m *member) {
	w, d := n.world, n.draws[Ambush]
	struck, lasts := w.befalls(Ambush, d), n.exile(d)
	if !struck {
		return
	}
	w.strike(Ambush)
	w.tell("server %d is not heard by other servers for %v, just as it commits", m.id, lasts)
	n.silence(Ambush, m, ^uint64(0), lasts)
}

// exile draws for how long a leader that was struck is away: others are elected in the meantime, one or a few.
func (n *nemesis) exile(d draws) time.Duration {
	k := &n.world.knobs
	return pick(d, k.election, 2*k.election, 4*k.election)/2 + d.exponential(2*k.election)
}

// silence keeps some members from hearing another one: its entries reach few of them, or none.
func (n *nemesis) silence(f Fault, m *member, unheard uint64, lasts time.Duration) {
	a := affliction{fault: f}
	for _, other := range n.world.members {
		if other != m && unheard>>other.place&1 == 1 {
			a.pairs = append(a.pairs, [2]int{m.place, other.place})
			n.world.network.sever(m.place, other.place, f)
		}
	}
	n.under = append(n.under, a)
	n.world.agenda.add(n.world.now+lasts, event{kind: faultEnds, number: uint64(len(n.under) - 1)})
}
