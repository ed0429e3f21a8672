package explore

import (
	"fmt"
	"slices"
	"time"

	"lockd/raft"
)

// Report is what an exploration has found.
type Report struct {
	States     int  // that differ in more than who is who
	Steps      int  // actions that led from one to another, or to the same
	Depth      int  // up to which every state was looked at
	Exhausted  bool // there are no other states within the bounds, at any depth
	Unfinished bool // the time was up
	Violation  *Violation
	Transcript string // how it comes about, in as few actions as possible
}

// Explore looks at every state that the cluster can reach within the bounds, those that take fewer actions first, until one violates an invariant or
// the time is up. Equal bounds give equal reports, but for the time.
func Explore(b Bounds, limit time.Duration) (Report, error) {
	if err := b.Check(); err != nil {
		return Report{}, err
	}
	s := newSearch(b)
	began := time.Now()
	s.run(func() bool { return time.Since(began) >= limit })
	if s.report.Violation == nil {
		return s.report, nil
	}
	transcript, wrong := tell(b, s.pathTo(len(s.origins)-1))
	if wrong == nil || *wrong != *s.report.Violation {
		return s.report, fmt.Errorf("the same actions, one after the other, lead to %v and not to %v: states were taken for one that differ", wrong, s.report.Violation)
	}
	s.report.Transcript = transcript
	return s.report, nil
}

// search goes through the states level by level.
type search struct {
	bounds    Bounds
	catalogue *catalogue
	seen      map[uint64]struct{}
	origins   []origin // of each state, in the order in which they were found
	frontier  []uint32 // the worlds of this level in a row
	next      []uint32 // those of the next one
	first     int      // the number of the frontier's first world
	report    Report
	removals  []group
	members   []*member // for the judges, used again and again
	child     world
}

// origin is where a state comes from.
type origin struct {
	parent uint32
	action action
}

func newSearch(b Bounds) *search {
	s := &search{bounds: b, catalogue: newCatalogue(b.Nodes), seen: map[uint64]struct{}{}, removals: removals(b.Nodes, b.Removed)}
	var w world
	for i := range b.Nodes {
		w.members = append(w.members, s.catalogue.member(founder(id(i), b.Nodes)))
	}
	w.history = s.catalogue.history(&history{})
	s.add(&w, origin{})
	s.frontier, s.next = s.next, nil
	return s
}

// add takes a world into the next level, if it was never met before, and says whether it was new.
func (s *search) add(w *world, from origin) bool {
	print := s.catalogue.print(w, &s.bounds)
	if _, met := s.seen[print]; met {
		return false
	}
	s.seen[print] = struct{}{}
	s.origins = append(s.origins, from)
	s.next = w.words(s.next)
	return true
}

// patience is how many worlds are expanded between two looks at the clock.
const patience = 1024

// run expands one level after the other.
func (s *search) run(enough func() bool) {
	for s.report.Depth < s.bounds.Depth && !s.report.Exhausted && s.level(enough) {
	}
	s.report.States = len(s.origins)
}

// level expands every world of the frontier, which makes the next one. It says whether it came to the end.
func (s *search) level(enough func() bool) bool {
	var w world
	number := s.first
	for row := s.frontier; len(row) > 0; number++ {
		if number%patience == 0 && enough() {
			s.report.Unfinished = true
			return false
		}
		row = w.read(s.bounds.Nodes, row)
		if s.expand(&w, uint32(number)); s.report.Violation != nil {
			return false
		}
	}
	s.first, s.frontier, s.next = number, s.next, s.frontier[:0]
	s.report.Depth++
	s.report.Exhausted = len(s.frontier) == 0
	return true
}

// expand takes every action that is possible in a world.
func (s *search) expand(w *world, number uint32) {
	for i, m := range w.network {
		if slices.Contains(w.network[:i], m) {
			continue // a copy of it was delivered already
		}
		to := uint8(s.catalogue.messages.things[m].To - 1)
		s.try(w, number, action{kind: deliver, place: to, at: uint8(i)})
		if int(w.spent.duplicates) < s.bounds.Duplicates {
			s.try(w, number, action{kind: repeat, place: to, at: uint8(i)})
		}
	}
	unfinished := 0
	for place, m := range w.members {
		if records := len(s.catalogue.members.things[m].writing); records > 0 {
			unfinished += records
			s.try(w, number, action{kind: sync, place: uint8(place)})
		}
	}
	for place := range w.members {
		s.pass(w, number, place, unfinished)
	}
}

// pass lets time pass at one member, in each way that the bounds allow. Of the records, only a crash takes those of the member itself.
func (s *search) pass(w *world, number uint32, place, unfinished int) {
	m := s.catalogue.members.things[w.members[place]]
	leads := m.node.Role() == raft.Leader
	for _, k := range [...]kind{timeout, silence, propose, change, crash} {
		waiting := unfinished
		if k == crash {
			waiting -= len(m.writing)
		}
		if !s.bounds.allow(k, w.spent) || waiting > s.bounds.Late || !leads && (k == silence || k == propose || k == change) {
			continue
		}
		for _, set := range keep(len(w.network), s.bounds.Late-waiting) {
			for _, gone := range s.gone(k) {
				s.try(w, number, action{kind: k, place: uint8(place), gone: gone, kept: set})
			}
		}
	}
}

// gone are the choices of who is to be removed.
func (s *search) gone(k kind) []group {
	if k == change {
		return s.removals
	}
	return []group{0}
}

// try takes an action, and looks at where it leads.
func (s *search) try(w *world, number uint32, a action) {
	if s.report.Violation != nil {
		return
	}
	s.report.Steps++
	why := s.cause(w, a)
	t := s.catalogue.take(why)
	// A turn that changes nothing leads to less: to a message fewer, or a bound used up.
	if t.term > s.bounds.Terms || t.silent {
		return
	}
	from := origin{number, a}
	if t.wrong != nil {
		s.fail(from, t.wrong)
		return
	}
	c := &s.child
	c.members = append(c.members[:0], w.members...)
	c.members[a.place], c.history = t.after, w.history
	if t.news {
		f := s.catalogue.follow(w.history, why, t)
		if f.wrong != nil {
			s.fail(from, f.wrong)
			return
		}
		c.history = f.history
	}
	c.spent = w.spent.after(a.kind)
	c.network = under(c.network[:0], w.network, a)
	if a.kind == crash {
		s.catalogue.outlive(c.network, id(a.place))
	}
	c.network = append(c.network, t.sent...)
	if s.add(c, from) {
		s.judge(c, from)
	}
}

// cause is what the member's turn depends on.
func (s *search) cause(w *world, a action) cause {
	why := cause{member: w.members[a.place], kind: a.kind, gone: a.gone, eager: s.bounds.eager(w.spent)}
	switch a.kind {
	case deliver, repeat: // the member sees no difference
		why.message, why.kind = w.network[a.at], deliver
	case propose:
		why.command = w.spent.proposals + 1
	}
	return why
}

func (s *search) judge(w *world, from origin) {
	s.members = s.members[:0]
	for _, m := range w.members {
		s.members = append(s.members, s.catalogue.members.things[m])
	}
	if wrong := judge(s.members, s.catalogue.histories.things[w.history]); wrong != nil {
		s.fail(from, wrong)
	}
}

// fail ends the search with an action that must not lead where it does.
func (s *search) fail(from origin, wrong *Violation) {
	if s.report.Violation == nil {
		s.report.Violation = wrong
		s.origins = append(s.origins, from)
	}
}

// pathTo is how a state is reached from the first one.
func (s *search) pathTo(number int) (actions []action) {
	for n := number; n > 0; n = int(s.origins[n].parent) {
		actions = append(actions, s.origins[n].action)
	}
	slices.Reverse(actions)
	return actions
}
