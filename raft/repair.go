package raft

import "slices"

// A member whose disk has lost a part of its log is a convalescent until its log is whole again (Alagappan et al., Protocol-Aware
// Recovery for Consensus-Based Storage, FAST 2018). It remembers where its log ended, and what can be read behind the hole.
//
// It must not count for less than it did. What it acknowledged may be committed on the strength of that, and if it voted by what it can
// still read, it could elect a leader that lacks just those entries. So it votes as still holding its last (index, term), and
// gives that up only when its log, read from the beginning without a gap, is up to date with it in the sense of §5.4.1. That is no weaker than
// having the lost entries back: a log which is up to date with another one has everything committed that the other one has.
// Nor may it count for more. It acknowledges nothing that it can't read, and it never campaigns.

// Position is a place in the log: an entry's index and term.
type Position struct {
	Index Index
	Term  Term
}

// Before tells whether a log that ends here is less up to date than one that ends there (§5.4.1).
func (p Position) Before(other Position) bool {
	if p.Term != other.Term {
		return p.Term < other.Term
	}
	return p.Index < other.Index
}

// Damage is what a member's disk held behind its last entry, and has lost in part.
type Damage struct {
	// End is where the log ended, or if that is not certain, a position that it did not go beyond.
	End Position
	// Behind are the entries behind the hole that can be read, in runs: each is contiguous and a part of one log, the runs rise.
	Behind [][]Entry
	// Doubt says that the last record is lost: term, vote and where the log ended are not certain, and End says nothing. All that is stored is what
	// can be read. It ends with the first record of a higher term, which is then End's: see LastWord.
	Doubt bool
}

// convalescence is what a damaged member holds beside its log.
//
// Invariants: the log is less up to date than end; the runs rise.
type convalescence struct {
	end    Position
	behind []run
	// agreed is how far the log is known to be a leader's. Up to there it is newer than the runs; behind it, it is older, because what
	// was lost between them may have cut it.
	agreed Index
}

// run is a contiguous part of a log.
type run struct {
	prev    Term // of the entry before the first; zero: it is not known
	entries []Entry
}

func newConvalescence(d *Damage) *convalescence {
	c := &convalescence{end: d.End}
	for _, entries := range d.Behind {
		c.behind = append(c.behind, run{entries: entries})
	}
	return c
}

func (r *run) first() Index { return r.entries[0].Index }
func (r *run) last() Index  { return r.entries[len(r.entries)-1].Index }

// term is that of the entry at index, which must be in first-1..last; zero: it is not known.
func (r *run) term(index Index) Term {
	if index < r.first() {
		return r.prev
	}
	return r.entries[index-r.first()].Term
}

// end is the position of the last entry.
func (l *log) end() Position { return Position{l.last(), l.lastTerm()} }

// held is where the log of this member ends for whoever wants its vote.
func (n *Node) held() Position {
	if n.damage != nil {
		return n.damage.end
	}
	return n.log.end()
}

// whole tells whether this member can read all that it must be taken to hold.
func (n *Node) whole() bool { return n.damage == nil }

// mend follows each change of a damaged log. Where it has grown until it meets a run from behind the hole at an entry of the same
// term, the two are one log (Log Matching): the run goes on behind it. A run that a leader's entries contradict was never committed.
func (n *Node) mend() {
	d := n.damage
	for len(d.behind) > 0 {
		r := d.behind[0]
		meet := min(n.log.last(), r.last())
		joined := n.meets(r, meet)
		if !joined && (meet < r.first() || meet > d.agreed) {
			break
		}
		d.behind = d.behind[1:]
		if joined {
			n.attach(r.entries[meet+1-r.first():])
		}
	}
	if n.oath == nil && !n.log.end().Before(d.end) {
		n.damage = nil
	}
}

// meets tells whether the log up to an index and the run behind it are one log: they share the entry there, or the run's first entry
// follows it. That is so too if both are of the same term, whatever else is not known of the run: the leader of that term made
// them one after the other, and never had another entry there in between.
func (n *Node) meets(r run, at Index) bool {
	return at+1 >= r.first() && n.log.matches(at, r.term(at)) || at+1 == r.first() && n.log.matches(at, r.entries[0].Term)
}

func (n *Node) attach(entries []Entry) {
	entries = slices.Clip(entries)
	n.log.append(entries...)
	n.addMemberships(entries)
}

// limit corrects a claim that is no more than an upper bound. In its own term the leader's log does not shrink, so what it had acknowledged of that
// term before this process asked lies within the log as it is now; without that, a member which claims too much, and whose leader goes without
// a successor, would vote for nobody for ever. The leader's answer is to an ask of this process: an older one might be of before the last entries.
func (n *Node) limit(last Index) {
	if d := n.damage; d != nil && d.end.Term == n.term && d.end.Index > last {
		d.end.Index = last
		n.mend()
	}
}

// agree notes that the log is the leader's up to an index.
func (n *Node) agree(match Index) {
	if d := n.damage; d != nil {
		d.agreed = max(d.agreed, match)
		n.mend()
	}
}

// lost is a convalescent's answer to an Append that does not meet its log. What it can read may end before the Append begins; or
// it may be of an older history than what was lost, and conflict with what this member has acknowledged since.
func (n *Node) lost(m *Append) *Lost {
	last := n.log.last()
	if n.log.knows(m.PrevIndex) {
		last = max(n.log.firstOfTerm(m.PrevIndex)-1, n.commit)
	}
	return &Lost{Term: n.term, Round: m.Round, PrevIndex: m.PrevIndex, Last: last}
}

// onLost takes back what a follower had acknowledged and has lost since, and goes on from what it can read. If it was repaired
// before this came, it will acknowledge the same again.
func (n *Node) onLost(from ID, m *Lost) {
	p := n.hear(from, m.Round)
	if p == nil {
		return
	}
	n.releaseReads()
	if p.mode == installing || m.Last >= m.PrevIndex || p.mode == probing && m.PrevIndex != p.next-1 {
		return // of no use, or an old one
	}
	p.match = min(p.match, m.Last)
	p.probe(m.Last + 1)
}

// seek is what a convalescent does when no leader is heard. Perhaps there can be none, because several members are damaged, each in another place: so
// they help each other first. Who has an entry of the same index and term has the same entries before it.
func (n *Node) seek() {
	n.calm()
	n.leader = 0
	if n.bare() {
		n.beg()
		return
	}
	if request := n.wanted(); request != nil {
		for _, m := range n.Known() {
			if m.ID != n.id {
				n.outbox = append(n.outbox, n.envelope(m.ID, request))
			}
		}
	}
}

// members are those that stand in memberships behind the hole: who has joined since may be the only one that can help.
func (c *convalescence) members() (members []Member) {
	if c == nil {
		return nil
	}
	for _, r := range c.behind {
		for i := range r.entries {
			if e := &r.entries[i]; e.Kind == KindMembers {
				membership := mustDecodeMembership(e)
				members = append(members, membership.All()...)
			}
		}
	}
	return members
}

// wanted is the request for what is missing before the first run; nil: there is none. What can be read before the hole may be older
// than the run, and differ from what the run follows: then the two meet farther down.
func (n *Node) wanted() *Fetch {
	if n.whole() || len(n.damage.behind) == 0 {
		return nil
	}
	r := &n.damage.behind[0]
	from := min(n.log.last(), r.first()-1)
	if r.first() <= n.log.last() {
		from = n.commit
	}
	return &Fetch{Term: n.term, Index: r.first(), EntryTerm: r.term(r.first()), From: from}
}

func (n *Node) onFetch(from ID, m *Fetch) {
	reply := &Fetched{Term: n.term, Index: m.Index, EntryTerm: m.EntryTerm}
	// An entry of the same term right before the one that is named comes before it in every log (see meets).
	if n.log.matches(m.Index, m.EntryTerm) && m.Index > n.log.base() || n.log.matches(m.Index-1, m.EntryTerm) {
		reply.Entries = tailOf(n.log.from(m.From, m.Index-1), n.config.MaxAppendBytes)
		reply.PrevTerm = n.log.term(m.Index - Index(len(reply.Entries)) - 1)
	} else if r := n.runWith(m.Index, m.EntryTerm); r != nil {
		low := min(max(m.From, r.first()), m.Index)
		reply.Entries = tailOf(r.entries[low-r.first():m.Index-r.first()], n.config.MaxAppendBytes)
		reply.PrevTerm = r.term(m.Index - Index(len(reply.Entries)) - 1)
	}
	n.deliver(n.envelope(from, reply))
}

// runWith is the run from behind this member's own hole that has an entry.
func (n *Node) runWith(index Index, term Term) *run {
	if n.whole() {
		return nil
	}
	for i := range n.damage.behind {
		if r := &n.damage.behind[i]; r.first() <= index && index <= r.last() && r.term(index) == term {
			return r
		}
	}
	return nil
}

// tailOf is the last entries, at least one and at most so many bytes of data.
func tailOf(entries []Entry, bytes int) []Entry {
	first := len(entries)
	for first > 0 {
		bytes -= len(entries[first-1].Data)
		if bytes < 0 && first < len(entries) {
			break
		}
		first--
	}
	return entries[first:len(entries):len(entries)]
}

// onFetched puts entries before the run that they were asked for, and asks for more until the run meets the log. Who has none may have a snapshot that stands
// for them.
func (n *Node) onFetched(from ID, m *Fetched) {
	request := n.wanted()
	if request == nil || request.Index != m.Index || request.EntryTerm != m.EntryTerm {
		return // an old answer
	}
	if m.PrevTerm != 0 || len(m.Entries) > 0 {
		r := &n.damage.behind[0]
		r.prev, r.entries = m.PrevTerm, slices.Concat(m.Entries, r.entries)
		n.overrule(r)
		n.mend()
	}
	switch next := n.wanted(); {
	case next == nil:
	case len(m.Entries) > 0:
		n.deliver(n.envelope(from, next))
	case n.leader == 0:
		n.deliver(n.envelope(from, n.plea()))
	}
}

// overrule cuts the log where a run from behind the hole tells that it was cut by what is lost. What a leader agreed with stays: it
// was acknowledged, and is newer than the run.
func (n *Node) overrule(r *run) {
	for meet := min(n.log.last(), r.last()); meet+1 >= r.first() && meet >= max(n.commit, n.damage.agreed); meet-- {
		if !n.meets(*r, meet) {
			continue
		}
		if meet < n.log.last() {
			n.cut(meet + 1)
		}
		return
	}
}

// checkDamage is what holds of a convalescent.
func (n *Node) checkDamage() {
	d := n.damage
	if d == nil {
		return
	}
	if n.role != Follower {
		fail("a %v can't read its log from entry %d on", n.role, n.log.last()+1)
	}
	if d.end.Term > n.term {
		fail("a log that ended in term %d in term %d", d.end.Term, n.term)
	}
	if n.oath == nil && !n.log.end().Before(d.end) {
		fail("the log is whole up to entry %d, and taken for damaged", n.log.last())
	}
	if d.agreed > n.log.last() {
		fail("the log is a leader's up to entry %d, and ends at %d", d.agreed, n.log.last())
	}
}

// Hole is what a convalescent can't read: the entries from First on, up to Last or as far as that is not certain, not beyond. Zero: it
// can read everything.
type Hole struct {
	First, Last Index
}

// Hole tells which entries are missing. The last one is known where some behind it can be read.
func (n *Node) Hole() Hole {
	d := n.damage
	if d == nil {
		return Hole{}
	}
	h := Hole{First: n.log.last() + 1, Last: max(d.end.Index, n.log.last()+1)}
	if len(d.behind) > 0 {
		h.Last = max(d.behind[0].first()-1, h.First)
	}
	return h
}
