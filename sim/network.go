package sim

import (
	"time"

	"lockd/raft"
	"lockd/schedule"
	"lockd/sim/draw"
	"lockd/wire"
)

// network carries bytes. Between members messages come in order, as over a connection, except for those that accidents befall:
// they are lost, repeated, or overtaken by others, as when connections break and are made again. Between a client and a
// member there is one connection at a time: what is lost takes it down, and both ends hear of that in the end.
//
// The resource is always reached, in the end.
type network struct {
	world  *world
	places int
	// cut counts, for each direction of each pair of places, the faults that keep it dead at the moment.
	cut   []uint8
	why   []schedule.Fault // the fault that cut it last
	peers []peerLink       // each direction of each pair of members
	side  []clientSide     // of each client
	links []link           // of each client to each member
}

// peerLink is one direction between two members.
type peerLink struct {
	delays draw.Draws
	news   draw.Draws    // when the sender hears that its messages are lost
	last   time.Duration // when the last message that kept to the order arrives
	slow   time.Duration // until when messages take long
	late   time.Duration // until when they take longer still,
	lag    time.Duration // by so much

	loss, duplicate, straggler, obituary site
}

// clientSide is what all connections of a client have in common.
type clientSide struct {
	delays draw.Draws
	slow   time.Duration // until when its messages take long,
	lag    time.Duration // by how much longer,
	gone   time.Duration // and until when after that none gets through
	late   site          // of demands on the resource
}

// link is a client's connection to a member.
type link struct {
	generation uint32 // counts the connections; what was sent on an earlier one does not arrive, but for what outlives it
	used       bool
	broken     bool          // and the client does not know yet
	calls      time.Duration // when the last frame of calls arrives
	replies    time.Duration // and the last of replies

	callReset, replyReset, ghost site
}

// inOrder is when a message arrives that is not to overtake the one before it.
func inOrder(last *time.Duration, arrival time.Duration) time.Duration {
	*last = max(arrival, *last+1)
	return *last
}

func newNetwork(w *world) network {
	members, clients, seed := w.config.Members, w.config.Clients, w.config.Seed
	n := network{world: w, places: members + clients}
	n.cut = make([]uint8, n.places*n.places)
	n.why = make([]schedule.Fault, n.places*n.places)
	n.links = make([]link, 0, clients*members)
	for from := range members {
		for to := range members {
			n.peers = append(n.peers, peerLink{
				delays: draw.New(seed, "peer link", from, to), news: draw.New(seed, "news", from, to),
				loss: w.site(schedule.Loss, from, to), duplicate: w.site(schedule.Duplicate, from, to),
				straggler: w.site(schedule.Straggler, from, to), obituary: w.site(schedule.Obituary, from, to),
			})
		}
	}
	for i := range clients {
		client := members + i
		n.side = append(n.side, clientSide{delays: draw.New(seed, "client link", i), late: w.site(schedule.LateDemand, client, nowhere)})
		for member := range members {
			n.links = append(n.links, link{
				callReset: w.site(schedule.ClientReset, client, member), replyReset: w.site(schedule.ClientReset, member, client),
				ghost: w.site(schedule.ClientGhost, client, member),
			})
		}
	}
	return n
}

// dead tells whether nothing gets through in this direction, and counts that the fault was felt.
func (n *network) dead(from, to int) bool {
	at := from*n.places + to
	if n.cut[at] == 0 {
		return false
	}
	if why := n.why[at]; why != schedule.Faults { // who stays broken after the healing is no fault that is counted
		n.world.observe(why)
	}
	return true
}

func (n *network) sever(from, to int, why schedule.Fault) {
	n.cut[from*n.places+to]++
	n.why[from*n.places+to] = why
}

func (n *network) mend(from, to int) { n.cut[from*n.places+to]-- }

func (n *network) peer(from, to int) *peerLink { return &n.peers[from*n.world.config.Members+to] }

// slowness is how many times as long a message takes on a slow link, and how much longer at least.
const slowness, slowAtLeast = 20, 10 * millisecond

// send carries an envelope between members. Each message is one occasion for each accident, whatever becomes of it.
func (n *network) send(from int, envelope raft.Envelope) {
	w, to := n.world, int(envelope.To)-1
	l := n.peer(from, to)
	delay := w.knobs.minDelay + l.delays.Exponential(w.knobs.meanDelay)
	lost, again, late := l.loss.strikes(), l.duplicate.strikes(), l.straggler.strikes()
	if n.dead(from, to) {
		n.tellLost(l, from, to)
		return
	}
	if lost {
		l.loss.happened()
		n.tellLost(l, from, to)
		return
	}
	if w.now < l.slow {
		w.observe(schedule.SlowLink)
		delay = slowness*delay + slowAtLeast
	}
	if w.now < l.late && !w.healed {
		w.observe(schedule.ClockFreeze)
		delay += l.lag
	}
	e := event{kind: peerMessage, place: int32(to), from: int32(from), bytes: wire.AppendEnvelope(nil, w.members[from].server.Machine().Version(), envelope), origin: envelope.Incarnation}
	if late {
		l.straggler.happened()
		w.agenda.Add(w.now+delay+w.tardiness(l.straggler.draws()), e)
	} else {
		w.agenda.Add(inOrder(&l.last, w.now+delay), e)
	}
	if again {
		l.duplicate.happened()
		w.agenda.Add(w.now+delay+w.tardiness(l.duplicate.draws()), e)
	}
}

// tardiness is by how much a message is late that others overtake.
func (w *world) tardiness(d draw.Draws) time.Duration {
	return d.Exponential(100*w.knobs.meanDelay + 10*millisecond)
}

// tellLost lets the sender know now and then that its messages do not get through, as a broken connection would.
func (n *network) tellLost(l *peerLink, from, to int) {
	told, wait := l.news.Chance(draw.Million/4), l.news.Exponential(second)
	if told {
		m := n.world.members[from]
		n.world.agenda.Add(n.world.now+wait, event{kind: peerLost, place: int32(from), from: int32(to), boot: m.boot})
	}
}

// closePeer closes the connection on which a member sends to another one, behind what is under way on it. Who is cut off does
// not hear of it.
func (n *network) closePeer(from, to int, why schedule.Fault, delay time.Duration) bool {
	w := n.world
	if n.cut[from*n.places+to] != 0 {
		return false
	}
	at := inOrder(&n.peer(from, to).last, w.now+delay)
	w.agenda.Add(at, event{kind: peerClosed, place: int32(to), from: int32(from), boot: w.members[to].boot, number: uint64(why)})
	return true
}

func (n *network) link(client, member int) *link {
	return &n.links[client*n.world.config.Members+member]
}

// clientDelay is how long a message from or to a client takes.
func (n *network) clientDelay(client int) time.Duration {
	w, s := n.world, &n.side[client]
	delay := w.knobs.minDelay + s.delays.Exponential(w.knobs.clientDelay)
	if w.now < s.slow {
		w.observe(schedule.ClientSlow)
		delay += s.lag
	}
	return delay
}

// vanished tells whether nothing gets through to or from a client whose link was slow before.
func (n *network) vanished(client int) bool {
	s := &n.side[client]
	return s.slow <= n.world.now && n.world.now < s.gone
}

// call carries a frame of calls from a client to a member.
func (n *network) call(client, member int, frame []byte) {
	w := n.world
	l, delay := n.link(client, member), n.clientDelay(client)
	reset, ghost := l.callReset.strikes(), l.ghost.strikes()
	l.used = true
	e := event{kind: callsArrive, place: int32(member), from: int32(client), number: uint64(l.generation), bytes: frame}
	if ghost {
		l.ghost.happened()
		haunting := e
		haunting.ghost = true
		w.agenda.Add(w.now+delay+l.ghost.draws().Exponential(3*second), haunting)
	}
	dead := n.vanished(client) || n.dead(w.config.Members+client, member)
	left := reset && !dead && !l.broken
	switch {
	case n.passes(client, member, l, &l.callReset, reset, dead):
		w.agenda.Add(inOrder(&l.calls, w.now+delay), e)
	case left:
		n.outlive(l, e, delay)
	}
}

// outlive delivers one call in four that was under way when its connection was reset, later, as a server does that has the bytes of a connection
// before it hears of its end: what the client sends in the meantime on another connection overtakes it.
func (n *network) outlive(l *link, e event, delay time.Duration) {
	d := l.callReset.draws()
	late, wait := d.Chance(draw.Million/4), d.Exponential(draw.Pick(d, 30*millisecond, 100*millisecond, second))
	if late {
		e.late = true
		n.world.agenda.Add(n.world.now+delay+wait, e)
	}
}

// reply carries a frame of replies from a member to a client, on the connection on which the calls came.
func (n *network) reply(member, client int, generation uint32, frame []byte) {
	w := n.world
	l, delay := n.link(client, member), n.clientDelay(client)
	reset := l.replyReset.strikes()
	if generation == l.generation && n.passes(client, member, l, &l.replyReset, reset, n.vanished(client) || n.dead(member, w.config.Members+client)) {
		e := event{kind: repliesArrive, place: int32(client), from: int32(member), number: uint64(l.generation), bytes: frame}
		w.agenda.Add(inOrder(&l.replies, w.now+delay), e)
	}
}

// passes tells whether a message gets through. If it does not, the connection is over.
func (n *network) passes(client, member int, l *link, accident *site, reset, dead bool) bool {
	silence := n.side[client].delays.Exponential(second)
	switch {
	case l.broken:
		return false
	case dead:
		n.breakLink(client, member, 200*millisecond+silence, 200*millisecond+silence)
		return false
	case reset:
		accident.happened()
		n.breakLink(client, member, silence/20, silence)
		return false
	}
	return true
}

// breakLink ends a connection. Each end hears of it after a silence of its own.
func (n *network) breakLink(client, member int, atClient, atMember time.Duration) {
	l := n.link(client, member)
	if l.broken || !l.used {
		return
	}
	l.broken = true
	w := n.world
	number := uint64(l.generation)
	w.agenda.Add(w.now+atClient, event{kind: linkBroken, place: int32(w.config.Members + client), from: int32(member), number: number})
	w.agenda.Add(w.now+atMember, event{kind: linkBroken, place: int32(member), from: int32(client), number: number})
}

// renew makes a fresh connection possible, once the client knows that the last one is gone.
func (l *link) renew() {
	l.generation++
	l.used, l.broken, l.calls, l.replies = false, false, 0, 0
}
