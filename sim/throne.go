package sim

import (
	"time"

	"lockd/raft"
	"lockd/schedule"
	"lockd/sim/draw"
)

// What befalls leaders at telling moments. Figure 8 of the Raft paper takes three reigns in a row: one that leaves entries on
// a few members, one that leaves others in their place on fewer, and one that spreads the first ones and ends just then.

// crown is told of each new leader, before it has said a word. It may be heard by few, and may be struck soon, while its first
// entries are on some members and not on others.
func (n *nemesis) crown(m *member) {
	w := n.world
	w.inquire(m)
	n.desert(m)
	if !m.coup.strikes() {
		return
	}
	d, k := m.coup.draws(), &w.knobs
	confined := d.Chance(3 * draw.Million / 4)
	reign := d.Exponential(draw.Pick(d, k.minDelay+k.meanDelay, k.syncTime, 4*(k.syncTime+k.meanDelay), k.heartbeat))
	some, others, lasts := d.Uint64(), d.Uint64(), n.exile(d)
	m.coup.happened()
	w.agenda.Add(w.now+reign, event{kind: leaderFalls, place: int32(m.place), boot: m.boot, number: d.Uint64()})
	if confined {
		w.tell("server %d, just elected, is heard by few for %v", m.id, lasts)
		n.silence(schedule.Coup, m, some|others, lasts) // it reaches one member in four
	}
}

// coup ends a reign: the leader is killed, or cut off, or stands still.
func (n *nemesis) coup(m *member, fate uint64) {
	w, d := n.world, draw.Named(draw.Digest(fate))
	how, lasts := d.Below(4), n.exile(d)
	if w.healed || !m.up() || m.paused {
		return
	}
	if m.server.Node().Role() == raft.Leader {
		w.observe(schedule.Coup)
	}
	switch how {
	case 0:
		w.tell("server %d is killed, soon after its election", m.id)
		m.kill(5*millisecond + d.Exponential(w.knobs.election))
	case 1:
		w.tell("server %d loses power, soon after its election", m.id)
		m.losePower()
	case 2:
		w.tell("server %d is cut off for %v, soon after its election", m.id, lasts)
		n.silence(schedule.Coup, m, ^uint64(0), lasts)
	case 3:
		w.tell("server %d stands still for %v, soon after its election", m.id, lasts)
		m.pause()
		w.agenda.Add(w.now+lasts, event{kind: memberResumes, place: int32(m.place), boot: m.boot})
	}
}

// triumph is told when a leader commits for the first time in its reign, before anybody else knows of it. It may be the last
// thing that it does for a while: whatever it takes for committed, its followers must have, and must keep.
func (n *nemesis) triumph(m *member) {
	if !m.ambush.strikes() || len(n.world.members) == 1 {
		return
	}
	lasts := n.exile(m.ambush.draws())
	m.ambush.happened()
	n.world.tell("server %d is not heard by other servers for %v, just as it commits", m.id, lasts)
	n.silence(schedule.Ambush, m, ^uint64(0), lasts)
}

// exile draws for how long a leader that was struck is away: others are elected in the meantime, one or a few.
func (n *nemesis) exile(d draw.Draws) time.Duration {
	k := &n.world.knobs
	return draw.Pick(d, k.election, 2*k.election, 4*k.election)/2 + d.Exponential(2*k.election)
}

// silence keeps some members from hearing another one: its entries reach few of them, or none.
func (n *nemesis) silence(f schedule.Fault, m *member, unheard uint64, lasts time.Duration) {
	a := affliction{fault: f, until: n.world.now + lasts}
	for _, other := range n.world.members {
		if other != m && unheard>>other.place&1 == 1 {
			a.pairs = append(a.pairs, [2]int{m.place, other.place})
		}
	}
	n.afflict(a)
}
