package sim

import (
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"lockd/raft"
)

// world is one run: members, clients and the resource, what connects them, and who judges them.
type world struct {
	config Config
	knobs  knobs
	now    time.Duration // true time
	agenda agenda
	hash   digest
	events uint64

	members  []*member
	clients  []*client
	resource resource
	network  network
	nemesis  *nemesis
	judge    *judge
	healed   bool // the faults are over

	counts    [Faults]Count
	grants    uint64
	lost      uint64 // sessions
	fenced    uint64 // demands that the resource refused
	writes    uint64 // writes that it took
	snapshots uint64
}

// patience is how long after the healing everybody must have been served: longer than the longest lease, and an election, and
// the work of all who wait.
const patience = 90 * second

// Run runs a world from its seed, and judges it.
func Run(config Config) (report Report) {
	report.Seed = config.Seed
	if err := config.check(); err != nil {
		panic(err)
	}
	w := newWorld(config)
	defer func() {
		w.sentence(recover(), &report)
		report.Hash, report.Events, report.Grants = uint64(w.hash), w.events, w.grants
		report.Simulated, report.Faults = w.now, w.counts
	}()
	w.begin()
	w.runUntil(config.Duration, func() bool { return false })
	w.judge.goal = len(w.judge.chosen) - 1
	w.nemesis.heal()
	w.runUntil(config.Duration+patience, w.served)
	w.judge.finish()
	if !w.served() {
		fail(Liveness, "%v after everything had healed, %s", patience, w.unserved())
	}
	return report
}

// sentence turns the end of a run into a verdict: how it was broken off, if it was.
func (w *world) sentence(cause any, report *Report) {
	report.Verdict = Pass
	switch c := cause.(type) {
	case nil:
		if w.grants == 0 {
			report.Verdict, report.Oracle, report.Message = Vacuous, Exercise, "nobody was granted anything"
		}
	case violation:
		report.Verdict, report.Oracle, report.Message = Unsafe, c.oracle, c.message
		if c.oracle == Liveness {
			report.Verdict = Stuck
		}
	default:
		message := fmt.Sprint(c)
		report.Verdict, report.Oracle, report.Message = Broken, Harness, message+"\n"+string(debug.Stack())
		for _, product := range [...]string{"raft: ", "server: ", "lockfsm: ", "session: ", "wal: "} {
			if strings.HasPrefix(message, product) {
				report.Verdict, report.Oracle, report.Message = Unsafe, Assertion, message
			}
		}
	}
	if report.Message != "" {
		w.tell("%s: %s", report.Oracle, report.Message)
	}
}

func newWorld(config Config) *world {
	w := &world{config: config, knobs: drawKnobs(config.Seed), hash: newDigest().word(config.Seed)}
	w.agenda.order = newDraws(config.Seed, "order")
	w.resource.registers = map[uint64]*register{}
	w.network = newNetwork(w)
	w.judge = newJudge(w)
	return w
}

// begin forms the cluster and starts everybody.
func (w *world) begin() {
	w.nemesis = newNemesis(w)
	if w.knobs.enabled[Drift] {
		w.strike(Drift)
		w.observe(Drift)
	}
	var membership raft.Membership
	for i := range w.config.Members {
		membership.Members = append(membership.Members, raft.Member{ID: raft.ID(i + 1), Incarnation: incarnation(i)})
	}
	for i := range w.config.Members {
		m := newMember(w, i)
		w.members = append(w.members, m)
		m.form(membership)
		w.judge.formed(m)
	}
	for i := range w.config.Clients {
		w.clients = append(w.clients, newClient(w, i))
	}
	for _, m := range w.members {
		m.start()
	}
	for _, c := range w.clients {
		w.agenda.add(c.luck.exponential(100*millisecond), event{kind: clientStarts, place: c.eventPlace()})
	}
}

func (w *world) runUntil(end time.Duration, done func() bool) {
	for !done() {
		at, any := w.agenda.next()
		if !any || at > end {
			w.now = end
			return
		}
		w.now = at
		w.happen(w.agenda.take())
	}
}

// happen lets one event happen, and mixes it into the run's hash.
func (w *world) happen(e event) {
	w.events++
	w.hash = w.hash.word(uint64(w.now)).word(uint64(e.kind)<<56 | uint64(e.place)<<32 | uint64(e.from)).word(e.number).bytes(e.bytes)
	switch e.kind {
	case peerMessage, peerLost, peerClosed, callsArrive, memberAlarm, memberDrain, diskDone, snapshotDone:
		w.members[e.place].take(e)
	case linkBroken:
		if int(e.place) < len(w.members) {
			w.members[e.place].take(e)
		} else {
			w.clients[int(e.place)-len(w.members)].take(e)
		}
	case repliesArrive, clientAlarm, clientStarts, workerActs, resourceAnswers:
		w.clientAt(e).take(e)
	case memberStarts:
		if m := w.members[e.place]; m.boot == e.boot && !m.up() {
			m.start()
		}
	case memberResumes:
		if m := w.members[e.place]; m.boot == e.boot && m.paused {
			if len(m.backlog) > 0 {
				w.observe(Pause)
			}
			w.tell("server %d goes on", m.id)
			m.resume()
		}
	case clientResumes:
		if c := w.clients[int(e.place)-len(w.members)]; c.paused {
			if len(c.backlog) > 0 {
				w.observe(ClientPause)
			}
			w.tell("client %d goes on", c.place)
			c.resume()
		}
	case resourceAsked:
		w.serve(e)
	case faultStrikes:
		w.nemesis.strike(Fault(e.number))
	case faultEnds:
		w.nemesis.end(int(e.number))
	case leaderFalls:
		if m := w.members[e.place]; m.boot == e.boot {
			w.nemesis.coup(m)
		}
	case oathBreaks:
		if m := w.members[e.place]; m.boot == e.boot && m.up() && m.writing && !w.healed {
			w.tell("server %d loses power while its vote for %d is written", m.id, m.vote)
			w.observe(BrokenOath)
			m.disk.Crash()
			m.fall(millisecond + m.luck.exponential(5*millisecond))
		}
	}
}

// clientAt is the client of an event: replies name it by its own number, all else by its place.
func (w *world) clientAt(e event) *client {
	if e.kind == repliesArrive {
		return w.clients[e.place]
	}
	return w.clients[int(e.place)-len(w.members)]
}

// served tells whether the healed world has nothing left to do: everybody was granted the probe, and all members have
// caught up.
func (w *world) served() bool {
	for _, c := range w.clients {
		for _, worker := range c.workers {
			if !worker.proven {
				return false
			}
		}
	}
	for _, m := range w.members {
		if !m.up() || m.server.Node().Status().Applied < raft.Index(w.judge.goal) {
			return false
		}
	}
	return true
}

// unserved says who still waits.
func (w *world) unserved() string {
	for _, c := range w.clients {
		for _, worker := range c.workers {
			switch {
			case worker.proven:
			case worker.stage == waiting:
				return fmt.Sprintf("client %d still waits for lock %s, since %v: %s", c.place, worker.name, worker.since, w.standing(worker))
			default:
				return fmt.Sprintf("client %d was not granted the probe", c.place)
			}
		}
	}
	for _, m := range w.members {
		if !m.up() {
			return fmt.Sprintf("server %d is down", m.id)
		}
		if applied := m.server.Node().Status().Applied; applied < raft.Index(w.judge.goal) {
			return fmt.Sprintf("server %d has applied %d entries of %d", m.id, applied, w.judge.goal)
		}
	}
	return "everybody is served"
}

// standing says how the log has a worker's request.
func (w *world) standing(of *worker) string {
	session := of.client.session.ID()
	for _, h := range w.judge.book.holds {
		if h.name == of.name && h.session == session {
			return fmt.Sprintf("session %d holds it as token %d and was not told", session, h.token)
		}
	}
	for _, t := range w.judge.book.queue {
		if t.name == of.name && t.session == session {
			h := w.judge.book.holder(of.name)
			return fmt.Sprintf("session %d is queued at place %d, while session %d holds it as token %d", session, t.place, h.session, h.token)
		}
	}
	return fmt.Sprintf("session %d neither holds it nor is queued for it", session)
}

// leader is the member that leads the highest term, nil when none does.
func (w *world) leader() *member {
	var leader *member
	for _, m := range w.members {
		if m.up() && m.server.Node().Role() == raft.Leader && (leader == nil || m.server.Node().Term() > leader.server.Node().Term()) {
			leader = m
		}
	}
	return leader
}

// befalls draws whether a fault befalls this message. The draw is made whether the fault is switched on or not.
func (w *world) befalls(f Fault, d draws) bool {
	struck := d.chance(w.knobs.chance[f])
	return struck && w.knobs.enabled[f] && !w.healed
}

// drift draws a clock's rate: often as wrong as the protocol allows.
func (w *world) drift(d draws) int64 {
	bound := w.knobs.drift
	rate := pick(d, -bound, bound, int64(d.below(int(2*bound+1)))-bound)
	if !w.knobs.enabled[Drift] {
		return 0
	}
	return rate
}

// strike counts a fault that was injected; of one that befalls a message, the difference is made at once.
func (w *world) strike(f Fault) {
	w.counts[f].Injected++
	switch f {
	case Loss, Duplicate, Straggler, ClientReset, ClientGhost, Stray:
		w.observe(f)
	}
}

func (w *world) observe(f Fault) { w.counts[f].Observed++ }

func (w *world) tell(format string, arguments ...any) {
	if w.config.Tell != nil {
		w.config.Tell(w.now, fmt.Sprintf(format, arguments...))
	}
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("sim: %v", err))
	}
}
