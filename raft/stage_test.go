package raft

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// stage is a cluster on which a story is played: virtual time, a network with a latency for each link and a
// disk with a delay for each member. It writes down what a reader of the story wants to know.
type stage struct {
	t       testing.TB
	now     time.Duration
	tuning  Config // what all members have in common
	actors  []*actor
	events  []event // by due time; equals in the order in which they were made
	latency map[link]time.Duration
	blocked map[link]bool
	doomed  map[link][]string // the next message of that type will be lost
	said    map[string]string // the last words on each link, by type
	lines   []string
}

type link struct{ from, to ID }

type event struct {
	due    time.Duration
	happen func()
}

// actor is one member, its disk, and what is known of it already.
type actor struct {
	id          ID
	incarnation uint64
	node        *Node // nil: it is down
	draws       draws
	durable     Stored
	writing     []Record
	delay       time.Duration // how long its disk takes for a record
	busy        time.Duration // its disk, until then
	known       Status
	output      Output
}

// draws gives the patience that the story wants first, and whole milliseconds afterwards.
type draws struct {
	wanted []uint64
	random rand.PCG
}

func (d *draws) Uint64() uint64 {
	if len(d.wanted) > 0 {
		first := d.wanted[0]
		d.wanted = d.wanted[1:]
		return first
	}
	return d.random.Uint64() % 100 * uint64(time.Millisecond)
}

// want queues a patience to be drawn. It is drawn at each start, poll, campaign, vote and step down.
func (d *draws) want(patience time.Duration) {
	d.wanted = append(d.wanted, uint64(patience-testTimeout))
}

func newStage(t testing.TB, size int) *stage {
	s := &stage{
		t: t, tuning: testConfig(0, 0), latency: map[link]time.Duration{}, blocked: map[link]bool{},
		doomed: map[link][]string{}, said: map[string]string{},
	}
	for id := ID(1); id <= ID(size); id++ {
		a := &actor{id: id, incarnation: uint64(id), durable: foundation(size), delay: 2 * time.Millisecond}
		a.draws.random = *rand.NewPCG(uint64(id), 0)
		s.actors = append(s.actors, a)
	}
	return s
}

func (s *stage) tell(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf("%6d  ", s.now.Milliseconds())+fmt.Sprintf(format, args...))
}

func (s *stage) at(delay time.Duration, happen func()) {
	e := event{s.now + delay, happen}
	i, _ := slices.BinarySearchFunc(s.events, e, func(a, b event) int {
		if a.due <= b.due {
			return -1
		}
		return 1
	})
	s.events = slices.Insert(s.events, i, e)
}

func (s *stage) actor(id ID) *actor { return s.actors[id-1] }

// start lets a member begin with what its disk holds.
func (s *stage) start(a *actor) {
	config := s.tuning
	config.ID, config.Incarnation, config.Random = a.id, a.incarnation, &a.draws
	a.node = New(config, a.durable, s.now)
	a.busy, a.writing = s.now, nil
	a.known = a.node.Status()
	if a.known.Hole != (Hole{}) {
		s.tellHole(a, a.known)
	}
}

// crash takes the power from a member: what was not durable is gone.
func (s *stage) crash(a *actor) {
	for _, r := range a.writing {
		s.tell("%d loses the unfinished record #%d", a.id, r.Sequence)
	}
	a.node, a.writing = nil, nil
	for key := range s.said {
		if strings.Contains(key, fmt.Sprintf("<%d>", a.id)) {
			delete(s.said, key)
		}
	}
}

// run plays until the time has come.
func (s *stage) run(until time.Duration) {
	for {
		due, happen := until+1, func() {}
		if len(s.events) > 0 {
			due, happen = s.events[0].due, s.next
		}
		for _, a := range s.actors {
			if a.node != nil && a.node.Deadline() < due {
				due, happen = a.node.Deadline(), func() { s.step(a, Timeout{}) }
			}
		}
		if due > until {
			s.now = until
			return
		}
		s.now = max(s.now, due)
		happen()
	}
}

func (s *stage) next() {
	first := s.events[0]
	s.events = s.events[1:]
	first.happen()
}

func (s *stage) step(a *actor, input Input) {
	a.node.Step(s.now, input)
	s.drain(a)
}

// drain carries out what a member wants done, and tells of it.
func (s *stage) drain(a *actor) {
	a.node.Drain(&a.output)
	a.node.Check()
	out := &a.output
	s.tellStatus(a)
	if out.Install != nil {
		s.tell("%d installs the snapshot at %d: %q", a.id, out.Install.Index, out.Install.Data)
	}
	if len(out.Commit) > 0 {
		s.tell("%d commits %s", a.id, DescribeEntries(out.Commit))
	}
	for _, r := range out.Reads {
		s.tell("%d serves read %d at %d", a.id, r.ID, r.Index)
	}
	for _, id := range out.Refused {
		s.tell("%d refuses read %d", a.id, id)
	}
	if out.Record.Sequence != 0 {
		s.write(a, out.Record)
	}
	for _, e := range out.Send {
		s.send(e)
	}
}

func (s *stage) tellStatus(a *actor) {
	was, is := a.known, a.node.Status()
	a.known = is
	switch {
	case is.Role != was.Role && is.Role == Leader:
		s.tell("%d becomes leader of term %d", a.id, is.Term)
	case is.Role != was.Role && is.Role == PreCandidate:
		s.tell("%d becomes pre-candidate in term %d, patient for %v", a.id, is.Term, a.node.patience)
	case is.Role != was.Role && is.Role == Candidate:
		s.tell("%d becomes candidate of term %d, patient for %v", a.id, is.Term, a.node.patience)
	case is.Role != was.Role || is.Term != was.Term || is.Leader != was.Leader:
		s.tell("%d becomes follower of %s in term %d", a.id, nameOf(is.Leader), is.Term)
	case is.Role == PreCandidate && a.node.waiting == s.now:
		s.tell("%d polls again, patient for %v", a.id, a.node.patience)
	}
	if now := describeMembership(is.Membership); now != describeMembership(was.Membership) {
		s.tell("%d takes for the cluster %s", a.id, now)
	}
	if is.Hole != was.Hole || is.Doubt != was.Doubt {
		s.tellHole(a, is)
	}
	if is.Transfer != was.Transfer && is.Role == Leader {
		s.tell("%d hands leadership to %s", a.id, nameOf(is.Transfer))
	}
}

func (s *stage) tellHole(a *actor, is Status) {
	if is.Hole == (Hole{}) {
		s.tell("%d is whole again, up to %d", a.id, is.Last)
		return
	}
	if is.Doubt {
		s.tell("%d has lost its last word, and abstains", a.id)
		return
	}
	end := a.node.held()
	s.tell("%d can't read %d..%d, and counts as holding %d/%d", a.id, is.Hole.First, is.Hole.Last, end.Index, end.Term)
}

func nameOf(id ID) string {
	if id == 0 {
		return "nobody"
	}
	return fmt.Sprint(id)
}

// write gives a record to the disk, which does one after the other.
func (s *stage) write(a *actor, r Record) {
	s.tell("%d writes #%d: %s", a.id, r.Sequence, DescribeRecord(r))
	a.writing = append(a.writing, r)
	a.busy = max(a.busy, s.now) + a.delay
	node := a.node
	s.at(a.busy-s.now, func() {
		if a.node != node {
			return
		}
		a.durable.store(a.writing[0])
		a.writing = a.writing[1:]
		s.tell("%d has #%d on disk", a.id, r.Sequence)
		s.step(a, Persisted{r.Sequence})
	})
}

// send puts a message on its way. What a link says again in the same words, like the next
// heartbeat, is not written down again.
func (s *stage) send(e Envelope) {
	over := link{e.From, e.To}
	kind := typeName(e.Message)
	if s.blocked[over] || s.lose(over, kind) {
		s.tellMessage(e, " (lost)")
		return
	}
	delay, ok := s.latency[over]
	if !ok {
		delay = 5 * time.Millisecond
	}
	s.at(delay, func() {
		to := s.actor(e.To)
		if to.node == nil {
			s.tellMessage(e, " (nobody there)")
			return
		}
		s.tellMessage(e, "")
		s.step(to, Receive{e})
	})
}

func (s *stage) lose(over link, kind string) bool {
	i := slices.Index(s.doomed[over], kind)
	if i < 0 {
		return false
	}
	s.doomed[over] = slices.Delete(s.doomed[over], i, i+1)
	return true
}

func (s *stage) tellMessage(e Envelope, fate string) {
	key := fmt.Sprintf("<%d> <%d> %s", e.From, e.To, typeName(e.Message))
	words := Describe(e.Message) + fate
	if s.said[key] != words {
		s.said[key] = words
		s.tell("%d -> %d  %s", e.From, e.To, words)
	}
}
