package sim

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"lockd/raft"
)

// state says how everybody stands: for a run that was told to stop in the middle.
func (w *world) state() string {
	var text strings.Builder
	fmt.Fprintf(&text, "after %d events, at %v of true time:\n", w.events, w.now)
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	columns := []string{"server", "is", "term", "vote", "leader", "commit", "applied", "log", "durable", "machine"}
	fmt.Fprintln(table, strings.Join(columns, "\t"))
	for _, m := range w.members {
		if !m.up() {
			fmt.Fprintf(table, "%d\t%s%s\n", m.id, m.absence(), strings.Repeat("\t-", len(columns)-2)) // a row that ends early would end the columns
			continue
		}
		s := m.server.Node().Status()
		fmt.Fprintf(table, "%d\t%s\t%d\t%d\t%d\t%d\t%d\t%d-%d\t%d\t%016x\n", m.id, m.doing(s.Role), s.Term, s.Vote, s.Leader, s.Commit, s.Applied,
			s.First, s.Last, s.Stable, m.server.Machine().Digest())
	}
	table.Flush()
	b := w.judge.book
	fmt.Fprintf(&text, "by the committed log: %d sessions, highest token %d\n", len(b.guests), b.last)
	for _, h := range b.holds {
		fmt.Fprintf(&text, "    lock %s is held by session %d, token %d\n", h.name, h.session, h.token)
	}
	for _, t := range b.queue {
		fmt.Fprintf(&text, "    session %d waits for lock %s at place %d\n", t.session, t.name, t.place)
	}
	for _, c := range w.clients {
		for _, worker := range c.workers {
			if worker.believes() {
				fmt.Fprintf(&text, "client %d believes that it holds lock %s, token %d\n", c.place+1, worker.name, worker.token)
			}
		}
	}
	return text.String()
}

func (m *member) absence() string {
	if m.lost != "" {
		return "lost: " + m.lost
	}
	return "down"
}

func (m *member) doing(role raft.Role) string {
	if m.paused {
		return fmt.Sprintf("%v, standing still", role)
	}
	return fmt.Sprint(role)
}
