package explore

import (
	"bytes"
	"encoding/binary"

	"lockd/raft"
)

// history is what has happened and must not be contradicted, though the members themselves may have forgotten it: who has
// led, and what was chosen.
type history struct {
	leaders []raft.ID // by term; zero: nobody yet
	chosen  []choice  // from the first entry of the log on
}

// choice is an entry that some member has committed: in which term the first one did, and who had to agree.
type choice struct {
	entry  raft.Entry
	term   raft.Term
	voters raft.Membership
}

func (c *choice) String() string { return raft.DescribeEntries([]raft.Entry{c.entry}) }

// extended is the history after a member has done something, or what that contradicts. It is the same one if there is no news.
func (h *history) extended(after *member, chosen []choice) (*history, *Violation) {
	status := after.node.Status()
	next := h
	if status.Role == raft.Leader && h.leader(status.Term) != status.ID {
		if other := h.leader(status.Term); other != 0 {
			return h, violation(Election, "members %d and %d both lead term %d", other, status.ID, status.Term)
		}
		next = next.led(status.Term, status.ID)
	}
	for _, c := range chosen {
		news, wrong := next.chose(c, status.ID)
		if wrong != nil {
			return h, wrong
		}
		next = news
	}
	return next, nil
}

func (h *history) leader(term raft.Term) raft.ID {
	if int(term) >= len(h.leaders) {
		return 0
	}
	return h.leaders[term]
}

func (h *history) led(term raft.Term, who raft.ID) *history {
	leaders := make([]raft.ID, max(len(h.leaders), int(term)+1))
	copy(leaders, h.leaders)
	leaders[term] = who
	return &history{leaders: leaders, chosen: h.chosen}
}

// chose adds an entry behind what was chosen. What a member that has restarted commits again must be what it was.
func (h *history) chose(news choice, by raft.ID) (*history, *Violation) {
	e := news.entry
	for i := range h.chosen {
		if c := &h.chosen[i]; c.entry.Index == e.Index {
			if c.entry.Term != e.Term || !bytes.Equal(c.entry.Data, e.Data) {
				return h, violation(StateMachine, "member %d applies entry %s, where %s was chosen in term %d", by, raft.DescribeEntries([]raft.Entry{e}), c, c.term)
			}
			return h, nil
		}
	}
	chosen := append(h.chosen[:len(h.chosen):len(h.chosen)], news)
	return &history{leaders: h.leaders, chosen: chosen}, nil
}

// appendState writes a history in one way only, with members under other names.
func (h *history) appendState(dst []byte, rename func(raft.ID) raft.ID) []byte {
	number := func(v uint64) { dst = binary.AppendUvarint(dst, v) }
	number(uint64(len(h.leaders)))
	for _, id := range h.leaders {
		number(uint64(rename(id)))
	}
	for i := range h.chosen {
		dst = h.chosen[i].appendState(dst, rename)
	}
	return dst
}

func (c *choice) appendState(dst []byte, rename func(raft.ID) raft.ID) []byte {
	number := func(v uint64) { dst = binary.AppendUvarint(dst, v) }
	membership := func(m raft.Membership) {
		now, former := voters(m, rename)
		number(uint64(now))
		number(uint64(former))
	}
	number(uint64(c.entry.Index))
	number(uint64(c.entry.Term))
	number(uint64(c.term))
	membership(c.voters)
	number(uint64(c.entry.Kind))
	if c.entry.Kind == raft.KindMembers {
		membership(decoded(c.entry))
		return dst
	}
	number(uint64(len(c.entry.Data)))
	return append(dst, c.entry.Data...)
}
