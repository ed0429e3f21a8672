package sim

import (
	"encoding/binary"
	"strings"

	"lockd/lockfsm"
)

// resource is what the locks protect: for each lock a register, which holders read, raise by one and write back. It
// remembers the highest token that it has seen, and refuses lower ones; reads raise the mark as well.
type resource struct {
	registers map[uint64]*register
}

type register struct {
	mark   lockfsm.Token // the highest token seen
	value  uint64
	writer lockfsm.Token // of the last write
}

type verb uint64

const (
	reads verb = iota + 1
	writes
	refusal
)

// demand is what a holder asks of the resource, and its answer.
type demand struct {
	verb   verb
	lock   uint64
	token  lockfsm.Token
	base   uint64 // the value that was read
	worker int
	boot   uint32
}

func (d demand) encode() []byte {
	b := make([]byte, 0, 48)
	for _, field := range [...]uint64{uint64(d.verb), d.lock, uint64(d.token), d.base, uint64(d.worker), uint64(d.boot)} {
		b = binary.LittleEndian.AppendUint64(b, field)
	}
	return b
}

func decodeDemand(b []byte) demand {
	field := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	return demand{verb(field(0)), field(1), lockfsm.Token(field(2)), field(3), int(field(4)), uint32(field(5))}
}

// lockNumber names a lock's register.
func lockNumber(name string, client int) uint64 {
	if strings.HasPrefix(name, "own-") {
		return uint64(client) + 1000
	}
	return uint64(newDigest().text(name))
}

// ask sends a demand to the resource. Some take so long that their sender has long given the lock back.
func (w *world) ask(c *client, d demand) {
	n := &w.network
	draws := n.side[c.place]
	delay, late, longer := draws.exponential(w.knobs.clientDelay), w.befalls(ClientGhost, draws), draws.exponential(3*second)
	if late {
		delay += longer
	}
	w.agenda.add(w.now+delay, event{kind: resourceAsked, from: int32(c.place), boot: d.boot, bytes: d.encode()})
}

// serve is the resource's part. The judge stands beside it.
func (w *world) serve(e event) {
	d := decodeDemand(e.bytes)
	r := w.resource.registers[d.lock]
	if r == nil {
		r = &register{}
		w.resource.registers[d.lock] = r
	}
	switch {
	case d.token < r.mark:
		d.verb = refusal
		w.fenced++
	case d.verb == reads:
		r.mark, d.base = d.token, r.value
	default:
		r.mark = d.token
		w.judge.written(r, d)
		r.value, r.writer = d.base+1, d.token
		w.writes++
	}
	c := w.clients[e.from]
	delay := w.network.side[c.place].exponential(w.knobs.clientDelay)
	w.agenda.add(w.now+delay, event{kind: resourceAnswers, place: c.eventPlace(), from: int32(d.worker), boot: e.boot, bytes: d.encode()})
}
