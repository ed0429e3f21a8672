package explore

import (
	"fmt"
	"strings"

	"lockd/raft"
)

// stage plays actions one after the other, on members that nobody has numbered, and tells what happens: in the
// words of the transcripts in raft/testdata, with actions for the time.
type stage struct {
	bounds  Bounds
	members []*member
	network []raft.Envelope
	history *history
	spent   spent
	number  int
	text    strings.Builder
}

func newStage(b Bounds) *stage {
	s := &stage{bounds: b, history: &history{}}
	for place := range b.Nodes {
		s.members = append(s.members, founder(id(place), b.Nodes))
	}
	fmt.Fprintf(&s.text, "> cluster %d\n", b.Nodes)
	return s
}

// tell plays a whole path, and returns its transcript and what is wrong in the end.
func tell(b Bounds, path []action) (string, *Violation) {
	s := newStage(b)
	for i, a := range path {
		if wrong := s.play(a); wrong != nil && i == len(path)-1 {
			s.tellLogs()
			return fmt.Sprintf("# %v.\n%s", wrong, s.text.String()), wrong
		}
	}
	return s.text.String(), nil
}

func (s *stage) line(format string, args ...any) {
	fmt.Fprintf(&s.text, "%6d  "+format+"\n", append([]any{s.number}, args...)...)
}

// play takes one action, and judges where it leads.
func (s *stage) play(a action) *Violation {
	s.number++
	what := stimulus{kind: a.kind, eager: s.bounds.eager(s.spent), command: s.spent.proposals + 1, gone: a.gone}
	if a.kind <= repeat {
		what.envelope = s.network[a.at]
	}
	s.tellAction(a, what)
	before := s.members[a.place]
	after, out := before.take(what)
	s.network = under(nil, s.network, a)
	if a.kind == crash {
		outlive(s.network, id(a.place))
	}
	s.network = append(s.network, out.sent...)
	s.spent = s.spent.after(a.kind)
	s.members[a.place] = after
	s.tellOutcome(before, after, out)
	if out.wrong != nil {
		return out.wrong
	}
	next, wrong := s.history.extended(after, out.chosen)
	if wrong != nil {
		return wrong
	}
	s.history = next
	return judge(s.members, s.history)
}

// tellAction says what happens, and what is lost by it.
func (s *stage) tellAction(a action, what stimulus) {
	e := what.envelope
	switch a.kind {
	case deliver:
		s.line("%d -> %d  %s", e.From, e.To, raft.Describe(e.Message))
	case repeat:
		s.line("%d -> %d  %s (and once more)", e.From, e.To, raft.Describe(e.Message))
	case sync: // told by its outcome
	default:
		for i, lost := range s.network {
			if a.kept != everything && a.kept&(1<<i) == 0 {
				s.line("%d -> %d  %s (lost)", lost.From, lost.To, raft.Describe(lost.Message))
			}
		}
		for _, lost := range s.lost(a) {
			s.line("%d loses the unfinished record #%d", id(a.place), lost.Sequence)
		}
		fmt.Fprintf(&s.text, "\n> %v %d", a.kind, id(a.place))
		if a.kind == propose {
			fmt.Fprintf(&s.text, " %s", command(what.command))
		}
		for _, id := range a.gone.ids() {
			fmt.Fprintf(&s.text, " -%d", id)
		}
		s.text.WriteString("\n")
	}
}

// lost are the records that a crash takes.
func (s *stage) lost(a action) []raft.Record {
	if a.kind != crash {
		return nil
	}
	return s.members[a.place].writing
}

func (s *stage) tellOutcome(before, after *member, out outcome) {
	s.tellStatus(before.node.Status(), after.node.Status())
	if len(out.chosen) > 0 {
		s.line("%d commits %s", after.id(), raft.DescribeEntries(entries(out.chosen)))
	}
	for _, r := range out.written {
		s.line("%d writes #%d: %s", after.id(), r.Sequence, raft.DescribeRecord(r))
	}
	for _, sequence := range out.synced {
		s.line("%d has #%d on disk", after.id(), sequence)
	}
}

func entries(chosen []choice) (all []raft.Entry) {
	for i := range chosen {
		all = append(all, chosen[i].entry)
	}
	return all
}

func (s *stage) tellStatus(was, is raft.Status) {
	switch {
	case is.Role != was.Role && is.Role == raft.PreCandidate:
		s.line("%d becomes %v in term %d", is.ID, is.Role, is.Term)
	case is.Role != was.Role && is.Role != raft.Follower:
		s.line("%d becomes %v of term %d", is.ID, is.Role, is.Term)
	case is.Role != was.Role || is.Term != was.Term || is.Leader != was.Leader:
		leader := "nobody"
		if is.Leader != 0 {
			leader = fmt.Sprint(is.Leader)
		}
		s.line("%d becomes follower of %s in term %d", is.ID, leader, is.Term)
	}
}

func (s *stage) tellLogs() {
	s.text.WriteString("\n> logs\n")
	for _, m := range s.members {
		status := m.node.Status()
		s.line("%d has 1/1, then %s; committed up to %d", m.id(), or(raft.DescribeEntries(m.node.Entries(0)), "nothing"), status.Commit)
		s.line("%d has on its disk term %d, vote %d and %s", m.id(), m.durable.Term, m.durable.Vote, or(raft.DescribeEntries(m.durable.Entries), "nothing"))
	}
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
