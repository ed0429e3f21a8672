package sim

import (
	"lockd/schedule"
	"lockd/sim/draw"
)

// Safety must hold whatever is broken; progress is demanded of a majority that works. So when the faults are over, a drawn majority
// heals, with all clients, and whoever is not of it stays broken for good: a service that needed everybody would be stuck.

// ailment is how a member stays broken.
type ailment uint8

const (
	isolated ailment = iota // hears nobody, and is heard by nobody
	deaf                    // is heard, and hears nobody: it must not disturb the others with its elections
	mute                    // hears everybody, and is heard by nobody
	down
	standing // still
	ailments
)

var ailmentNames = [ailments]string{"stays cut off", "stays deaf", "stays mute", "stays down", "stands still for good"}

// heal takes everything back in the core, and lets everybody there go on.
func (n *nemesis) heal() {
	w := n.world
	w.healed = true
	for i := range n.under {
		n.end(&n.under[i])
	}
	if w.hopeless() {
		n.reveal()
	}
	n.drawCore()
	for _, m := range w.members {
		m.recuperate()
	}
	for _, c := range w.clients {
		c.recuperate()
	}
}

// reveal starts everybody again whose disk is destroyed: damage is found when the log is read.
func (n *nemesis) reveal() {
	for _, m := range n.world.members {
		if m.up() && m.damaged() {
			m.kill(m.downtime())
		}
	}
}

// drawCore chooses who heals: a majority at least, of those whose disks are sound.
func (n *nemesis) drawCore() {
	w := n.world
	d := draw.New(w.config.Seed, "core")
	majority := len(w.members)/2 + 1
	size := majority + d.Below(len(w.members)-majority+1)
	first := d.Below(len(w.members))
	w.tell("a majority heals")
	doubt := w.anyDoubt()
	for i := range w.members {
		m, how := w.members[(first+i)%len(w.members)], ailment(d.Below(int(ailments)))
		switch {
		case doubt && m.lost == "": // then all others have to answer, and nobody may stay away for good
			m.core = true
		case m.damaged():
		case size > 0:
			m.core = true
			size--
		case w.knobs.founders != 0: // nobody can say beforehand who will be needed
			m.core = true
		case w.config.Profile != Calm: // where nothing goes wrong, nobody stays broken
			n.ail(m, how)
		default:
			m.core = true
		}
	}
}

func (n *nemesis) ail(m *member, how ailment) {
	w := n.world
	w.tell("server %d %s", m.id, ailmentNames[how])
	for other := range w.network.places {
		if other != m.place && (how == isolated || how == deaf) {
			w.network.sever(other, m.place, schedule.Faults)
		}
		if other != m.place && (how == isolated || how == mute) {
			w.network.sever(m.place, other, schedule.Faults)
		}
	}
	switch {
	case how == down && m.up():
		m.kill(patience * 2)
	case how == standing && m.up():
		m.paused = true
	case how == down || how == standing:
		m.boot++ // it was down already, and does not come back
	}
}

// recuperate ends what ails a member of the core, or one that has to be repaired.
func (m *member) recuperate() {
	if !m.core && !m.convalescent() {
		return
	}
	m.slow, m.weary = 0, 0
	m.relieve()
	m.world.cureClock(m)
	if m.paused {
		m.resume()
	}
}

func (c *client) recuperate() {
	side := &c.world.network.side[c.place]
	side.slow, side.gone = 0, 0
	c.world.cureClock(c)
	if c.paused {
		c.resume()
	}
}
