package sim

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/schedule"
	"lockd/server"
	"lockd/sim/disk"
	"lockd/sim/draw"
	"lockd/wal"
	"lockd/wire"
)

// member is a server's place: a disk that lasts, and a process that comes and goes.
type member struct {
	world *world
	place int
	id    raft.ID
	disk  *disk.Disk
	tempo draw.Draws // how many inputs come before a drain, and how long they are waited for
	spin  draw.Draws // how long syncs take
	luck  draw.Draws // how the present process begins and ends

	stumble, oath, coup, ambush site
	lost                        string // why it will never come back; empty: it may
	core                        bool   // it is of the majority that has healed
	program
	storage // what its disk went through (damage.go)

	// Of the present process. A member that is down has no server.
	boot   uint32
	clock  clock
	log    *wal.Log
	server *server.Server

	paused  bool
	backlog []event // what came while it was paused

	inputs   int           // since the last drain
	batch    int           // how many come before the next
	since    time.Duration // true time of the first of them
	ahead    time.Duration // the judge's total then
	lingers  bool          // a drain is on the agenda
	alarm    time.Duration // true time of the alarm on the agenda; zero: none
	output   server.Output
	replies  []frame
	calls    map[server.CallID]caller
	lastCall server.CallID

	queue   []raft.Record // drained and not yet on their way to the disk
	writing bool
	written uint64        // sequence of the last record in the batch under way
	vote    raft.ID       // in the last record
	slow    time.Duration // until when syncs take long
	weary   time.Duration // until when everything takes long

	snapshot *server.Snapshotting
	scrubber scrubber
}

// caller is whose call it was.
type caller struct {
	client     int32
	generation uint32
	id         uint64 // as the client numbers its calls
}

// frame gathers the replies of one drain to one client.
type frame struct {
	client     int32
	generation uint32
	replies    []wire.Reply
}

func newMember(w *world, place int) *member {
	seed := w.config.Seed
	m := &member{
		world: w, place: place, id: raft.ID(place + 1),
		tempo: draw.New(seed, "tempo", place), spin: draw.New(seed, "disk time", place), luck: draw.New(seed, "luck", place),
		stumble: w.site(schedule.MidWrite, place, nowhere), oath: w.site(schedule.BrokenOath, place, nowhere),
		coup: w.site(schedule.Coup, place, nowhere), ambush: w.site(schedule.Ambush, place, nowhere),
		calls: map[server.CallID]caller{},
	}
	m.storage, m.program = w.newStorage(place), w.newProgram(place)
	m.disk = disk.New(newRandom(seed, "disk", place))
	return m
}

func (m *member) up() bool { return m.server != nil }

// take gives an event to the process, unless that is paused: then it finds it when it goes on.
func (m *member) take(e event) {
	switch {
	case !m.up():
		m.miss(e)
	case m.paused:
		m.backlog = append(m.backlog, e)
	default:
		m.handle(e)
	}
}

// miss is an event at a member that is down. Whoever calls it is refused by the machine, if that is up.
func (m *member) miss(e event) {
	if e.kind == callsArrive && !e.ghost && !e.late {
		m.world.network.breakLink(int(e.from), m.place, m.world.knobs.minDelay, 0)
	}
}

func (m *member) handle(e event) {
	switch e.kind {
	case peerMessage:
		envelope, err := wire.DecodeEnvelope(e.bytes, m.supports)
		if version, old := errors.AsType[*lockfsm.VersionError](err); old {
			m.outdated(&server.Outdated{What: fmt.Sprintf("a message of server %d", e.from+1), VersionError: version})
			return
		}
		must(err)
		envelope.Incarnation = e.origin
		m.world.judge.hears(m, envelope)
		m.step(raft.Receive{Envelope: envelope})
	case peerLost:
		if e.boot == m.boot {
			m.step(raft.Unreachable{Member: raft.ID(e.from + 1)})
		}
	case peerClosed:
		if e.boot == m.boot {
			m.hearClosed(e)
		}
	case callsArrive:
		m.receiveCalls(e)
	case linkBroken:
		m.hangUp(e.from, uint32(e.number))
	case memberAlarm:
		m.alarmRings(e)
	case memberDrain:
		if e.boot == m.boot {
			m.lingers = false
			if m.inputs > 0 {
				m.drain()
			}
		}
	case diskDone:
		if e.boot == m.boot {
			m.synced()
		}
	case snapshotDone:
		if e.boot == m.boot {
			m.saveSnapshot()
		}
	case scrubDue:
		if e.boot == m.boot {
			m.scrub()
		}
	}
}

func (m *member) now() time.Duration { return m.clock.read(m.world.now) }

// step hands one input in, and drains when enough have come or none has come for a while.
func (m *member) step(input server.Input) {
	if m.inputs == 0 {
		m.since, m.ahead = m.world.now, m.world.judge.ahead
	}
	m.inputs++
	m.server.Step(m.now(), input)
	m.world.judge.stepped(m)
	weary := m.world.now < m.weary
	if m.inputs >= m.batch && !weary {
		m.drain()
		return
	}
	if !m.lingers {
		m.lingers = true
		wait := m.tempo.Between(microsecond, m.world.knobs.linger)
		if weary {
			m.world.observe(schedule.SlowNode)
			wait = slowness*wait + slowAtLeast
		}
		m.world.agenda.Add(m.world.now+wait, event{kind: memberDrain, place: int32(m.place), boot: m.boot})
	}
}

// drain carries out what the inputs led to.
func (m *member) drain() {
	m.inputs, m.batch = 0, 1+m.tempo.Below(m.world.knobs.batch)
	m.server.Drain(&m.output)
	if m.output.Outdated != nil {
		m.outdated(m.output.Outdated)
		return
	}
	m.world.judge.drained(m)
	m.persist(m.output.Record)
	if !m.up() {
		return // it ended in the middle of a write
	}
	for _, envelope := range m.output.Send {
		m.world.judge.spoken(m, envelope)
		m.world.network.send(m.place, envelope)
	}
	m.sendReplies()
	if m.output.Snapshot != nil {
		m.snapshot = m.output.Snapshot
		m.world.agenda.Add(m.world.now+m.snapshotTime(), event{kind: snapshotDone, place: int32(m.place), boot: m.boot})
	}
	m.setAlarm()
}

// setAlarm sees to it that an alarm rings when the deadline comes. One that rings too early looks again: most deadlines
// move on long before they come.
func (m *member) setAlarm() {
	due := max(m.clock.when(m.server.Deadline()), m.world.now)
	if m.alarm != 0 && m.alarm <= due {
		return
	}
	m.alarm = due
	m.world.agenda.Add(due, event{kind: memberAlarm, place: int32(m.place), boot: m.boot, number: uint64(due)})
}

func (m *member) alarmRings(e event) {
	if e.boot != m.boot || e.number != uint64(m.alarm) {
		return
	}
	m.alarm = 0
	if m.now() >= m.server.Deadline() {
		m.world.deadlineCame(&m.clock)
		m.step(raft.Timeout{})
		if m.up() && m.inputs > 0 {
			m.drain()
		}
		return
	}
	m.setAlarm()
}

// hearClosed tells the server that another one's connection is gone. It makes a difference to those whom that one leads.
func (m *member) hearClosed(e event) {
	closed := raft.ID(e.from + 1)
	if m.server.Node().Status().Leader == closed {
		m.world.observe(schedule.Fault(e.number))
	}
	m.step(raft.Closed{Member: closed})
}

func (m *member) receiveCalls(e event) {
	astray := e.ghost || e.late
	if !astray && uint32(e.number) != m.world.network.link(int(e.from), m.place).generation {
		return
	}
	calls, refused, err := wire.DecodeCalls(e.bytes)
	must(err)
	if len(refused) > 0 {
		panic("sim: a client made a call that can't be carried")
	}
	for _, call := range calls {
		if !m.up() {
			return
		}
		if astray && call.ID&looks != 0 {
			continue // what has no number must not come twice, and does not: nobody repeats it
		}
		if e.ghost && call.ID != 0 {
			m.world.observe(schedule.ClientGhost)
		}
		m.lastCall++
		m.calls[m.lastCall] = caller{client: e.from, generation: uint32(e.number), id: call.ID}
		m.lends(call.Request)
		m.step(server.Call{ID: m.lastCall, Request: call.Request})
	}
}

// hangUp ends the calls of a connection that is gone.
func (m *member) hangUp(client int32, generation uint32) {
	var gone []server.CallID
	for id, c := range m.calls {
		if c.client == client && c.generation == generation {
			gone = append(gone, id)
		}
	}
	slices.Sort(gone)
	for _, id := range gone {
		delete(m.calls, id)
		if m.up() {
			m.step(server.Hangup{ID: id})
		}
	}
}

// sendReplies sends each client its replies in one frame.
func (m *member) sendReplies() {
	m.replies = m.replies[:0]
	for _, reply := range m.output.Replies {
		c, waiting := m.calls[reply.Call]
		if !waiting {
			continue // the operator's, or hung up since
		}
		delete(m.calls, reply.Call)
		m.serves(reply.Answer)
		at := slices.IndexFunc(m.replies, func(f frame) bool { return f.client == c.client && f.generation == c.generation })
		if at < 0 {
			at = len(m.replies)
			m.replies = append(m.replies, frame{client: c.client, generation: c.generation})
		}
		m.replies[at].replies = append(m.replies[at].replies, wire.Reply{ID: c.id, Answer: reply.Answer})
	}
	for _, f := range m.replies {
		m.world.network.reply(m.place, int(f.client), f.generation, wire.EncodeReplies(nil, f.replies))
	}
}

// pause stops the process; whatever comes waits for it.
func (m *member) pause() { m.paused = true }

// resume lets it go on: it reads what has waited, in order, before it looks at the time.
func (m *member) resume() {
	m.paused = false
	waiting := m.backlog
	m.backlog = nil
	for i, e := range waiting {
		if m.paused || !m.up() {
			m.backlog = append(m.backlog, waiting[i:]...)
			break
		}
		if e.kind != memberAlarm {
			m.handle(e)
		}
	}
	if m.up() && !m.paused {
		m.alarm = 0
		m.setAlarm()
	}
}

// kill ends the process, and no more than that: what it had written stays readable, and its machine closes its connections.
func (m *member) kill(back time.Duration) {
	m.disk.Kill()
	m.fall(back)
	m.world.nemesis.mourn(m)
}

// fall ends the process, and begins another one later.
func (m *member) fall(back time.Duration) {
	if m.up() {
		m.outlives(m.world.now)
	}
	m.server, m.log, m.output, m.snapshot, m.scrubber = nil, nil, server.Output{}, nil, scrubber{}
	m.vote = 0
	m.queue, m.writing, m.paused, m.lingers, m.inputs, m.alarm = nil, false, false, false, 0, 0
	m.backlog = nil
	clear(m.calls)
	m.world.judge.fell(m)
	for client := range m.world.clients {
		silence := m.luck.Exponential(500 * millisecond)
		if m.luck.Chance(draw.Million / 2) {
			silence = m.world.knobs.minDelay // the machine is up, and says that nobody listens
		}
		m.world.network.breakLink(client, m.place, silence, 0)
	}
	m.boot++
	m.luck = draw.New(m.world.config.Seed, "luck", m.place, int(m.boot))
	m.world.agenda.Add(m.world.now+back, event{kind: memberStarts, place: int32(m.place), boot: m.boot})
}
