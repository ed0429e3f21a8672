package sim

import (
	"time"

	"lockd/raft"
	"lockd/server"
)

// nemesis is what makes the world unkind: each fault that strikes does so again and again, on a schedule of its own.
type nemesis struct {
	world *world
	draws [Faults]draws
	under []affliction
}

// affliction is a fault that lasts, until it is taken back.
type affliction struct {
	fault Fault
	pairs [][2]int // directions that it keeps dead
	over  bool
}

// strikes are the faults that come at instants of their own; the others befall messages.
var strikes = [...]Fault{Split, OneWay, Isolation, ClientCut, PowerLoss, Kill, MidWrite, Pause, ClientPause, ClientCrash, SlowDisk, Handover, PeerReset}

func newNemesis(w *world) *nemesis {
	n := &nemesis{world: w}
	for f := range Faults {
		n.draws[f] = newDraws(w.config.Seed, "nemesis", int(f))
	}
	for _, f := range strikes {
		n.plan(f)
	}
	return n
}

func (n *nemesis) plan(f Fault) {
	w := n.world
	wait := n.draws[f].exponential(w.knobs.every[f])
	if w.knobs.enabled[f] {
		w.agenda.add(w.now+wait, event{kind: faultStrikes, number: uint64(f)})
	}
}

// strike lets one fault happen. It uses up the same number of draws whoever is there to be hit.
func (n *nemesis) strike(f Fault) {
	if n.world.healed {
		return
	}
	d := n.draws[f]
	lasts := n.lasting(f, d)
	w := n.world
	victim, guest := w.members[d.below(len(w.members))], w.clients[d.below(len(w.clients))]
	if leader := w.leader(); leader != nil && d.chance(million/2) {
		victim = leader // who has most to lose
	}
	switch f {
	case Split, OneWay, Isolation, ClientCut:
		n.sever(f, d, victim, guest, lasts)
	case PowerLoss, Kill, MidWrite:
		n.fell(f, victim)
	case Pause:
		n.pause(victim, lasts)
	case ClientPause:
		n.pauseClient(guest, lasts)
	case ClientCrash:
		w.strike(f)
		w.observe(f)
		w.tell("client %d ends without a word", guest.place)
		guest.crash()
	case SlowDisk:
		w.strike(f)
		w.tell("the disk of server %d is slow for %v", victim.id, lasts)
		victim.slow = w.now + lasts
	case Handover:
		n.handOver(victim)
	case PeerReset:
		n.resetPeer(victim, d)
	}
	n.plan(f)
}

// lasting draws for how long, from a blink to much longer than an election or a lease takes.
func (n *nemesis) lasting(f Fault, d draws) time.Duration {
	k := &n.world.knobs
	return pick(d, k.election/4, k.election, 3*k.election, 2*second, k.ttlHigh)/2 + d.exponential(k.election)
}

// mourn lets the others hear that the process of a member has ended, each after a moment of its own.
func (n *nemesis) mourn(dead *member) {
	w, d := n.world, n.draws[Obituary]
	heard := w.knobs.enabled[Obituary] && !w.healed
	for to := range w.members {
		delay := w.knobs.minDelay + d.exponential(w.knobs.meanDelay)
		if to != dead.place && heard {
			w.network.closePeer(dead.place, to, Obituary, delay)
		}
	}
}

// resetPeer closes the connection of a member to some of the others, or all, as a proxy or a firewall may.
func (n *nemesis) resetPeer(m *member, d draws) {
	w := n.world
	chosen, all := d.Uint64(), d.chance(million/2)
	if !m.up() {
		return
	}
	w.tell("the connections on which server %d sends are closed", m.id)
	for to := range w.members {
		delay := w.knobs.minDelay + d.exponential(w.knobs.meanDelay)
		if to != m.place && (all || chosen>>to&1 == 1) {
			w.network.closePeer(m.place, to, PeerReset, delay)
		}
	}
}

func (n *nemesis) fell(f Fault, m *member) {
	w := n.world
	if !m.up() {
		return
	}
	w.strike(f)
	switch f {
	case MidWrite:
		m.haltSoon(12)
	case PowerLoss:
		w.tell("server %d loses power", m.id)
		w.observe(f)
		m.losePower()
	case Kill:
		w.tell("server %d is killed", m.id)
		w.observe(f)
		m.kill(m.downtime())
	}
}

// losePower stops the member. If its disk was at work, that may have got anywhere with it.
func (m *member) losePower() {
	if m.writing && m.luck.chance(million/2) {
		m.haltSoon(3)
		_ = m.log.Sync() // its error is the halt
	}
	m.disk.Crash()
	m.fall(m.downtime())
}

func (n *nemesis) pause(m *member, lasts time.Duration) {
	w := n.world
	if !m.up() || m.paused {
		return
	}
	w.strike(Pause)
	w.tell("server %d stands still for %v", m.id, lasts)
	m.pause()
	w.agenda.add(w.now+lasts, event{kind: memberResumes, place: int32(m.place), boot: m.boot})
}

func (n *nemesis) pauseClient(c *client, lasts time.Duration) {
	w := n.world
	if c.paused || c.session == nil {
		return
	}
	w.strike(ClientPause)
	w.tell("client %d stands still for %v", c.place, lasts)
	c.paused = true
	w.agenda.add(w.now+lasts, event{kind: clientResumes, place: c.eventPlace(), boot: c.boot})
}

func (n *nemesis) handOver(m *member) {
	if !m.up() || m.paused {
		return
	}
	n.world.strike(Handover)
	if m.server.Node().Role() == raft.Leader {
		n.world.observe(Handover)
		n.world.tell("server %d is asked to hand leadership over", m.id)
	}
	m.lastCall++
	m.step(server.Call{ID: m.lastCall, Request: server.Transfer{}})
}

// sever kills directions between places.
func (n *nemesis) sever(f Fault, d draws, victim *member, guest *client, lasts time.Duration) {
	w := n.world
	a := affliction{fault: f}
	chosen := d.Uint64() // a bit for each place
	for from := range w.network.places {
		for to := range w.network.places {
			if from != to && n.hits(f, victim.place, len(w.members)+guest.place, chosen, from, to) {
				a.pairs = append(a.pairs, [2]int{from, to})
				w.network.sever(from, to, f)
			}
		}
	}
	if len(a.pairs) == 0 {
		return
	}
	w.strike(f)
	w.tell("%v for %v: %v", f, lasts, a.describe(w))
	n.under = append(n.under, a)
	w.agenda.add(w.now+lasts, event{kind: faultEnds, number: uint64(len(n.under) - 1)})
}

// hits tells whether a fault kills the direction between two places.
func (n *nemesis) hits(f Fault, victim, guest int, chosen uint64, from, to int) bool {
	members := len(n.world.members)
	bit := func(place int) bool { return chosen>>(place%64)&1 == 1 }
	between := from < members && to < members
	switch f {
	case Split:
		return bit(from) != bit(to)
	case OneWay:
		return between && newDigest().word(chosen).word(uint64(from*100+to))%4 == 0
	case Isolation:
		return (from == victim || to == victim) && (between || bit(0))
	case ClientCut:
		return from == guest && bit(to) && to < members || to == guest && bit(from) && from < members
	}
	return false
}

// describe names the members that don't hear from each other.
func (a affliction) describe(w *world) string {
	text := ""
	for _, pair := range a.pairs {
		if pair[0] < len(w.members) && pair[1] < len(w.members) {
			text += " " + string(rune('1'+pair[0])) + "⇥" + string(rune('1'+pair[1]))
		}
	}
	if text == "" {
		return "clients"
	}
	return text[1:]
}

func (n *nemesis) end(index int) {
	a := &n.under[index]
	if a.over {
		return
	}
	a.over = true
	for _, pair := range a.pairs {
		n.world.network.mend(pair[0], pair[1])
	}
	n.world.tell("%v is over", a.fault)
}

// heal takes everything back, and lets everybody go on.
func (n *nemesis) heal() {
	w := n.world
	w.healed = true
	w.tell("everything heals")
	for i := range n.under {
		n.end(i)
	}
	for _, m := range w.members {
		m.slow = 0
		if m.paused {
			m.resume()
		}
	}
	for _, c := range w.clients {
		if c.paused {
			c.resume()
		}
	}
}
