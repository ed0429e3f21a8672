package sim

import (
	"time"

	"lockd/raft"
	"lockd/schedule"
	"lockd/server"
	"lockd/sim/draw"
)

// nemesis makes the world unkind. It plans attacks, which come at instants of their own: each kind of fault again and again, or
// those that a schedule names. Accidents, which befall what happens anyway, are the sites' (accident.go).
type nemesis struct {
	world *world
	times [schedule.Faults]draw.Draws
	plans map[uint64]schedule.Strike // by what their events are numbered
	under []affliction
}

// attack is a planned strike that comes about. What its plan leaves open it draws.
type attack struct {
	*schedule.Strike
	draws  draw.Draws // its own: no other attack draws from them
	lasts  time.Duration
	member *member
	client *client
}

// attacks says what each kind does. They return whether anything was done: who is down can't be paused.
var attacks = [schedule.Faults]func(*nemesis, *attack) bool{
	schedule.WriteError: (*nemesis).harmDisk, schedule.FailedSync: (*nemesis).harmDisk, schedule.FullDisk: (*nemesis).harmDisk,
	schedule.BitRot: (*nemesis).harmDisk, schedule.Misdirected: (*nemesis).harmDisk, schedule.Wipe: (*nemesis).harmDisk,
	schedule.Split: (*nemesis).cut, schedule.OneWay: (*nemesis).cut, schedule.Isolation: (*nemesis).cut,
	schedule.Bridge: (*nemesis).cut, schedule.Ring: (*nemesis).cut, schedule.Flapping: (*nemesis).cut,
	schedule.ClientCut: (*nemesis).cut, schedule.ClientOneWay: (*nemesis).cut,
	schedule.SlowLink: (*nemesis).slowLink, schedule.ClientSlow: (*nemesis).slowClient, schedule.PeerReset: (*nemesis).resetPeer,
	schedule.PowerLoss: (*nemesis).powerLoss, schedule.Kill: (*nemesis).killing, schedule.MidWrite: (*nemesis).midWrite,
	schedule.Pause: (*nemesis).pause, schedule.SlowNode: (*nemesis).slowNode, schedule.SlowDisk: (*nemesis).slowDisk,
	schedule.Handover: (*nemesis).handOver, schedule.ClientPause: (*nemesis).pauseClient, schedule.ClientCrash: (*nemesis).crashClient,
	schedule.ClockJump: (*nemesis).jumpClock, schedule.ClockStrobe: (*nemesis).strobeClock, schedule.ClockFreeze: (*nemesis).freezeClock,
	schedule.ClientClockJump: (*nemesis).jumpClock, schedule.ClientClockStrobe: (*nemesis).strobeClock,
	schedule.ClientClockFreeze: (*nemesis).freezeClock, schedule.WallJump: (*nemesis).jumpWall,
	schedule.Members: (*nemesis).changeMembers, schedule.Upgrade: (*nemesis).install,
}

func newNemesis(w *world) *nemesis {
	n := &nemesis{world: w, plans: map[uint64]schedule.Strike{}}
	if s := w.config.Schedule; s != nil {
		for _, strike := range s.Faults {
			if attacks[strike.Fault] != nil && strike.Place == "" {
				n.plan(strike)
			}
		}
		return n
	}
	for f := range schedule.Faults {
		if attacks[f] != nil && w.knobs.enabled[f] {
			n.times[f] = draw.New(w.config.Seed, "attacks", int(f))
			n.planNext(f, 1)
		}
	}
	return n
}

// planNext draws when the next attack of a kind comes.
func (n *nemesis) planNext(f schedule.Fault, number uint64) {
	at := n.world.now + n.times[f].Exponential(n.world.knobs.every[f])
	n.plan(schedule.Strike{Fault: f, Number: number, At: schedule.Duration(at)})
}

func (n *nemesis) plan(s schedule.Strike) {
	key := uint64(s.Fault)<<48 | s.Number
	n.plans[key] = s
	// A world that follows a schedule has all its attacks on the agenda from the start, one that draws them has the next of each kind.
	// Both must be the same run, so no draw for the order of events is used up here.
	n.world.agenda.AddTied(time.Duration(s.At), uint32(draw.NewDigest().Word(key)), event{kind: faultStrikes, number: key})
}

// strike carries a planned attack out, and tells whether anything was done.
func (n *nemesis) strike(plan uint64) bool {
	w := n.world
	if w.healed {
		return false
	}
	s := n.plans[plan]
	delete(n.plans, plan)
	done := attacks[s.Fault](n, n.aim(&s))
	if done {
		w.strike(s.Fault)
		w.record(s)
	}
	if w.config.Schedule == nil {
		n.planNext(s.Fault, s.Number+1)
	}
	return done
}

// aim settles whom an attack hits, and for how long. The same draws are used up whatever the plan says itself.
func (n *nemesis) aim(s *schedule.Strike) *attack {
	w := n.world
	d := draw.New(w.config.Seed, "attack", int(s.Fault), int(s.Number))
	a := &attack{Strike: s, draws: d, lasts: n.lasting(d)}
	a.member, a.client = w.members[d.Below(len(w.members))], w.clients[d.Below(len(w.clients))]
	if leader := w.leader(); d.Chance(draw.Million/2) && leader != nil {
		a.member = leader // who has most to lose
	}
	if holder := w.holder(d); d.Chance(draw.Million/2) && holder != nil {
		a.client = holder
	}
	if s.Server != 0 {
		a.member = w.members[s.Server-1]
	}
	if s.Client != 0 {
		a.client = w.clients[s.Client-1]
	}
	if s.Lasts != 0 {
		a.lasts = time.Duration(s.Lasts)
	}
	return a
}

// holder draws one of the clients that hold a lock; nil: none does.
func (w *world) holder(d draw.Draws) *client {
	first := d.Below(len(w.clients))
	for i := range w.clients {
		c := w.clients[(first+i)%len(w.clients)]
		if c.holds() {
			return c
		}
	}
	return nil
}

// hits notes in the record whom the attack hit: what it names, it need not draw when it is replayed.
func (a *attack) hitsMember() { a.Server = int(a.member.id) }
func (a *attack) hitsClient() { a.Client = a.client.place + 1 }
func (a *attack) isLong()     { a.Lasts = schedule.Duration(a.lasts) }

// lasting draws for how long, from a blink to much longer than an election or a lease takes.
func (n *nemesis) lasting(d draw.Draws) time.Duration {
	k := &n.world.knobs
	return draw.Pick(d, k.election/4, k.election, 3*k.election, 2*second, k.ttlHigh, 3*k.ttlHigh)/2 + d.Exponential(k.election)
}

func (n *nemesis) slowLink(a *attack) bool {
	w := n.world
	to := a.draws.Below(len(w.members))
	if to == a.member.place {
		return false
	}
	a.hitsMember()
	a.isLong()
	if n.stall(a) {
		return true
	}
	w.tell("messages from server %d to server %d are slow for %v", a.member.id, to+1, a.lasts)
	w.network.peer(a.member.place, to).slow = w.now + a.lasts
	return true
}

func (n *nemesis) slowClient(a *attack) bool {
	w, k := n.world, &n.world.knobs
	a.hitsClient()
	a.isLong()
	// So slow that requests are repeated before their answers come, but not so slow that the lease is over before.
	lag := a.draws.Between(10*millisecond, draw.Pick(a.draws, 100*millisecond, k.ttlLow/8, k.ttlLow/2))
	vanishes, away := a.draws.Chance(draw.Million/2), a.draws.Exponential(k.ttlHigh)
	side := &w.network.side[a.client.place]
	side.slow, side.lag, side.gone = w.now+a.lasts, lag, 0
	w.tell("what client %d sends and hears takes %v longer for %v", a.client.place+1, lag, a.lasts)
	if vanishes {
		side.gone = side.slow + k.ttlLow + away
		w.tell("after that nothing gets through for %v", side.gone-side.slow)
	}
	return true
}

// resetPeer closes the connection of a member to some of the others, or all, as a proxy or a firewall may.
func (n *nemesis) resetPeer(a *attack) bool {
	w, m := n.world, a.member
	chosen, all, closed := a.draws.Uint64(), a.draws.Chance(draw.Million/2), false
	a.hitsMember()
	for to := range w.members {
		delay := w.knobs.minDelay + a.draws.Exponential(w.knobs.meanDelay)
		if m.up() && to != m.place && (all || chosen>>to&1 == 1) {
			closed = w.network.closePeer(m.place, to, schedule.PeerReset, delay) || closed
		}
	}
	if closed {
		w.tell("connections on which server %d sends are closed", m.id)
	}
	return closed
}

func (n *nemesis) powerLoss(a *attack) bool {
	a.hitsMember()
	if !a.member.up() {
		return false
	}
	n.world.tell("server %d loses power", a.member.id)
	n.world.observe(schedule.PowerLoss)
	a.member.losePower()
	return true
}

func (n *nemesis) killing(a *attack) bool {
	a.hitsMember()
	if !a.member.up() {
		return false
	}
	n.world.observe(schedule.Kill)
	if n.conspire(a) {
		return true
	}
	n.world.tell("server %d is killed", a.member.id)
	a.member.kill(a.member.downtime())
	return true
}

func (n *nemesis) midWrite(a *attack) bool {
	a.hitsMember()
	if !a.member.up() {
		return false
	}
	a.member.haltSoon(12)
	return true
}

// losePower stops the member. If its disk was at work, that may have got anywhere with it.
func (m *member) losePower() {
	m.crashDisk()
	m.fall(m.downtime())
}

func (n *nemesis) pause(a *attack) bool {
	w, m := n.world, a.member
	a.hitsMember()
	a.isLong()
	if !m.up() || m.paused {
		return false
	}
	w.tell("server %d stands still for %v", m.id, a.lasts)
	m.pause()
	w.agenda.Add(w.now+a.lasts, event{kind: memberResumes, place: int32(m.place), boot: m.boot})
	return true
}

func (n *nemesis) slowNode(a *attack) bool {
	a.hitsMember()
	a.isLong()
	n.world.tell("all that server %d does takes long for %v", a.member.id, a.lasts)
	a.member.weary = n.world.now + a.lasts
	return true
}

func (n *nemesis) slowDisk(a *attack) bool {
	a.hitsMember()
	a.isLong()
	n.world.tell("the disk of server %d is slow for %v", a.member.id, a.lasts)
	a.member.slow = n.world.now + a.lasts
	return true
}

func (n *nemesis) handOver(a *attack) bool {
	m := a.member
	a.hitsMember()
	if !m.up() || m.paused {
		return false
	}
	if m.server.Node().Role() == raft.Leader {
		n.world.observe(schedule.Handover)
		n.world.tell("server %d is asked to hand leadership over", m.id)
	}
	n.deafen(a)
	m.lastCall++
	m.step(server.Call{ID: m.lastCall, Request: server.Transfer{}})
	return true
}

func (n *nemesis) pauseClient(a *attack) bool {
	c := a.client
	a.hitsClient()
	// A holder may also be stopped just behind its next renewal, for longer than its lease: the answer waits for it, and is read too late.
	behindRenewal, beyond := a.draws.Chance(draw.Million/2), a.draws.Exponential(n.world.knobs.election)
	if a.Lasts == 0 && behindRenewal && c.session != nil && c.holds() {
		a.lasts, a.Amount = n.world.knobs.ttlHigh+beyond, 1
	}
	a.isLong()
	if c.paused || c.session == nil {
		return false
	}
	if a.Amount != 0 {
		n.world.tell("client %d will stand still for %v, from its next renewal on", c.place+1, a.lasts)
		c.faints = a.lasts
		return true
	}
	c.stop(a.lasts)
	return true
}

func (n *nemesis) crashClient(a *attack) bool {
	a.hitsClient()
	if !a.client.awake() {
		return false
	}
	n.world.observe(schedule.ClientCrash)
	n.world.tell("client %d ends without a word", a.client.place+1)
	a.client.crash()
	return true
}

// mourn lets the others hear that the process of a member has ended, each after a moment of its own.
func (n *nemesis) mourn(dead *member) {
	w := n.world
	for to := range w.members {
		if to == dead.place {
			continue
		}
		if obituary := &w.network.peer(dead.place, to).obituary; obituary.strikes() {
			delay := w.knobs.minDelay + obituary.draws().Exponential(w.knobs.meanDelay)
			if w.network.closePeer(dead.place, to, schedule.Obituary, delay) {
				obituary.happened()
			}
		}
	}
}
