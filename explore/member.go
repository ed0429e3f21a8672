package explore

import (
	"fmt"
	"math"
	"slices"
	"time"

	"lockd/raft"
)

// member is a node with its disk: all that an action can change at once. A member is a value, and the actions that it takes
// make other ones.
type member struct {
	node    *raft.Node
	now     time.Duration // of its own clock
	durable raft.Stored
	writing []raft.Record // given to the disk, and not durable
}

// stimulus is what an action is for the one member that takes it.
type stimulus struct {
	kind     kind
	envelope raft.Envelope // deliver and repeat
	command  uint8         // propose: its number
	gone     group         // change: who is to be removed
	eager    bool          // the disk finishes every record at once
}

// outcome is what a member did, beside becoming another one.
type outcome struct {
	written []raft.Record
	synced  []uint64
	sent    []raft.Envelope
	chosen  []choice // committed, and handed out to be applied
	wrong   *Violation
}

// A heartbeat is as short as time can be, and an election timeout longer than all heartbeats of an exploration: so a clock
// that has advanced by heartbeats alone has made nothing else fall due.
const (
	heartbeat       = time.Nanosecond
	electionTimeout = time.Duration(1) << 40
)

// constant is the source of patience. Timeouts are actions: how long one would have been does not matter.
type constant struct{}

func (constant) Uint64() uint64 { return 0 }

// configuration lets one command fill an Append, so that entries travel one by one where there is a difference to be made.
func configuration(id raft.ID) raft.Config {
	return raft.Config{
		ID: id, Incarnation: 1, ElectionTimeout: electionTimeout, Heartbeat: heartbeat, Drift: 1, Random: constant{},
		MaxAppendBytes: 1, MaxInflight: 2, MaxInflightBytes: math.MaxInt, MinInflightBytes: math.MaxInt, MaxUncommittedBytes: math.MaxInt, ChunkBytes: 1,
	}
}

// founder is a member of a cluster that was just formed. All are alike.
func founder(id raft.ID, nodes int) *member {
	stored := raft.Stored{Term: 1, Snapshot: raft.Snapshot{Index: 1, Term: 1}}
	for other := raft.ID(1); other <= raft.ID(nodes); other++ {
		stored.Snapshot.Membership.Members = append(stored.Snapshot.Membership.Members, raft.Member{ID: other, Incarnation: 1})
	}
	return started(id, stored)
}

func started(id raft.ID, stored raft.Stored) *member {
	return &member{node: raft.New(configuration(id), stored, 0), durable: stored}
}

// id is the member's own.
func (m *member) id() raft.ID { return m.node.Status().ID }

// take makes the member that this one becomes. The node drains after each input. A node that can't be sure of its invariants panics, and has no
// successor.
func (m *member) take(s stimulus) (after *member, out outcome) {
	defer func() {
		if reason := recover(); reason != nil {
			after, out.wrong = m, &Violation{Assertion, fmt.Sprint(reason)}
		}
	}()
	if s.kind == crash {
		return started(m.id(), m.durable), out
	}
	next := &member{node: m.node.Clone(), now: m.now, durable: m.durable, writing: m.writing}
	next.act(s, &out)
	for s.eager && len(next.writing) > 0 {
		next.act(stimulus{kind: sync}, &out)
	}
	if out.wrong == nil {
		out.wrong = judgeTurn(m, next)
	}
	next.appendState(nil, nobodyElse) // starts from whatever its disk may hold now, and panics if it can't
	return next, out
}

func nobodyElse(id raft.ID) raft.ID { return id }

// act takes one input and drains. What is committed then was counted by the membership before it: a leader begins the next one when it
// has counted.
func (m *member) act(s stimulus, out *outcome) {
	voters := inForce(m)
	m.step(s, out)
	m.drain(out, voters)
}

func (m *member) step(s stimulus, out *outcome) {
	switch s.kind {
	case deliver, repeat:
		m.node.Step(m.now, raft.Receive{Envelope: s.envelope})
	case sync:
		record := m.writing[0]
		m.writing = m.writing[1:]
		m.durable = stored(m.durable, record)
		out.synced = append(out.synced, record.Sequence)
		m.node.Step(m.now, raft.Persisted{Sequence: record.Sequence})
	case timeout:
		m.now = max(m.now, m.node.Deadline())
		m.node.Step(m.now, raft.Timeout{})
	case silence:
		m.now += electionTimeout
		m.node.Step(m.now, raft.Timeout{})
	case propose:
		if _, err := m.node.Propose(m.now, command(s.command)); err != nil {
			panic(err) // proposed to a leader only, and there is room
		}
	case change:
		_, _ = m.node.Reconfigure(m.now, raft.Change{Remove: s.gone.ids()}) // refused: nothing has changed
	}
}

// command is what clients propose: longer than an Append's entries need be, so that each is the last one of its Append.
func command(number uint8) []byte { return fmt.Appendf(nil, "c%d", number) }

// drain carries out what the node wants done.
func (m *member) drain(out *outcome, voters raft.Membership) {
	var output raft.Output
	m.node.Drain(&output)
	for _, e := range withoutTime(output.Commit) {
		out.chosen = append(out.chosen, choice{e, m.node.Term(), voters})
	}
	for _, e := range output.Send {
		switch e.Message.(type) {
		case *raft.ReadIndex, *raft.TimeoutNow:
			continue // reads and transfers are left out
		}
		if wrong := judgePromise(m.durable, e); wrong != nil && out.wrong == nil {
			out.wrong = wrong
		}
		out.sent = append(out.sent, timeless(e))
	}
	if output.Record.Sequence != 0 {
		output.Record.Entries = withoutTime(output.Record.Entries)
		out.written = append(out.written, output.Record)
		m.writing = append(slices.Clip(m.writing), output.Record)
	}
}

// stored is what a disk holds when it has finished a record.
func stored(before raft.Stored, record raft.Record) raft.Stored {
	after := raft.Stored{Term: record.Term, Vote: record.Vote, Snapshot: before.Snapshot, Entries: before.Entries}
	if record.Snapshot != nil {
		after.Snapshot, after.Entries = *record.Snapshot, nil
	}
	if len(record.Entries) > 0 {
		kept := record.Entries[0].Index - after.Snapshot.Index - 1
		after.Entries = slices.Concat(after.Entries[:kept], record.Entries)
	}
	return after
}

// timeless takes cluster time out of what travels. No decision of a node looks at it, and two states that differ in nothing
// else are one.
func timeless(e raft.Envelope) raft.Envelope {
	if m, is := e.Message.(*raft.Append); is && len(m.Entries) > 0 {
		plain := *m
		plain.Entries = withoutTime(m.Entries)
		e.Message = &plain
	}
	return e
}

func withoutTime(entries []raft.Entry) []raft.Entry {
	plain := slices.Clone(entries)
	for i := range plain {
		plain[i].Time = 0
	}
	return plain
}
