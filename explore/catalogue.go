package explore

import (
	"crypto/sha256"
	"encoding/binary"

	"lockd/raft"
)

// catalogue numbers the members, messages and histories that an exploration meets. There are few of them: a state is a combination, and
// most of its parts have been met before in other ones. So each is kept once, and what a member does when something
// happens to it is found out once.
type catalogue struct {
	names     []renaming
	members   shelf[*member]
	messages  shelf[raft.Envelope]
	histories shelf[*history]
	turns     map[cause]*turn
	later     map[sequel]future
}

// renaming gives the members other names: renaming[id] is the new one of id. Zero remains nobody.
type renaming []raft.ID

func (r renaming) of(id raft.ID) raft.ID { return r[id] }

// shelf holds things of one kind by number. Two are the same thing if all that happens later is the same.
type shelf[T any] struct {
	things []T
	prints [][]uint64 // what each looks like under each renaming
	number map[uint64]uint32
}

// put finds the number of a thing that looks like this, or gives it one.
func (s *shelf[T]) put(key uint64, thing T, print func() []uint64) uint32 {
	if s.number == nil {
		s.number = map[uint64]uint32{}
	}
	n, known := s.number[key]
	if !known {
		n = uint32(len(s.things))
		s.number[key] = n
		s.things, s.prints = append(s.things, thing), append(s.prints, print())
	}
	return n
}

// fingerprint is short for some bytes.
func fingerprint(content []byte) uint64 {
	sum := sha256.Sum256(content)
	return binary.LittleEndian.Uint64(sum[:])
}

func newCatalogue(nodes int) *catalogue {
	return &catalogue{names: renamings(nodes), turns: map[cause]*turn{}, later: map[sequel]future{}}
}

// renamings are all the ways in which members can be named. The first one changes nothing.
func renamings(nodes int) (all []renaming) {
	var extend func(r renaming, used int)
	extend = func(r renaming, used int) {
		if len(r) == nodes+1 {
			all = append(all, append(renaming(nil), r...))
			return
		}
		for id := 1; id <= nodes; id++ {
			if used&(1<<id) == 0 {
				extend(append(r, raft.ID(id)), used|1<<id)
			}
		}
	}
	extend(renaming{0}, 0)
	return all
}

// prints are the fingerprints of what write writes under each renaming.
func (c *catalogue) prints(write func(dst []byte, rename func(raft.ID) raft.ID) []byte) []uint64 {
	all := make([]uint64, len(c.names))
	for i, name := range c.names {
		all[i] = fingerprint(write(nil, name.of))
	}
	return all
}

// member numbers a member. Two that differ in the number of their latest trial election look alike, but they are two: each knows
// other messages for answers to it.
func (c *catalogue) member(m *member) uint32 {
	key := binary.AppendUvarint(m.appendState([]byte{'n'}, c.names[0].of), m.node.Attempt())
	return c.members.put(fingerprint(key), m, func() []uint64 {
		return c.prints(func(dst []byte, rename func(raft.ID) raft.ID) []byte { return m.appendState(append(dst, 'n'), rename) })
	})
}

// message numbers a message.
func (c *catalogue) message(e raft.Envelope) uint32 {
	return c.messages.put(fingerprint(appendEnvelope([]byte{'m'}, e, c.names[0].of)), e, func() []uint64 {
		plain := e
		plain.Message = unnumbered(e.Message)
		return c.prints(func(dst []byte, rename func(raft.ID) raft.ID) []byte {
			return appendEnvelope(append(dst, 'm'), plain, rename)
		})
	})
}

func (c *catalogue) history(h *history) uint32 {
	return c.histories.put(fingerprint(h.appendState([]byte{'h'}, c.names[0].of)), h, func() []uint64 {
		return c.prints(func(dst []byte, rename func(raft.ID) raft.ID) []byte { return h.appendState(append(dst, 'h'), rename) })
	})
}

// appendState writes a member with its disk. What the disk holds, and will hold after each record on its way, is written as the node
// that would start from it.
func (m *member) appendState(dst []byte, rename func(raft.ID) raft.ID) []byte {
	dst = m.node.AppendState(dst, rename)
	disk := m.durable
	dst = started(m.id(), disk).node.AppendState(dst, rename)
	for _, record := range m.writing {
		disk = stored(disk, record)
		dst = started(m.id(), disk).node.AppendState(dst, rename)
	}
	return dst
}

func appendEnvelope(dst []byte, e raft.Envelope, rename func(raft.ID) raft.ID) []byte {
	dst = binary.AppendUvarint(dst, uint64(rename(e.From)))
	dst = binary.AppendUvarint(dst, uint64(rename(e.To)))
	return raft.AppendMessage(dst, e.Message, rename)
}

// cause is what a member's turn depends on.
type cause struct {
	member, message uint32
	kind            kind
	command         uint8
	gone            group
	eager           bool
}

// turn is what a member did, by numbers.
type turn struct {
	after  uint32
	sent   []uint32
	chosen []choice
	term   raft.Term // that the member is in afterwards
	news   bool      // it leads, or has chosen something: history has to be looked at
	silent bool      // nothing is different, and nothing was sent
	wrong  *Violation
}

// take looks up what a member does, and finds it out if it was never asked before.
func (c *catalogue) take(why cause) *turn {
	t, known := c.turns[why]
	if !known {
		s := stimulus{kind: why.kind, command: why.command, gone: why.gone, eager: why.eager}
		if why.kind <= repeat {
			s.envelope = c.messages.things[why.message]
		}
		t = c.found(why, s)
		c.turns[why] = t
	}
	return t
}

func (c *catalogue) found(why cause, s stimulus) *turn {
	after, out := c.members.things[why.member].take(s)
	t := &turn{chosen: out.chosen, wrong: out.wrong}
	if out.wrong != nil {
		return t
	}
	t.after, t.term = c.member(after), after.node.Term()
	for _, e := range out.sent {
		t.sent = append(t.sent, c.message(e))
	}
	t.news = after.node.Role() == raft.Leader || len(out.chosen) > 0
	t.silent = c.members.prints[t.after][0] == c.members.prints[why.member][0] && len(t.sent) == 0
	return t
}

// sequel is a history, and what is about to be added to it.
type sequel struct {
	history uint32
	cause   cause
}

// future is the history that follows, or what is wrong with it.
type future struct {
	history uint32
	wrong   *Violation
}

// follow looks up the history after a turn.
func (c *catalogue) follow(number uint32, why cause, t *turn) future {
	key := sequel{number, why}
	f, known := c.later[key]
	if !known {
		next, wrong := c.histories.things[number].extended(c.members.things[t.after], t.chosen)
		f = future{c.history(next), wrong}
		c.later[key] = f
	}
	return f
}

// outlive is the same for messages by number.
func (c *catalogue) outlive(network []uint32, member raft.ID) {
	for i, m := range network {
		e := c.messages.things[m]
		if candidate, _ := poll(e); candidate == member {
			e.Message = unnumbered(e.Message)
			network[i] = c.message(e)
		}
	}
}
