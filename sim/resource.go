package sim

import (
	"encoding/binary"
	"strings"

	"lockd/linearizability"
	"lockd/lockfsm"
	"lockd/schedule"
	"lockd/sim/draw"
)

// resource is what the locks protect: for each lock a register, in which each holder puts its token in the place of the value that it has read. It
// remembers the highest token that it has seen, and refuses lower ones; reads raise the mark as well. The register of one lock has no
// such guard: it shows what tokens are for.
type resource struct {
	registers map[uint64]*register
	former    lockfsm.Token // the highest of the world that this one succeeds; zero: it is the first
}

type register struct {
	mark  lockfsm.Token // the highest token seen
	value uint64        // the token of the last write
}

type verb uint64

const (
	reads verb = iota + 1
	writes
	refusal
)

// demand is what a holder asks of the resource, and its answer.
type demand struct {
	verb      verb
	lock      uint64
	token     lockfsm.Token
	base      uint64 // the value that was read
	worker    int
	boot      uint32
	operation int // in the history
}

// unjudged is the number of an operation that is not in the history.
const unjudged = -1

func (d demand) encode() []byte {
	b := make([]byte, 0, 56)
	for _, field := range [...]uint64{
		uint64(d.verb), d.lock, uint64(d.token), d.base, uint64(d.worker), uint64(d.boot), uint64(int64(d.operation)),
	} {
		b = binary.LittleEndian.AppendUint64(b, field)
	}
	return b
}

func decodeDemand(b []byte) demand {
	field := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	return demand{verb(field(0)), field(1), lockfsm.Token(field(2)), field(3), int(field(4)), uint32(field(5)), int(int64(field(6)))}
}

// noted puts an answer into the history.
func (d demand) noted(w *world) {
	switch {
	case d.operation == unjudged:
	case d.verb == refusal:
		w.returned(d.operation, linearizability.Refused)
	default:
		if o := w.returned(d.operation, linearizability.Done); d.verb == reads {
			o.Value = d.base
		}
	}
}

// lockNumber names a lock's register.
func lockNumber(name string, client int) uint64 {
	if strings.HasPrefix(name, "own-") {
		return uint64(client) + 1000
	}
	return uint64(draw.NewDigest().Text(name))
}

var unfencedNumber = lockNumber(unfenced, 0)

// ask sends a demand to the resource. Some take so long that their sender has long given the lock back.
func (w *world) ask(c *client, d demand) {
	delay, accident := w.network.clientDelay(c.place), &w.network.side[c.place].late
	late := accident.strikes()
	if late {
		accident.happened()
		delay += accident.draws().Exponential(3 * second)
	}
	w.agenda.Add(w.now+delay, event{kind: resourceAsked, ghost: late, from: int32(c.place), boot: d.boot, bytes: d.encode()})
}

// serve is the resource's part. The judge stands beside it.
func (w *world) serve(e event) {
	d := decodeDemand(e.bytes)
	if e.ghost {
		w.observe(schedule.LateDemand)
	}
	r := w.resource.registers[d.lock]
	if r == nil {
		r = &register{}
		w.resource.registers[d.lock] = r
	}
	fenced := d.lock != unfencedNumber
	if fenced && r.mark <= w.resource.former && w.resource.former < d.token && w.epoch != 0 {
		r.returns(w, d.lock)
	}
	switch {
	case fenced && d.token < r.mark:
		d.verb = refusal
		w.hit(demandFenced)
	case d.verb == reads:
		r.mark, d.base = max(r.mark, d.token), r.value
	case fenced:
		w.judge.written(r, d)
		r.mark = max(r.mark, d.token)
		r.value = uint64(d.token)
	default:
		if r.value != d.base {
			w.hit(unfencedUpdateLost)
		}
		r.value = uint64(d.token)
	}
	c := w.clients[e.from]
	delay := w.network.clientDelay(c.place)
	w.agenda.Add(w.now+delay, event{kind: resourceAnswers, place: c.eventPlace(), from: int32(d.worker), boot: e.boot, bytes: d.encode()})
}
