package sim

import (
	"time"

	"lockd/lockfsm"
	"lockd/raft"
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
	leaders map[raft.Term]raft.ID
	top     raft.Term // the highest term that had a leader
	chosen  []chosen  // the entries that some member has applied, from index 1 on
	births  map[born]time.Duration
	book    *book
	told    lockfsm.Token // the highest that any client was told
	goal    int           // what every member must have applied after healing
	drains  uint64
}

// watch is what the judge knows of one member.
type watch struct {
	term    raft.Term // of the present process
	commit  raft.Index
	applied raft.Index
	led     raft.Term  // the last term that it was seen to lead
	dawn    raft.Index // its commit index when that began; zero: it has committed something since
	durable shadow     // what its disk must have
	pending []raft.Record
}

// chosen is an entry that was committed.
type chosen struct {
	term    raft.Term
	content digest
	state   uint64 // the machine's digest after it
}

// born names a proposal: a place in the log and the term in which it was made.
type born struct {
	index raft.Index
	term  raft.Term
}

func newJudge(w *world) *judge {
	return &judge{
		world: w, watches: make([]watch, w.config.Members), leaders: map[raft.Term]raft.ID{},
		chosen: []chosen{{}, {term: 1}}, births: map[born]time.Duration{}, book: newBook(w),
	}
}

func (j *judge) watch(m *member) *watch { return &j.watches[m.place] }

// stepped looks at a member after each step.
func (j *judge) stepped(m *member) {
	node, w := m.server.Node(), j.watch(m)
	term := node.Term()
	if term < w.term {
		fail(Monotonic, "the term of server %d falls from %d to %d", m.id, w.term, term)
	}
	w.term = term
	if node.Role() != raft.Leader {
		return
	}
	if w.led != term {
		w.led, w.dawn = term, node.Status().Commit
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
	if other, any := j.leaders[term]; any && other != m.id {
		fail(Election, "servers %d and %d both lead term %d", other, m.id, term)
	}
	j.leaders[term] = m.id
	if term < j.top {
		return // what a later leader has committed since, it need not have
	}
	j.top = term
	last := raft.Index(len(j.chosen) - 1)
	status := m.server.Node().Status()
	if last < status.First {
		return
	}
	entries := m.server.Node().Entries(last)
	if status.Last < last || len(entries) == 0 || entries[0].Term != j.chosen[last].term {
		fail(Completeness, "server %d leads term %d without entry %d, which is committed", m.id, term, last)
	}
}

// drained looks at a member after each drain: at what it proposes, and at what it has applied.
func (j *judge) drained(m *member) {
	node, w := m.server.Node(), j.watch(m)
	for i := range m.output.Record.Entries {
		e := &m.output.Record.Entries[i]
		if _, known := j.births[born{e.Index, e.Term}]; !known {
			j.births[born{e.Index, e.Term}] = m.since
		}
	}
	status := node.Status()
	if status.Commit < w.commit {
		fail(Monotonic, "the commit index of server %d falls from %d to %d", m.id, w.commit, status.Commit)
	}
	w.commit = status.Commit
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
			fail(Assertion, "the machine of server %d: %v", m.id, err)
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
		if int(e.Index) > len(j.chosen) {
			fail(Matching, "server %d has applied entry %d, and nobody the one before", m.id, e.Index)
		}
		j.choose(m, e)
	}
	if int(to) >= len(j.chosen) {
		fail(Matching, "server %d was given a snapshot at %d, but only %d entries are committed", m.id, to, len(j.chosen)-1)
	}
}

func (j *judge) choose(m *member, e *raft.Entry) {
	content := newDigest().word(uint64(e.Kind)).word(uint64(e.Time)).bytes(e.Data)
	if int(e.Index) < len(j.chosen) {
		first := j.chosen[e.Index]
		if first.term != e.Term || first.content != content {
			fail(Matching, "server %d applies another entry %d than was committed: of term %d, not %d", m.id, e.Index, e.Term, first.term)
		}
		return
	}
	state := j.book.enter(e, j.births[born{e.Index, e.Term}])
	j.chosen = append(j.chosen, chosen{term: e.Term, content: content, state: state})
}

// compare holds a member's state against that of one which has applied the same entries one by one.
func (j *judge) compare(m *member) {
	machine := m.server.Machine()
	if revision := machine.Revision(); revision > 1 && machine.Digest() != j.chosen[revision].state {
		fail(StateMachine, "server %d is in another state than it should be after entry %d", m.id, revision)
	}
}

// appended notes a record that is on its way to a member's disk.
func (j *judge) appended(m *member, r *raft.Record) {
	w := j.watch(m)
	w.pending = append(w.pending, *r)
}

// persisted notes that a member is told that its records are durable.
func (j *judge) persisted(m *member, sequence uint64) {
	w := j.watch(m)
	done := 0
	for ; done < len(w.pending) && w.pending[done].Sequence <= sequence; done++ {
		w.durable.write(&w.pending[done])
	}
	w.pending = append(w.pending[:0], w.pending[done:]...)
}

// formed notes what a member's disk holds when the cluster is formed.
func (j *judge) formed(m *member) {
	j.watch(m).durable = shadow{term: 1, base: 1}
}

// fell forgets what only the process knew.
func (j *judge) fell(m *member) {
	w := j.watch(m)
	w.term, w.commit, w.applied = 0, 0, 0
}

// recovered holds what a member finds on its disk against what it was told is there.
func (j *judge) recovered(m *member, stored *raft.Stored) {
	w := j.watch(m)
	if lost := w.durable.missing(stored, w.pending); lost != "" {
		fail(Durability, "server %d comes back without what was durable: %s", m.id, lost)
	}
	w.durable.adopt(stored)
	w.pending = w.pending[:0]
	w.term, w.commit, w.applied = stored.Term, stored.Snapshot.Index, stored.Snapshot.Index
}

// started looks at a machine that was just restored.
func (j *judge) started(m *member) { j.compare(m) }

// toldGrant judges what a client is told, at the moment at which it begins to believe it.
func (j *judge) toldGrant(w *worker) {
	client := w.client
	g, known := j.book.grants[w.token]
	if !known || g.name != w.name || g.session != client.session.ID() {
		fail(Reply, "client %d is told that it holds lock %s under token %d, which nobody granted", client.place, w.name, w.token)
	}
	if w.token <= w.floor {
		fail(Tokens, "client %d asked for lock %s after token %d was known, and got token %d", client.place, w.name, w.floor, w.token)
	}
	j.told = max(j.told, w.token)
	for _, other := range j.world.clients {
		for _, rival := range other.workers {
			if rival != w && rival.name == w.name && rival.believes() {
				fail(Belief, "clients %d and %d both believe that they hold lock %s, under tokens %d and %d",
					other.place, client.place, w.name, rival.token, w.token)
			}
		}
	}
}

// believes tells whether the worker, were it to look at its clock now, would find its lock held.
func (w *worker) believes() bool {
	c := w.client
	return w.stage == holding && c.session != nil && c.session.Held(c.now(), w.handle)
}

// ended judges the end of a grant that its holder did not ask for: by now it must not believe in it.
func (j *judge) ended(session lockfsm.SessionID) {
	for _, c := range j.world.clients {
		if c.session == nil || c.session.ID() != session {
			continue
		}
		for _, w := range c.workers {
			if w.believes() {
				fail(Belief, "client %d believes that it holds lock %s, token %d, but its session has expired", c.place, w.name, w.token)
			}
		}
	}
}

// written judges a write that the resource is about to take.
func (j *judge) written(r *register, d demand) {
	if d.token < r.mark {
		fail(Fencing, "the resource takes token %d after token %d", d.token, r.mark)
	}
	if r.value != d.base {
		fail(Fencing, "an update is lost: token %d writes over %d what it had read as %d, written by token %d", d.token, r.value, d.base, r.writer)
	}
}

// finish looks at everything once more.
func (j *judge) finish() {
	for _, m := range j.world.members {
		if !m.up() {
			continue
		}
		m.server.Node().Check()
		if err := m.server.Machine().Check(); err != nil {
			fail(Assertion, "the machine of server %d: %v", m.id, err)
		}
	}
}
