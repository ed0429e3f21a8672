package sim

import (
	"time"

	"lockd/raft"
	"lockd/wire"
)

// network carries bytes. Between members messages come in order, as over a connection, except for those that faults befall:
// they are lost, repeated, or overtaken by others, as when connections break and are made again. Between a client and a
// member there is one connection at a time: what is lost takes it down, and both ends hear of that in the end.
//
// Places are numbered: members first, then clients. The resource is always reached, in the end.
type network struct {
	world  *world
	places int
	// cut counts, for each direction of each pair of places, the faults that keep it dead at the moment.
	cut   []uint8
	why   []Fault         // the fault that cut it last
	peer  []draws         // one stream for each direction of each pair of members
	last  []time.Duration // for each of them, when the last message that kept to the order arrives
	side  []draws         // one for each client: its messages, to and fro
	links []link          // of each client to each member
}

// link is a client's connection to a member.
type link struct {
	generation uint32 // counts the connections; what was sent on an earlier one does not arrive
	used       bool
	broken     bool          // and the client does not know yet
	calls      time.Duration // when the last frame of calls arrives
	replies    time.Duration // and the last of replies
}

// inOrder is when a message arrives that is not to overtake the one before it.
func inOrder(last *time.Duration, arrival time.Duration) time.Duration {
	*last = max(arrival, *last+1)
	return *last
}

func newNetwork(w *world) network {
	members, clients := w.config.Members, w.config.Clients
	n := network{world: w, places: members + clients}
	n.cut = make([]uint8, n.places*n.places)
	n.why = make([]Fault, n.places*n.places)
	n.links = make([]link, clients*members)
	n.last = make([]time.Duration, members*members)
	for i := range members * members {
		n.peer = append(n.peer, newDraws(w.config.Seed, "peer link", i))
	}
	for i := range clients {
		n.side = append(n.side, newDraws(w.config.Seed, "client link", i))
	}
	return n
}

// dead tells whether nothing gets through in this direction, and counts that the fault was felt.
func (n *network) dead(from, to int) bool {
	at := from*n.places + to
	if n.cut[at] == 0 {
		return false
	}
	n.world.observe(n.why[at])
	return true
}

func (n *network) sever(from, to int, why Fault) {
	n.cut[from*n.places+to]++
	n.why[from*n.places+to] = why
}

func (n *network) mend(from, to int) { n.cut[from*n.places+to]-- }

// send carries an envelope between members. Each message uses up the same number of draws whatever befalls it.
func (n *network) send(from int, envelope raft.Envelope) {
	w, to := n.world, int(envelope.To)-1
	d := n.peer[from*w.config.Members+to]
	delay := w.knobs.minDelay + d.exponential(w.knobs.meanDelay)
	lost, again, late := w.befalls(Loss, d), w.befalls(Duplicate, d), w.befalls(Straggler, d)
	longer, wait := d.exponential(100*w.knobs.meanDelay+10*millisecond), d.exponential(second)
	if n.dead(from, to) {
		n.tellLost(from, to, wait)
		return
	}
	if lost {
		w.strike(Loss)
		n.tellLost(from, to, wait)
		return
	}
	bytes := wire.AppendEnvelope(nil, envelope)
	e := event{kind: peerMessage, place: int32(to), from: int32(from), bytes: bytes}
	if late {
		w.strike(Straggler)
		w.agenda.add(w.now+delay+longer, e)
	} else {
		w.agenda.add(inOrder(&n.last[from*w.config.Members+to], w.now+delay), e)
	}
	if again {
		w.strike(Duplicate)
		w.agenda.add(w.now+delay+longer, e)
	}
}

// tellLost lets the sender know now and then that its messages do not get through, as a broken connection would.
func (n *network) tellLost(from, to int, wait time.Duration) {
	if wait%4 == 0 {
		m := n.world.members[from]
		n.world.agenda.add(n.world.now+wait, event{kind: peerLost, place: int32(from), from: int32(to), boot: m.boot})
	}
}

// closePeer closes the connection on which a member sends to another one, behind what is under way on it. Who is cut off does
// not hear of it.
func (n *network) closePeer(from, to int, why Fault, delay time.Duration) {
	w := n.world
	if n.dead(from, to) {
		return
	}
	w.strike(why)
	at := inOrder(&n.last[from*w.config.Members+to], w.now+delay)
	w.agenda.add(at, event{kind: peerClosed, place: int32(to), from: int32(from), boot: w.members[to].boot, number: uint64(why)})
}

func (n *network) link(client, member int) *link {
	return &n.links[client*n.world.config.Members+member]
}

// call carries a frame of calls from a client to a member.
func (n *network) call(client, member int, frame []byte) {
	w := n.world
	l, d := n.link(client, member), n.side[client]
	delay := w.knobs.minDelay + d.exponential(w.knobs.clientDelay)
	reset, ghost := w.befalls(ClientReset, d), w.befalls(ClientGhost, d)
	later := d.exponential(3 * second)
	l.used = true
	e := event{kind: callsArrive, place: int32(member), from: int32(client), number: uint64(l.generation), bytes: frame}
	if ghost {
		w.strike(ClientGhost)
		haunting := e
		haunting.ghost = true
		w.agenda.add(w.now+delay+later, haunting)
	}
	if !n.passes(client, member, l, d, reset, n.dead(w.config.Members+client, member)) {
		return
	}
	w.agenda.add(inOrder(&l.calls, w.now+delay), e)
}

// reply carries a frame of replies from a member to a client, on the connection on which the calls came.
func (n *network) reply(member, client int, generation uint32, frame []byte) {
	w := n.world
	l, d := n.link(client, member), n.side[client]
	delay := w.knobs.minDelay + d.exponential(w.knobs.clientDelay)
	reset := w.befalls(ClientReset, d)
	if generation != l.generation {
		return
	}
	if !n.passes(client, member, l, d, reset, n.dead(member, w.config.Members+client)) {
		return
	}
	w.agenda.add(inOrder(&l.replies, w.now+delay), event{kind: repliesArrive, place: int32(client), from: int32(member), number: uint64(l.generation), bytes: frame})
}

// passes tells whether a message gets through. If it does not, the connection is over.
func (n *network) passes(client, member int, l *link, d draws, reset, dead bool) bool {
	silence := d.exponential(second)
	switch {
	case l.broken:
		return false
	case reset && !dead:
		n.world.strike(ClientReset)
		n.breakLink(client, member, silence/20, silence)
		return false
	case dead:
		n.breakLink(client, member, 200*millisecond+silence, 200*millisecond+silence)
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
	w.agenda.add(w.now+atClient, event{kind: linkBroken, place: int32(w.config.Members + client), from: int32(member), number: number})
	w.agenda.add(w.now+atMember, event{kind: linkBroken, place: int32(member), from: int32(client), number: number})
}

// renew makes a fresh connection possible, once the client knows that the last one is gone.
func (l *link) renew() { *l = link{generation: l.generation + 1} }
