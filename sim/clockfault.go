package sim

import (
	"time"

	"lockd/raft"
	"lockd/schedule"
	"lockd/sim/draw"
)

// spell is a fault of a clock that lasts.
type spell struct {
	fault schedule.Fault
	began time.Duration // names it
	ends  time.Duration // zero: nothing ails the clock
	every time.Duration // how often a strobing clock turns from fast to slow, or back; zero: it stands still
	next  uint64        // the rate to which it turns
	last  uint64        // the rate that it has now
	lag   time.Duration // by how much the clock had fallen behind before
}

// bearer is whoever goes by a clock: a member or a client.
type bearer interface {
	dial() *clock
	awake() bool             // something goes by the clock at the moment
	deadline() time.Duration // the instant on the clock at which it wants to be woken
	setAlarm()
	eventPlace() int32
}

func (m *member) dial() *clock            { return &m.clock }
func (m *member) awake() bool             { return m.up() }
func (m *member) deadline() time.Duration { return m.server.Deadline() }
func (m *member) eventPlace() int32       { return int32(m.place) }

func (c *client) dial() *clock            { return &c.clock }
func (c *client) awake() bool             { return c.session != nil }
func (c *client) deadline() time.Duration { return c.session.Deadline() }

// bearer is whom an attack on a clock hits.
func (n *nemesis) bearer(a *attack) bearer {
	switch a.Fault {
	case schedule.ClientClockJump, schedule.ClientClockStrobe, schedule.ClientClockFreeze:
		a.hitsClient()
		return a.client
	}
	a.hitsMember()
	return a.member
}

func (w *world) bearerAt(place int32) bearer {
	if int(place) < len(w.members) {
		return w.members[place]
	}
	return w.clients[int(place)-len(w.members)]
}

// jumpClock lets a clock jump ahead: by less than a heartbeat, or by more than any lease. It is felt if a deadline came by it.
func (n *nemesis) jumpClock(a *attack) bool {
	w, b, k := n.world, n.bearer(a), &n.world.knobs
	by := draw.Pick(a.draws, k.heartbeat, k.election, k.ttlHigh, time.Minute, time.Hour)/2 + a.draws.Exponential(k.heartbeat)
	if a.Amount != 0 {
		by = time.Duration(a.Amount)
	}
	a.Amount = int64(by)
	if !b.awake() {
		return false
	}
	c, due := b.dial(), b.deadline()
	w.tell("the clock of %s jumps ahead by %v", w.placeText(b.eventPlace(), nowhere), by)
	before := c.read(w.now)
	c.jump(w.now, by)
	if before < due && due <= c.read(w.now) {
		w.observe(a.Fault)
	}
	b.setAlarm()
	return true
}

// strobeClock lets a clock run now fast and now slow, each far from what is allowed. On the whole it may go right.
func (n *nemesis) strobeClock(a *attack) bool {
	fast := draw.Pick(a.draws, uint64(1_300_000), 2_000_000, 5_000_000)
	slow := draw.Pick(a.draws, uint64(50_000), 500_000, 800_000)
	every := draw.Pick(a.draws, 2*millisecond, 20*millisecond, 200*millisecond)
	return n.cast(a, spell{every: every, next: slow, last: fast})
}

// freezeClock lets a clock stand still. That of a leader mostly runs slow instead, while nobody else follows it any more: it will not notice for
// long that it has no majority.
func (n *nemesis) freezeClock(a *attack) bool {
	m := a.member
	retires, friend, lingers := a.draws.Chance(draw.Million/2), a.draws.Below(len(n.world.members)), a.draws.Chance(draw.Million/2)
	leads := a.Fault == schedule.ClockFreeze && m.up() && m.server.Node().Role() == raft.Leader
	switch {
	case leads && retires:
		return n.retire(a, friend)
	case leads && lingers:
		return n.linger(a)
	}
	return n.cast(a, spell{})
}

// retire cuts a leader whose clock runs slow off, with one follower.
func (n *nemesis) retire(a *attack, friend int) bool {
	w, m := n.world, a.member
	if !n.cast(a, spell{last: 400_000}) {
		return false
	}
	cut := affliction{fault: schedule.ClockFreeze, until: w.now + a.lasts}
	inside := func(place int) bool { return place == m.place || place == friend }
	for from := range w.members {
		for to := range w.members {
			if inside(from) != inside(to) {
				cut.pairs = append(cut.pairs, [2]int{from, to})
			}
		}
	}
	w.tell("server %d, whose clock runs slow, is cut off with server %d", m.id, friend+1)
	n.afflict(cut)
	return true
}

// linger lets everything reach a leader late whose clock runs slow, and after a while lets nobody hear it any more. What the others had told
// it before goes on arriving when they have elected another leader, of whom it does not hear either.
func (n *nemesis) linger(a *attack) bool {
	w, m, k := n.world, a.member, &n.world.knobs
	lag := a.draws.Between(2*k.election, 8*k.election)
	heard := a.draws.Exponential(lag / 16)
	if a.Lasts == 0 {
		a.lasts += lag
	}
	if !n.cast(a, spell{last: 100_000}) {
		return false
	}
	w.tell("what server %d hears comes %v late, and after %v nobody hears it any more", m.id, lag, heard)
	muted := affliction{fault: schedule.ClockFreeze, begins: w.now + heard, until: w.now + a.lasts}
	for other := range w.members {
		if other != m.place {
			incoming := w.network.peer(other, m.place)
			incoming.late, incoming.lag = w.now+a.lasts, lag
			muted.pairs = append(muted.pairs, [2]int{m.place, other})
		}
	}
	n.afflict(muted)
	a.client.consult(m)
	return true
}

// cast begins a spell, unless the clock is under one.
func (n *nemesis) cast(a *attack, s spell) bool {
	w, b := n.world, n.bearer(a)
	a.isLong()
	c := b.dial()
	if !b.awake() || c.spell.ends != 0 {
		return false
	}
	w.tell("%v at %s for %v", a.Fault, w.placeText(b.eventPlace(), nowhere), a.lasts)
	s.fault, s.began, s.ends, s.lag = a.Fault, w.now, w.now+a.lasts, c.behind(w.now)
	c.spell = s
	c.setRate(w.now, s.last)
	w.planTurn(b)
	return true
}

// planTurn sees to it that the spell goes on, or ends.
func (w *world) planTurn(b bearer) {
	s, next := &b.dial().spell, b.dial().spell.ends
	if s.every != 0 {
		next = min(next, w.now+s.every)
	}
	w.agenda.Add(next, event{kind: clockTurns, place: b.eventPlace(), number: uint64(s.began)})
	if b.awake() {
		b.setAlarm()
	}
}

// turnClock is the next turn of a spell, unless that is over already.
func (w *world) turnClock(e event) {
	b := w.bearerAt(e.place)
	c := b.dial()
	s := &c.spell
	switch {
	case s.ends == 0 || uint64(s.began) != e.number:
	case w.now >= s.ends:
		w.tell("%v at %s is over", s.fault, w.placeText(e.place, nowhere))
		w.cureClock(b)
	default:
		s.next, s.last = s.last, s.next
		c.setRate(w.now, s.last)
		w.planTurn(b)
	}
}

// cureClock ends the spell that a clock is under, if any. Where it stood still, that is felt by who waits for what has come long since
// on any clock that is allowed.
func (w *world) cureClock(b bearer) {
	c := b.dial()
	s := c.spell
	if s.ends == 0 {
		return
	}
	if b.awake() && s.every == 0 {
		due, now := b.deadline(), c.read(w.now)
		if now < due && due-now <= c.behind(w.now)-s.lag {
			w.observe(s.fault)
		}
	}
	c.spell = spell{}
	c.thaw(w.now)
	if b.awake() {
		b.setAlarm()
	}
}

// deadlineCame is told whenever a deadline has come. On a clock that strobes it came too early, or too late.
func (w *world) deadlineCame(c *clock) {
	if c.spell.every != 0 {
		w.observe(c.spell.fault)
	}
}

// jumpWall sets a client's wall clock, forward or back. Servers have none to set: nothing in them reads one.
func (n *nemesis) jumpWall(a *attack) bool {
	w, c := n.world, a.client
	a.hitsClient()
	by := draw.Pick(a.draws, second, time.Minute, time.Hour) + a.draws.Exponential(second)
	if back := a.draws.Chance(draw.Million / 2); back {
		by = -by
	}
	if a.Amount != 0 {
		by = time.Duration(a.Amount)
	}
	a.Amount = int64(by)
	w.tell("the wall clock of client %d is set by %v", c.place+1, by)
	c.wall += by
	return true
}
