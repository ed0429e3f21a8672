package sim

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"lockd/linearizability"
	"lockd/lockfsm"
	"lockd/raft"
	"lockd/schedule"
	"lockd/sim/agenda"
	"lockd/sim/draw"
)

// world is one run: members, clients and the resource, what connects them, and who judges them.
type world struct {
	config Config
	knobs  knobs
	now    time.Duration // true time
	agenda agenda.Agenda[event]
	hash   draw.Digest
	events uint64

	members  []*member
	clients  []*client
	resource resource
	epoch    lockfsm.Epoch // not zero in a world that succeeds another
	network  network
	nemesis  *nemesis
	judge    *judge
	healed   bool // the faults are over
	inquiry  draw.Draws

	accidents map[accident]bool // those of a schedule
	strikes   []schedule.Strike
	history   linearizability.History
	order     uint64 // counts the history's events

	counts    [schedule.Faults]Count
	probes    [probes]uint64
	grants    uint64
	releases  uint64
	contended uint64
	probed    uint64 // grants by which workers showed that the healed world works
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
		w.report(&report)
	}()
	if w.knobs.succeeds {
		w.succeed(predecessor(config))
	}
	w.begin()
	w.runUntil(config.Duration, func() bool { return false })
	w.judge.goal = w.judge.last()
	w.nemesis.heal()
	over := func() bool { return w.served() || w.hopeless() && w.now > config.Duration+10*second }
	w.runUntil(config.Duration+patience, over)
	w.settle()
	w.runUntil(config.Duration+patience, over) // who could not be waited for may have come back meanwhile, and lags
	hopeless := w.hopeless()                   // by now: what is replaced while everything is looked at once more does not count
	w.judge.finish()
	switch {
	case w.served():
		w.rise()
	case hopeless:
		w.noticed()
	default:
		fail(Liveness, "%v after a majority had healed, %s", patience, w.unserved())
	}
	w.judge.read(&w.history)
	if workers := w.workers(); w.probed < uint64(workers) && !hopeless {
		fail(Exercise, "%d workers were to be served after the healing, and %d grants were made", workers, w.probed)
	}
	return report
}

// calm is for how long nothing may change when everybody is served: whoever is left broken must not depose leaders for ever.
const calm = 3 * second

// settle watches a world in which everybody is served.
func (w *world) settle() {
	if !w.served() {
		return
	}
	before := w.judge.top
	w.runUntil(w.now+calm, func() bool { return false })
	if elections := (w.judge.top - before) % raft.Leap; elections > 3 {
		fail(Liveness, "the term rises by %d in the %v after everybody was served", elections, calm)
	}
}

// stopped ends a run that was to go so far and no farther.
type stopped struct{}

func (w *world) report(r *Report) {
	r.Hash, r.Events, r.Operations, r.Simulated = uint64(w.hash), w.events, uint64(len(w.history.Operations)), w.now
	r.Grants, r.Releases, r.Contended = w.grants, w.releases, w.contended
	r.Faults, r.Probes, r.Strikes = w.counts, w.reportProbes(), w.strikes
	if w.config.History {
		r.History = w.history
	}
	if w.config.Until != 0 {
		r.State = w.state()
	}
}

// sentence turns the end of a run into a verdict: how it was broken off, if it was.
func (w *world) sentence(cause any, report *Report) {
	report.Verdict = Pass
	switch c := cause.(type) {
	case nil:
		if long := w.config.Duration >= time.Minute; w.grants == 0 && !w.hopeless() || long && w.grants == w.probed && w.config.Until == 0 && !w.hopeless() {
			report.Verdict, report.Oracle, report.Message = Vacuous, Exercise, "nobody was granted anything while there were faults"
		}
	case stopped:
	case violation:
		report.Verdict, report.Oracle, report.Message = Unsafe, c.oracle, c.message
		switch c.oracle {
		case Liveness:
			report.Verdict = Stuck
		case Undecided:
			report.Verdict = Unknown
		case Exercise:
			report.Verdict = Vacuous
		}
	default:
		message := fmt.Sprint(c)
		report.Verdict, report.Oracle, report.Message = Broken, Harness, message+"\n"+string(debug.Stack())
		if panicsInProduct(message, string(debug.Stack())) {
			report.Verdict, report.Oracle, report.Message = Unsafe, Assertion, message
		}
	}
	if report.Message != "" {
		w.tell("%s: %s", report.Oracle, report.Message)
	}
}

// products are the packages whose failures are the product's, as they stand in a stack.
var products = []string{"lockd/raft.", "lockd/lockfsm.", "lockd/server.", "lockd/wal.", "lockd/wire.", "lockd/client/session."}

// panicsInProduct tells whether a panic is an assertion of the product's, or a failure of the runtime in its code, and not in the world's.
func panicsInProduct(message, stack string) bool {
	for _, product := range [...]string{"raft: ", "server: ", "lockfsm: ", "session: ", "wal: "} {
		if strings.HasPrefix(message, product) {
			return true
		}
	}
	_, above, _ := strings.Cut(stack, "\npanic(")
	for line := range strings.SplitSeq(above, "\n") {
		if strings.HasPrefix(line, "lockd/") {
			return slices.ContainsFunc(products, func(product string) bool { return strings.HasPrefix(line, product) })
		}
	}
	return false
}

func newWorld(config Config) *world {
	w := &world{config: config, knobs: drawKnobs(config), hash: draw.NewDigest().Word(config.Seed)}
	w.agenda = agenda.New[event](draw.New(config.Seed, "order"))
	w.resource.registers = map[uint64]*register{}
	if config.Schedule != nil {
		must(w.adopt(config.Schedule))
		if w.knobs.bendsServers() {
			w.knobs.leases = 0
		}
	}
	w.inquiry = draw.New(config.Seed, "inquiry")
	w.network = newNetwork(w)
	w.judge = newJudge(w)
	return w
}

// begin forms the cluster and starts everybody.
func (w *world) begin() {
	w.nemesis = newNemesis(w)
	if w.knobs.enabled[schedule.Drift] {
		w.strike(schedule.Drift)
		w.record(schedule.Strike{Fault: schedule.Drift, Number: 1, Amount: w.knobs.drift})
		w.observe(schedule.Drift)
	}
	first := w.first()
	for i := range w.founders() {
		first.Membership.Members = append(first.Membership.Members, raft.Member{ID: raft.ID(i + 1), Incarnation: incarnation(i)})
	}
	for i := range w.config.Members {
		m := newMember(w, i)
		w.members = append(w.members, m)
		if i < w.founders() {
			m.form(first)
			w.judge.formed(m)
		}
	}
	w.judge.founded(first.Membership)
	for i := range w.config.Clients {
		w.clients = append(w.clients, newClient(w, i))
	}
	for _, m := range w.members {
		m.start()
	}
	for _, c := range w.clients {
		w.agenda.Add(c.luck.Exponential(100*millisecond), event{kind: clientStarts, place: c.eventPlace()})
	}
}

// crowd is how many events one instant may have. More of them never come to an end: somebody asks again and again, and no time passes.
const crowd = 1_000_000

func (w *world) runUntil(end time.Duration, done func() bool) {
	at, since := w.now, w.events
	for !done() {
		if w.now != at {
			at, since = w.now, w.events
		}
		if w.events-since > crowd {
			fail(Liveness, "%d events at one instant, and no time passes", crowd)
		}
		at, any := w.agenda.Next()
		if !any || at > end {
			w.now = end
			return
		}
		w.now = at
		w.happen(w.agenda.Take())
	}
}

// happen lets one event happen, and mixes it into the run's hash.
func (w *world) happen(e event) {
	if e.kind == faultStrikes && !w.nemesis.strike(e.number) {
		return // nothing happened
	}
	w.events++
	if w.events == w.config.Until {
		panic(stopped{})
	}
	w.hash = w.hash.Word(uint64(w.now)).Word(uint64(e.kind)<<56 | uint64(e.place)<<32 | uint64(e.from)).Word(e.number).Bytes(e.bytes)
	switch e.kind {
	case peerMessage, peerLost, peerClosed, callsArrive, memberAlarm, memberDrain, diskDone, snapshotDone, scrubDue:
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
		if m := w.members[e.place]; m.boot == e.boot && m.paused && (m.core || !w.healed) {
			if len(m.backlog) > 0 {
				w.observe(schedule.Pause)
			}
			w.tell("server %d goes on", m.id)
			m.resume()
		}
	case clientResumes:
		if c := w.clients[int(e.place)-len(w.members)]; c.boot == e.boot && c.paused {
			if len(c.backlog) > 0 {
				w.observe(schedule.ClientPause)
			}
			w.tell("client %d goes on", c.place+1)
			c.resume()
		}
	case resourceAsked:
		w.serve(e)
	case faultEnds:
		w.nemesis.turn(int(e.number))
	case leaderFalls:
		if m := w.members[e.place]; m.boot == e.boot {
			w.nemesis.coup(m, e.number)
		}
	case voterFalls:
		if m := w.members[e.place]; m.boot == e.boot && m.up() {
			w.nemesis.betray(m, w.members[e.from])
		}
	case clockTurns:
		w.turnClock(e)
	case oathBreaks:
		if m := w.members[e.place]; m.boot == e.boot && m.up() && m.writing && !w.healed {
			w.tell("server %d loses power while its vote for %d is written", m.id, m.vote)
			w.observe(schedule.BrokenOath)
			m.crashDisk()
			m.fall(millisecond + m.luck.Exponential(5*millisecond))
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
		if m.lags() {
			return false
		}
	}
	return true
}

// lags tells whether a member that is to catch up has not yet. So are those with damaged logs: the others repair them.
func (m *member) lags() bool {
	if !m.world.judge.member(m) || m.lost != "" || !m.core && !m.convalescent() || m.waitsInVain() {
		return false
	}
	return !m.up() || m.server.Node().Status().Applied < raft.Index(m.world.judge.goal)
}

// hopeless tells whether a majority of the disks is destroyed: then there is nothing to be demanded but that nobody is told anything wrong.
func (w *world) hopeless() bool {
	damaged := 0
	for _, m := range w.members {
		if m.damaged() {
			damaged++
		}
	}
	return 2*damaged > len(w.members)
}

// noticed demands of such a world that somebody said so.
func (w *world) noticed() {
	for _, m := range w.members {
		if m.noticed {
			return
		}
	}
	fail(Exercise, "a majority of the disks is destroyed, and no server has found anything wrong with its own")
}

func (w *world) workers() (count int) {
	for _, c := range w.clients {
		count += len(c.workers)
	}
	return count
}

// unserved says who still waits.
func (w *world) unserved() string {
	for _, c := range w.clients {
		for _, worker := range c.workers {
			switch {
			case worker.proven:
			case worker.stage == waiting:
				return fmt.Sprintf("client %d still waits for lock %s, since %v: %s", c.place+1, worker.name, worker.since, w.standing(worker))
			default:
				return fmt.Sprintf("client %d was not granted the probe", c.place+1)
			}
		}
	}
	for _, m := range w.members {
		if !m.lags() {
			continue
		}
		if !m.up() {
			return fmt.Sprintf("server %d is down", m.id)
		}
		if applied := m.server.Node().Status().Applied; applied < w.judge.goal {
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

// drift draws a clock's rate: often as wrong as the protocol allows. Worst is the sign of what is worst for leases.
func (w *world) drift(d draw.Draws, worst int64) int64 {
	bound := w.knobs.skew
	rate := draw.Pick(d, -bound, bound, int64(d.Below(int(2*bound+1)))-bound)
	switch {
	case !w.knobs.enabled[schedule.Drift]:
		return 0
	case w.knobs.opposed:
		return worst * bound
	}
	return rate
}

// strike counts a fault that was injected, observe one that was seen to make a difference.
func (w *world) strike(f schedule.Fault) { w.counts[f].Injected++ }

func (w *world) observe(f schedule.Fault) { w.counts[f].Observed++ }

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
