package raft

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// world is a handful of nodes, their disks and the network between them, moved by a seeded random
// schedule. It is as small as it can be: the wider world with clients and real records is package sim.
type world struct {
	t        testing.TB
	random   *rand.Rand
	now      time.Duration
	nodes    []*member
	flying   []Envelope
	cut      [][]bool
	leaders  map[Term]Member
	chosen   []Entry // what was committed anywhere, by index-2 (index 1 is the founding snapshot)
	proposed int
	reads    map[uint64]Index // what was committed anywhere when the read began
	served   int
	installs int
	changes  int
	sealed   map[*Append]uint64 // the entries as they were when the message was sent

	rots    bool // logs lose parts when power is lost (repair_test.go)
	lapsing bool // they lose their last records alone, and members come and go
	rotted  int
	lapses  int
	bared   int
	ends    int
	votes   map[Term]map[Member]ID // who was told of whose vote
	tuning  Config
	weather weather
}

// weather is what one world is like, drawn from its seed: what it does often, and what it does to messages.
type weather struct {
	loss, repeat, reorder   int // of 100 messages
	hurry                   int // hundredths of an election timeout that pass at once, at most
	patience                int // a member is drained once in so many moves
	deliver, flush, pass    int // how often, compared to each other,
	propose, read, snapshot int // these things happen
	trouble, change         int
}

// member is one node and its disk.
type member struct {
	id          ID
	incarnation uint64
	node        *Node
	down        bool
	durable     Stored   // what a crash leaves
	writing     []Record // handed out, and not durable yet
	sealed      []uint64 // their entries as they were then
	older       []Entry  // what it had before it was cut last
	doubted     bool
	floor       Term     // in doubt: the highest that a voter had promised when it began
	past        []Stored // what its disk held before each of its records
	term        Term     // when it was looked at last
	commit      Index    // and then
	applied     []Entry
	base        Index // applied begins behind it
	output      Output
}

var seeds = flag.Uint64("seeds", 800, "how many clusters live through a random schedule")

// spares are nodes that are not of the cluster at first.
const spares = 2

const testTimeout = 100 * time.Millisecond

func testConfig(id ID, seed uint64) Config {
	return Config{
		ID: id, Incarnation: uint64(id), ElectionTimeout: testTimeout, Heartbeat: testTimeout / 5, Drift: 50_000, Random: rand.NewPCG(seed, uint64(id)),
		MaxAppendBytes: 64, MaxInflight: 4, MaxInflightBytes: 256, MinInflightBytes: 256, MaxUncommittedBytes: 1 << 20, ChunkBytes: 16, KeepBytes: 3 * entryCost,
	}
}

func foundation(size int) Stored {
	snapshot := Snapshot{Index: 1, Term: 1}
	for id := 1; id <= size; id++ {
		snapshot.Membership.Members = append(snapshot.Membership.Members, Member{ID: ID(id), Incarnation: uint64(id)})
	}
	return Stored{Term: 1, Snapshot: snapshot}
}

func newWorld(t testing.TB, seed uint64, size int) *world {
	w := &world{
		t: t, random: rand.New(rand.NewPCG(seed, 1)), leaders: map[Term]Member{}, reads: map[uint64]Index{}, votes: map[Term]map[Member]ID{}, sealed: map[*Append]uint64{},
	}
	upTo := func(most int) int { return 1 + w.random.IntN(most) }
	w.weather = weather{
		loss: w.random.IntN(15), repeat: w.random.IntN(15), reorder: w.random.IntN(50),
		hurry: upTo(40), patience: upTo(4),
		deliver: 20 + upTo(60), flush: upTo(25), pass: upTo(15),
		propose: upTo(15), read: upTo(6), snapshot: upTo(8), trouble: upTo(6),
		change: w.random.IntN(8),
	}
	w.tuning = testConfig(0, 0)
	w.tuning.MaxAppendBytes, w.tuning.MaxInflight, w.tuning.MaxInflightBytes = upTo(64), upTo(5), upTo(256)
	w.tuning.MinInflightBytes = upTo(w.tuning.MaxInflightBytes)
	w.tuning.ChunkBytes, w.tuning.KeepBytes = 3+upTo(40), w.random.IntN(6)*entryCost
	all := size + spares
	for id := ID(1); id <= ID(all); id++ {
		m := &member{id: id, incarnation: uint64(id)}
		if int(id) <= size {
			m.durable, m.base = foundation(size), 1
		}
		w.boot(m)
		w.nodes = append(w.nodes, m)
		w.cut = append(w.cut, make([]bool, all+1))
	}
	w.cut = append(w.cut, make([]bool, all+1))
	return w
}

// boot begins a member's life from what its disk holds.
func (w *world) boot(m *member) {
	config := w.tuning
	config.ID, config.Incarnation, config.Random = m.id, m.incarnation, rand.NewPCG(w.random.Uint64(), uint64(m.id))
	m.node = New(config, m.durable, w.now)
	m.base, m.applied = m.durable.Snapshot.Index, nil
	m.term, m.commit, m.floor = m.durable.Term, m.durable.Snapshot.Index, 0
	for _, other := range w.nodes {
		if m.node.InDoubt() && other != m && m.node.members().votes(other.id, other.incarnation) {
			m.floor = max(m.floor, other.durable.Term)
		}
	}
}

// store does to a durable state what a record says.
func (s *Stored) store(r Record) {
	if d := s.Damage; d != nil && d.Doubt && r.Term > s.Term {
		s.Damage = &Damage{End: LastWord(s.last(), r.Term), Behind: d.Behind}
	}
	s.Term, s.Vote = r.Term, r.Vote
	if r.Snapshot != nil {
		s.Snapshot, s.Entries = *r.Snapshot, nil
	}
	for _, e := range r.Entries {
		if e.Index <= s.Snapshot.Index {
			continue
		}
		s.Entries = append(slices.Clone(s.Entries[:e.Index-s.Snapshot.Index-1]), e)
	}
	s.mend()
}

// damage is what rot does to a log: entries first..last can't be read any more, those behind them can.
func (s *Stored) damage(first, last Index) {
	entries, under := s.Entries, s.Snapshot.Index+1
	end := Position{s.last(), s.term(s.last())}
	s.Entries = entries[: first-under : first-under]
	if s.Damage == nil {
		s.Damage = &Damage{End: end}
		if behind := entries[last+1-under:]; len(behind) > 0 {
			s.Damage.Behind = [][]Entry{behind}
		}
	}
}

// mend is what becomes of a damage when more was stored.
func (s *Stored) mend() {
	if s.Damage == nil {
		return
	}
	end := Position{s.Snapshot.Index, s.Snapshot.Term}
	if len(s.Entries) > 0 {
		end = Position{s.last(), s.term(s.last())}
	}
	left := Damage{End: s.Damage.End, Doubt: s.Damage.Doubt}
	for _, entries := range s.Damage.Behind {
		if entries[0].Index > end.Index {
			left.Behind = append(left.Behind, entries)
		}
	}
	s.Damage = &left
	if !left.Doubt && !end.Before(left.End) {
		s.Damage = nil
	}
}

func (w *world) drain(m *member) {
	m.node.Check()
	m.node.Drain(&m.output)
	out := &m.output
	w.checkMember(m)
	if out.Record.Sequence != 0 {
		m.writing = append(m.writing, out.Record)
		m.sealed = append(m.sealed, seal(out.Record.Entries))
	}
	for _, e := range out.Send {
		w.checkPromise(m, e)
		if a, ok := e.Message.(*Append); ok {
			w.sealed[a] = seal(a.Entries)
		}
	}
	w.flying = append(w.flying, out.Send...)
	if out.Install != nil {
		w.installs++
		m.base, m.applied = out.Install.Index, nil
	}
	for _, e := range out.Commit {
		m.applied = append(m.applied, e)
		w.checkChosen(m, e)
	}
	for _, r := range out.Reads {
		w.served++
		if r.Index < w.reads[r.ID] {
			w.t.Fatalf("a read is served at %d, but %d was committed when it began", r.Index, w.reads[r.ID])
		}
	}
	if m.node.Role() == Leader {
		self := Member{ID: m.id, Incarnation: m.incarnation}
		if other, ok := w.leaders[m.node.Term()]; ok && other != self {
			w.t.Fatalf("members %v and %v both lead term %d", other, self, m.node.Term())
		}
		w.leaders[m.node.Term()] = self
	}
}

// seal is a fingerprint of entries that were handed out: nobody may change them afterwards.
func seal(entries []Entry) uint64 {
	sum := uint64(len(entries))
	for i := range entries {
		e := &entries[i]
		sum = sum*31 + uint64(e.Index)
		sum = sum*31 + uint64(e.Term)
		sum = sum*31 + uint64(len(e.Data))
	}
	return sum
}

// checkMember compares a member with what it was, and with what is on its disk.
func (w *world) checkMember(m *member) {
	is := m.node.Status()
	if is.Term < m.term || is.Commit < m.commit {
		w.t.Fatalf("member %d falls from term %d, commit %d to term %d, commit %d", m.id, m.term, m.commit, is.Term, is.Commit)
	}
	if w.rots && m.floor > 0 && !is.Doubt && is.Term < m.floor+Leap {
		w.t.Fatalf("member %d is sure of itself in term %d, and one of the others was in term %d", m.id, is.Term, m.floor)
	}
	if m.doubted && !is.Doubt {
		w.ends++
	}
	m.term, m.commit, m.doubted = is.Term, is.Commit, is.Doubt
	if d := &m.durable; is.Stable > d.Snapshot.Index && is.Stable >= is.First {
		if last := d.last(); last < is.Stable || d.term(is.Stable) != m.node.log.term(is.Stable) {
			w.t.Fatalf("member %d takes its log for durable up to %d, but on its disk it is another one (up to %d)", m.id, is.Stable, last)
		}
	}
}

// checkPromise looks at the disk before a message leaves: what rests on it must be there.
func (w *world) checkPromise(m *member, e Envelope) {
	d, holds := &m.durable, true
	switch message := e.Message.(type) {
	case *Vote:
		holds = d.Term == message.Term && d.Vote == m.id
	case *VoteReply:
		holds = d.Term >= message.Term && (!message.Granted || d.Term > message.Term || d.Vote == e.To)
		w.checkVote(m, e.To, message)
	case *Appended:
		holds = d.Term >= message.Term && d.last() >= message.Match
	case *Mismatch, *Lost, *ChunkReceived, *PreVoteReply, *StaleTerm:
		holds = d.Term >= message.term()
	}
	if !holds {
		w.t.Fatalf("member %d says %T%+v, but that is not what its disk says: %+v", m.id, e.Message, e.Message, *d)
	}
}

// checkVote is what a vote is worth: a member gives one in a term, whatever becomes of its disk.
func (w *world) checkVote(m *member, to ID, v *VoteReply) {
	self := Member{ID: m.id, Incarnation: m.incarnation}
	given := w.votes[v.Term][self]
	if v.Granted && given != 0 && given != to {
		w.t.Fatalf("member %d votes for %d in term %d, and has voted for %d", m.id, to, v.Term, given)
	}
	if v.Granted {
		if w.votes[v.Term] == nil {
			w.votes[v.Term] = map[Member]ID{}
		}
		w.votes[v.Term][self] = to
	}
}

func (s *Stored) last() Index { return s.Snapshot.Index + Index(len(s.Entries)) }

func (s *Stored) term(index Index) Term { return s.Entries[index-s.Snapshot.Index-1].Term }

// checkChosen is state machine safety: nobody ever applies another entry at the same index.
func (w *world) checkChosen(m *member, e Entry) {
	at := int(e.Index) - 2
	if at > len(w.chosen) {
		w.t.Fatalf("member %d applies %d before anybody applied %d", m.id, e.Index, len(w.chosen)+1)
	}
	if at == len(w.chosen) {
		w.chosen = append(w.chosen, e)
	}
	if c := w.chosen[at]; c.Term != e.Term || string(c.Data) != string(e.Data) || c.Time != e.Time {
		w.t.Fatalf("member %d applies %v at %d, where %v was chosen", m.id, e, e.Index, c)
	}
}

func (w *world) step(m *member, input Input) {
	if !m.down {
		m.node.Step(w.now, input)
	}
}

// move makes one random thing happen.
func (w *world) move(faults bool) {
	m, weather := w.nodes[w.random.IntN(len(w.nodes))], &w.weather
	switch w.pick(weather.deliver, weather.flush, weather.pass, weather.propose, weather.read, weather.snapshot, weather.trouble, weather.change) {
	case 0:
		w.deliver(faults)
	case 1:
		w.flush(m)
	case 2:
		w.pass(time.Duration(w.random.IntN(int(testTimeout) / 100 * weather.hurry)))
	case 3:
		w.propose(m)
	case 4:
		w.read(m)
	case 5:
		w.snapshot(m)
	case 6:
		w.fault(m)
	case 7:
		w.change(m)
	}
	for _, m := range w.nodes {
		if !m.down && w.random.IntN(weather.patience) == 0 {
			w.drain(m)
		}
	}
}

// pick draws one of several things, some of which happen more often than others.
func (w *world) pick(weights ...int) int {
	sum := 0
	for _, weight := range weights {
		sum += weight
	}
	dice := w.random.IntN(sum)
	for i, weight := range weights {
		if dice -= weight; dice < 0 {
			return i
		}
	}
	panic("unreachable")
}

func (w *world) pass(time time.Duration) {
	w.now += time
	for _, m := range w.nodes {
		if !m.down && w.now >= m.node.Deadline() {
			w.step(m, Timeout{})
		}
	}
}

// deliver takes one message from the air, in any order when there are faults, and perhaps leaves a copy there.
func (w *world) deliver(faults bool) {
	if len(w.flying) == 0 {
		return
	}
	at := 0
	if faults && w.random.IntN(100) < w.weather.reorder {
		at = w.random.IntN(len(w.flying))
	}
	e := w.flying[at]
	if !faults || w.random.IntN(100) >= w.weather.repeat {
		w.flying = slices.Delete(w.flying, at, at+1)
	}
	if a, ok := e.Message.(*Append); ok && seal(a.Entries) != w.sealed[a] {
		w.t.Fatalf("%+v changed on its way from %d to %d", a, e.From, e.To)
	}
	lost := w.cut[e.From][e.To] || faults && w.random.IntN(100) < w.weather.loss
	switch {
	case !lost:
		w.step(w.nodes[e.To-1], Receive{e})
	case w.random.IntN(4) == 0:
		w.step(w.nodes[e.From-1], Unreachable{e.To})
	}
}

func (w *world) read(m *member) {
	if id := uint64(len(w.reads) + 1); !m.down && m.node.Read(w.now, id, ByRound+Confirmation(id%2)) == nil {
		w.reads[id] = Index(len(w.chosen) + 1)
	}
}

func (w *world) flush(m *member) {
	if m.down || len(m.writing) == 0 {
		return
	}
	count := 1 + w.random.IntN(len(m.writing))
	for i, r := range m.writing[:count] {
		if seal(r.Entries) != m.sealed[i] {
			w.t.Fatalf("record %d changed on its way to the disk of member %d", r.Sequence, m.id)
		}
		if len(r.Entries) > 0 && r.Entries[0].Index <= m.durable.last() {
			m.older = m.durable.Entries
		}
		m.past = append(m.past, m.durable)
		m.durable.store(r)
	}
	sequence := m.writing[count-1].Sequence
	m.writing, m.sealed = m.writing[count:], m.sealed[count:]
	w.step(m, Persisted{sequence})
}

func (w *world) propose(m *member) {
	if m.down {
		return
	}
	if _, err := m.node.Propose(w.now, fmt.Appendf(nil, "command %d", w.proposed)); err == nil {
		w.proposed++
	}
}

// snapshot lets the machine save what it has applied. The disk does one thing after the other: a
// snapshot that is durable before the term in which its entries were known to be committed is forbidden by Snapshotted.
func (w *world) snapshot(m *member) {
	index := m.base + Index(len(m.applied))
	if m.down || index > m.node.Covered() || index <= m.durable.Snapshot.Index || m.node.Status().Applied != index {
		return
	}
	snapshot := m.node.SnapshotAt(index)
	snapshot.Data = []byte(fmt.Sprintf("everything up to entry %d, in so many words", index))
	keep := []Entry{}
	for _, e := range m.durable.Entries {
		if e.Index > index {
			keep = append(keep, e)
		}
	}
	m.durable.Snapshot, m.durable.Entries = snapshot, keep
	w.step(m, Snapshotted{snapshot})
}

// change asks a member for another membership, or gives a node that is of none a new directory.
func (w *world) change(m *member) {
	if w.rots {
		return // else nobody could say of whom a minority may be damaged
	}
	other := w.nodes[w.random.IntN(len(w.nodes))]
	switch w.random.IntN(6) {
	case 0, 1:
		w.reconfigure(m, Change{Add: []Member{{ID: other.id, Incarnation: other.incarnation, Address: "somewhere"}}})
	case 2:
		w.reconfigure(m, Change{Remove: []ID{other.id}})
	case 3:
		w.reconfigure(m, Change{Promote: []ID{other.id}})
	case 4: // one for another, in one step
		w.reconfigure(m, Change{Promote: []ID{m.id%ID(len(w.nodes)) + 1}, Remove: []ID{other.id}})
	case 5:
		if !slices.ContainsFunc(w.nodes, func(m *member) bool { return has(m.node.Known(), other.id, other.incarnation) }) {
			w.losePower(other)
			other.incarnation += 100
			other.durable, other.past = Stored{}, nil
			w.restart(other)
		}
	}
}

func (w *world) reconfigure(m *member, change Change) {
	if m.down {
		return
	}
	if _, err := m.node.Reconfigure(w.now, change); err == nil {
		w.changes++
	}
}

func (w *world) fault(m *member) {
	switch w.random.IntN(9) {
	case 0:
		w.losePower(m)
	case 1, 2:
		w.restart(w.nodes[w.random.IntN(len(w.nodes))])
	case 3: // a short outage: whatever the member meant to write is gone, and it is back at once
		w.losePower(m)
		w.restart(m)
	case 4, 5:
		for a := range w.cut {
			clear(w.cut[a])
		}
	case 6: // one way
		a, b := 1+w.random.IntN(len(w.nodes)), 1+w.random.IntN(len(w.nodes))
		w.cut[a][b] = !w.cut[a][b]
	case 7: // one member alone
		for a := range w.cut {
			w.cut[a][m.id], w.cut[m.id][a] = true, true
		}
	case 8:
		if !m.down {
			_ = m.node.Transfer(w.now, 0)
		}
	}
}

// losePower ends a member: what was not durable is gone.
func (w *world) losePower(m *member) {
	m.down, m.writing, m.sealed = true, nil, nil
	w.rot(m)
}

func (w *world) restart(m *member) {
	if !m.down {
		return
	}
	m.down = false
	w.boot(m)
}

// heal ends all trouble, in a weather in which a healthy cluster makes progress.
func (w *world) heal() {
	for a := range w.cut {
		clear(w.cut[a])
	}
	for _, m := range w.nodes {
		w.restart(m)
	}
	w.weather = weather{hurry: 8, patience: 1, deliver: 60, flush: 15, pass: 10, propose: 5, read: 3, snapshot: 1}
}

// TestRandomSchedules lets hundreds of small clusters live through loss, duplication, reordering, cuts and power
// loss, and then asks each of them to come together and to commit something new. One of them alone:
//
//	go test ./raft -run 'RandomSchedules/seed=29$'
func TestRandomSchedules(t *testing.T) {
	lives, chosen, served, installs, changes := uint64(0), 0, 0, 0, 0
	for seed := range *seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			w := newWorld(t, seed, 1+int(seed%5))
			w.live()
			lives++
			served += w.served
			chosen += len(w.chosen)
			installs += w.installs
			changes += w.changes
		})
	}
	t.Logf("%d entries chosen, %d reads served, %d snapshots installed, %d changes of the membership", chosen, served, installs, changes)
	if lives == *seeds && (served == 0 || installs == 0 || changes == 0) {
		t.Fatal("the schedules exercise too little")
	}
}

// live is one life: trouble, and then the proof that nothing was lost by it.
func (w *world) live() {
	for range 6000 {
		w.move(true)
	}
	w.heal()
	before := len(w.chosen)
	for moves := 0; len(w.chosen) < before+20; moves++ {
		if moves > 50_000 {
			w.t.Fatal("nothing is committed any more")
		}
		w.move(false)
	}
}

// TestEqualSeedsLiveEqualLives: the nodes depend on their inputs alone. One draw, message or entry more or less, and
// everything after it would differ.
func TestEqualSeedsLiveEqualLives(t *testing.T) {
	live := func(seed uint64) string {
		w := newWorld(t, seed, 5)
		for range 5000 {
			w.move(true)
		}
		end := fmt.Sprint(w.random.Uint64(), w.now, len(w.flying), w.chosen)
		for _, m := range w.nodes {
			end += fmt.Sprintf("%+v", m.node.Status())
		}
		return end
	}
	for seed := range uint64(10) {
		require.Equal(t, live(seed), live(seed))
		require.NotEqual(t, live(seed), live(seed+100))
	}
}
