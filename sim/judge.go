package sim

import (
	"slices"
	"time"

	"lockd/linearizability"
	"lockd/lockfsm"
	"lockd/raft"
	"lockd/schedule"
	"lockd/sim/draw"
)

// How often the costly invariants are looked at: once in so many drains of a member.
const (
	checkLogEvery     = 64
	checkMachineEvery = 512
)

// judge watches consensus from outside: it knows what every member did, and what all of them together may do. What the
// entries mean, it asks its book.
type judge struct {
	world   *world
	watches []watch
	leaders map[raft.Term]raft.Member
	roll    roll
	top     raft.Term  // the highest term that had a leader
	base    raft.Index // the one before the first that a log holds
	chosen  []chosen   // the entries that some member has applied, from base on
	births  map[born]birth
	stamps  map[string]time.Duration // of each lock's last grant, by the wall clock of its holder
	strayed map[lockfsm.Token]bool   // given back by somebody else than their holders
	ahead   time.Duration            // by how much cluster time ran ahead of the promise, all members together
	book    *book
	told    lockfsm.Token // the highest that any client was told
	goal    raft.Index    // what every member must have applied after healing
	drains  uint64
}

// watch is what the judge knows of one member.
type watch struct {
	term    raft.Term // of the present process
	commit  raft.Index
	applied raft.Index
	end     raft.Index // of its log, when it was drained last
	role    raft.Role
	led     raft.Term     // the last term that it was seen to lead
	reign   time.Duration // since when
	dawn    raft.Index    // its commit index when that began; zero: it has committed something since
	durable shadow        // what its disk must have
	count   counting
	pending []raft.Record
	debt    *debt              // what its disk held and can't be read; nil: nothing
	asked   map[raft.ID]ballot // who asked it for its vote, and with which log
	loyal   loyalty
	bare    bool // it has lost its snapshot, and no leader has given it another one yet
}

// chosen is an entry that was committed.
type chosen struct {
	term    raft.Term
	content draw.Digest
	state   uint64          // the machine's digest after it
	version lockfsm.Version // in force after it
}

// birth is before which instant an entry was not proposed, and how the total of ahead stood then.
type birth struct {
	at, ahead time.Duration
	drained   time.Duration // after which it was not proposed
}

// born names a proposal: a place in the log and the term in which it was made.
type born struct {
	index raft.Index
	term  raft.Term
}

func newJudge(w *world) *judge {
	book := newBook(w)
	return &judge{
		world: w, watches: make([]watch, w.config.Members), leaders: map[raft.Term]raft.Member{}, base: w.first().Index - 1,
		chosen: []chosen{{}, {term: 1, state: book.replica.Digest(), version: lockfsm.Oldest}}, births: map[born]birth{}, strayed: map[lockfsm.Token]bool{}, stamps: map[string]time.Duration{}, book: book,
	}
}

// last is the index of the last entry that is known to be committed.
func (j *judge) last() raft.Index { return j.base + raft.Index(len(j.chosen)-1) }

func (j *judge) at(index raft.Index) chosen { return j.chosen[index-j.base] }

func (j *judge) watch(m *member) *watch { return &j.watches[m.place] }

// stepped looks at a member after each step.
func (j *judge) stepped(m *member) {
	node, w := m.server.Node(), j.watch(m)
	term := node.Term()
	leads := node.Role() == raft.Leader && w.led == term
	j.ahead += w.count.step(j.world.now, m.now(), j.world.knobs.heartbeat, j.world.knobs.drift, leads)
	if term < w.term {
		j.fail(Monotonic, "the term of server %d falls from %d to %d", m.id, w.term, term)
	}
	w.term = term
	if node.Role() != raft.Leader {
		return
	}
	if w.led != term {
		w.led, w.dawn, w.reign = term, node.Status().Commit, j.world.now
		j.elected(m, term)
		j.world.nemesis.crown(m)
	}
	if w.dawn != 0 && node.Status().Commit > w.dawn {
		w.dawn = 0
		j.world.nemesis.triumph(m)
	}
}

// elected judges a new leader: it is the only one of its term, and it has all that was committed.
func (j *judge) elected(m *member, term raft.Term) {
	j.world.tell("server %d leads term %d", m.id, term)
	self := raft.Member{ID: m.id, Incarnation: m.incarnation()}
	if other, any := j.leaders[term]; any && other != self {
		j.fail(Election, "servers %d and %d both lead term %d", other.ID, m.id, term)
	}
	j.leaders[term] = self
	j.unleased(m, term)
	if term < j.top {
		return // what a later leader has committed since, it need not have
	}
	j.top = term
	last := j.last()
	status := m.server.Node().Status()
	if last < status.First {
		return
	}
	entries := m.server.Node().Entries(last)
	if status.Last < last || len(entries) == 0 || entries[0].Term != j.at(last).term {
		j.fail(Completeness, "server %d leads term %d without entry %d, which is committed", m.id, term, last)
	}
}

// proposed notes when entries were first seen at a member.
func (j *judge) proposed(m *member, entries []raft.Entry) {
	for i := range entries {
		e := &entries[i]
		j.roll.propose(e)
		if e.Index <= j.last() {
			continue // nobody will ask
		}
		if _, known := j.births[born{e.Index, e.Term}]; !known {
			j.births[born{e.Index, e.Term}] = birth{m.since, m.ahead, j.world.now}
		}
	}
}

// drained looks at a member after each drain: at what it proposes, and at what it has applied.
func (j *judge) drained(m *member) {
	node, w := m.server.Node(), j.watch(m)
	j.raises(m)
	j.proposed(m, m.output.Record.Entries)
	status := node.Status()
	if node.Role() == raft.Leader {
		j.proposed(m, node.Entries(w.end+1)) // what it gathers is in no record yet
	}
	w.end = status.Last
	if status.Commit < w.commit {
		j.fail(Monotonic, "the commit index of server %d falls from %d to %d", m.id, w.commit, status.Commit)
	}
	w.commit = status.Commit
	if role := node.Role(); role != w.role {
		if w.role == raft.Leader {
			j.world.hit(leaderDeposed)
			if status.Stalled {
				j.world.hit(stalledLeaderGone)
			}
		}
		w.role = role
	}
	if status.Applied > w.applied {
		j.apply(m, w.applied+1, status.Applied)
		w.applied = status.Applied
		j.compare(m)
	}
	j.drains++
	if j.drains%checkLogEvery == 0 {
		node.Check()
	}
	if j.drains%checkMachineEvery == 0 {
		if err := m.server.Machine().Check(); err != nil {
			j.fail(Assertion, "the machine of server %d: %v", m.id, err)
		}
	}
}

// apply takes note of what a member has applied. What came by a snapshot must have been applied by others before.
func (j *judge) apply(m *member, from, to raft.Index) {
	entries := m.server.Node().Entries(from)
	for i := range entries {
		e := &entries[i]
		if e.Index > to {
			break
		}
		if e.Index > j.last()+1 {
			j.fail(Matching, "server %d has applied entry %d, and nobody the one before", m.id, e.Index)
		}
		j.choose(m, e)
	}
	if to > j.last() {
		j.fail(Matching, "server %d was given a snapshot at %d, but only entries up to %d are committed", m.id, to, j.last())
	}
}

func (j *judge) choose(m *member, e *raft.Entry) {
	content := draw.NewDigest().Word(uint64(e.Kind)).Word(uint64(e.Time)).Bytes(e.Data)
	if e.Index <= j.last() {
		first := j.at(e.Index)
		if first.term != e.Term || first.content != content {
			j.fail(Matching, "server %d applies another entry %d than was committed: of term %d, not %d", m.id, e.Index, e.Term, first.term)
		}
		return
	}
	j.rests(m, e)
	j.enroll(m, e)
	state := j.book.enter(e, j.births[born{e.Index, e.Term}])
	delete(j.births, born{e.Index, e.Term})
	j.chosen = append(j.chosen, chosen{term: e.Term, content: content, state: state, version: j.book.version})
}

// compare holds a member's state against that of one which has applied the same entries one by one.
func (j *judge) compare(m *member) {
	machine := m.server.Machine()
	revision := machine.Revision()
	if revision <= 1 {
		return
	}
	should := j.at(raft.Index(revision))
	if machine.Version() != should.version {
		j.fail(InForce, "at server %d version %d is in force after entry %d, and should be version %d", m.id, machine.Version(), revision, should.version)
	}
	if machine.Digest() != should.state {
		j.fail(StateMachine, "server %d is in another state than it should be after entry %d", m.id, revision)
	}
}

// fail is the verdict of a judge who watches. When the run has one judge alone, the others are not heard.
func (j *judge) fail(oracle Oracle, format string, arguments ...any) {
	if alone := j.world.config.Judge; alone == "" || alone == oracle {
		fail(oracle, format, arguments...)
	}
}

// appended notes a record that is on its way to a member's disk.
func (j *judge) appended(m *member, r *raft.Record) {
	w := j.watch(m)
	j.legible(m, r.Snapshot, r.Entries)
	if r.Snapshot != nil {
		j.world.hit(snapshotInstalled)
		if w.bare {
			w.bare = false
			j.world.hit(stateLost)
		}
	} else if len(r.Entries) > 0 && r.Entries[0].Index <= w.durable.base+raft.Index(len(w.durable.terms)) {
		j.world.hit(entriesCut)
	}
	w.pending = append(w.pending, *r)
}

// persisted notes that a member is told that its records are durable.
func (j *judge) persisted(m *member, sequence uint64) {
	w := j.watch(m)
	done := 0
	for ; done < len(w.pending) && w.pending[done].Sequence <= sequence; done++ {
		j.promised(m, &w.pending[done])
		j.assured(m, w.pending[done].Term)
		w.durable.write(&w.pending[done])
	}
	w.pending = append(w.pending[:0], w.pending[done:]...)
	j.repaid(m)
}

// promised judges a record that has become durable: no term falls, and no vote of a term is changed.
func (j *judge) promised(m *member, r *raft.Record) {
	disk := &j.watch(m).durable
	if r.Term < disk.term || r.Term == disk.term && disk.vote != 0 && r.Vote != disk.vote {
		j.fail(Monotonic, "server %d has promised term %d and its vote to %d, and now writes term %d and a vote for %d", m.id, disk.term, disk.vote, r.Term, r.Vote)
	}
}

// formed notes what a member's disk holds when the cluster is formed.
func (j *judge) formed(m *member) {
	j.watch(m).durable = shadow{term: 1, base: j.world.first().Index, under: 1}
}

// replaced notes that a member's disk is another, empty one.
func (j *judge) replaced(m *member) {
	w := j.watch(m)
	w.durable, w.debt, w.pending = shadow{}, nil, w.pending[:0]
}

// fell forgets what only the process knew.
func (j *judge) fell(m *member) {
	w := j.watch(m)
	w.term, w.commit, w.applied, w.role, w.loyal, w.asked = 0, 0, 0, 0, loyalty{}, nil
}

// started looks at a machine that was just restored.
func (j *judge) started(m *member) {
	j.watch(m).count.begin(j.world.now, m.now())
	j.compare(m)
}

// toldGrant judges what a client is told, at the moment at which it begins to believe it.
func (j *judge) toldGrant(w *worker, current lockfsm.Token) {
	client := w.client
	if current != w.token {
		j.fail(Reply, "client %d is told that it holds lock %s under token %d, by an answer that says that token %d holds it",
			client.place+1, w.name, w.token, current)
	}
	g, known := j.book.grants[w.token]
	if !known || g.name != w.name || g.session != client.session.ID() {
		j.fail(Reply, "client %d is told that it holds lock %s under token %d, which nobody granted", client.place+1, w.name, w.token)
	}
	if w.token <= w.floor {
		j.fail(Tokens, "client %d asked for lock %s after token %d was known, and got token %d", client.place+1, w.name, w.floor, w.token)
	}
	j.told = max(j.told, w.token)
	j.stamp(w)
	if !client.excused(w, j.ahead) {
		j.alone(w)
	}
}

// stamp looks at how the clients' wall clocks order two grants of a lock that follow each other. Who took them for tokens would be wrong.
func (j *judge) stamp(w *worker) {
	by := j.world.now + w.client.wall
	if by < j.stamps[w.name] {
		j.world.observe(schedule.WallJump)
	}
	j.stamps[w.name] = by
}

// alone judges that nobody but the worker believes in its lock.
func (j *judge) alone(w *worker) {
	client := w.client
	for _, other := range j.world.clients {
		for _, rival := range other.workers {
			if rival != w && rival.name == w.name && rival.believes() && !other.excused(rival, j.ahead) {
				j.fail(Belief, "clients %d and %d both believe that they hold lock %s, under tokens %d and %d",
					other.place+1, client.place+1, w.name, rival.token, w.token)
			}
		}
	}
}

// believes tells whether the worker, were it to look at its clock now, would find its lock held.
func (w *worker) believes() bool {
	c := w.client
	return (w.stage == holding || w.stage == leaving) && c.session != nil && c.session.Held(c.now(), w.handle)
}

// excused tells whether a belief in a worker's lock is no fault of the client: it looks and finds nothing held, somebody else gave the lock
// back under its token, or what clocks have done wrong explains all that it has left of its lease.
func (c *client) excused(w *worker, ahead time.Duration) bool {
	if !c.session.Held(c.now(), w.handle) || w.client.world.judge.strayed[w.token] {
		return true
	}
	left := c.session.Until() - c.now() // of a lease that is over, nothing excuses anything
	return left > 0 && left <= c.sworn.since(ahead, c.clock.behind(c.world.now), c.world.knobs.drift)
}

// ended judges the end of a grant that its holder did not ask for: by now it must not believe in it.
func (j *judge) ended(session lockfsm.SessionID) {
	for _, c := range j.world.clients {
		if c.session == nil || c.session.ID() != session {
			continue
		}
		for _, w := range c.workers {
			if w.believes() && !c.excused(w, j.ahead) {
				j.fail(Belief, "client %d believes that it holds lock %s, token %d, but its session has expired", c.place+1, w.name, w.token)
			}
		}
	}
}

// written judges a write that the resource is about to take.
func (j *judge) written(r *register, d demand) {
	if d.token < r.mark {
		j.fail(Fencing, "the resource takes token %d after token %d", d.token, r.mark)
	}
	if r.value != d.base {
		j.fail(Fencing, "an update is lost: token %d writes over what token %d wrote, and had read what token %d wrote", d.token, r.value, d.base)
	}
}

// finish looks at everything once more.
func (j *judge) finish() {
	for _, m := range j.world.members {
		if !m.up() {
			continue
		}
		m.server.Node().Check()
		m.healsInTime()
		if err := m.server.Machine().Check(); err != nil {
			j.fail(Assertion, "the machine of server %d: %v", m.id, err)
		}
	}
}

// steps bounds what porcupine may try for one history. It is counted, not timed, so that a verdict is the same everywhere.
const steps = 20_000_000

// read judges the clients' history as a whole.
func (j *judge) read(h *linearizability.History) {
	if !slices.Contains([]Oracle{"", Linearizable, Sweep, Tokens, Fencing}, j.world.config.Judge) {
		return
	}
	h.Drift, h.Slack = j.world.knobs.drift, j.ahead
	verdict := j.verdict(h)
	switch {
	case verdict.Result == linearizability.Fail:
		j.fail(Oracle(verdict.Violation.Oracle), "%s", verdict.Violation.Message)
	case verdict.Result == linearizability.Undecided:
		fail(Undecided, "the judges of the history gave up after %d steps", steps)
	}
	if verdict.Skipped > 0 {
		j.world.hit(historyLeftToSweep)
	}
}

func (j *judge) verdict(h *linearizability.History) linearizability.Verdict {
	switch j.world.config.Judge {
	case Linearizable:
		return linearizability.Porcupine(h, steps)
	case Sweep:
		return linearizability.Sweep(h)
	}
	return linearizability.Judge(h, steps)
}
