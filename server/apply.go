package server

import (
	"fmt"

	"lockd/lockfsm"
	"lockd/raft"
)

// entryOverhead is about what an entry takes beside its data, on disk and in memory.
const entryOverhead = 64

// apply brings the machine up to what is committed, and answers the calls that waited for it.
func (s *Server) apply() {
	if install := s.output.Install; install != nil {
		machine, err := restore(*install)
		if err != nil {
			panic(err.Error()) // the leader's state can't be read: going on could only spread the damage
		}
		s.machine, s.unsnapped = machine, 0
		if s.taken != nil { // an older one, which was not ordered yet
			s.taken, s.snapping = nil, false
		}
	}
	for i := range s.output.Commit {
		s.applyEntry(&s.output.Commit[i])
	}
}

func (s *Server) applyEntry(e *raft.Entry) {
	s.statistics.Applied++
	s.unsnapped += len(e.Data) + entryOverhead
	if err := step(s.machine, e, &s.applied); err != nil {
		panic(fmt.Sprintf("server: entry %d can't be applied: %v", e.Index, err))
	}
	if e.Kind == raft.KindEmpty && e.Term == s.ruled {
		s.succeed()
	}
	s.answer(e.Index)
	s.expiry.applied(e.Index)
	s.ascent.applied(e.Index)
}

// answer gives everybody who waited for the entry just applied what it decided for them.
func (s *Server) answer(index raft.Index) {
	for i := range s.applied.Settled {
		settled := &s.applied.Settled[i]
		for _, w := range s.calls.settle(settled.Place) {
			s.reply(w.call, settled.Result)
		}
	}
	// The table holds proposals of this term only, and an entry of this leader's at that
	// index is its own: whatever else might be committed there would have ended its term.
	p, found := s.calls.take(index)
	if !found {
		return
	}
	for i, r := range p.renewals {
		if r.call != 0 {
			s.reply(r.call, lockfsm.Result{
				Status: s.applied.Renewals[i].Status, Session: r.session, Last: s.machine.Last(), Revision: uint64(index),
			})
		}
	}
	s.answerProposal(p)
}

func (s *Server) answerProposal(p proposal) {
	result := s.applied.Result
	acquire, _ := p.command.(lockfsm.Acquire)
	switch {
	case p.orphan && (result.Status == lockfsm.OK || result.Status == lockfsm.Waiting):
		s.withdraw(lockfsm.Withdraw{Name: acquire.Name, Place: lockfsm.Place(p.index)})
	case p.call == 0:
	case result.Status == lockfsm.Waiting:
		s.calls.wait(result.Place, waiter{p.call, acquire})
	default:
		s.reply(p.call, result)
	}
}

// takeSnapshot takes a snapshot when enough log has gathered, or the disk needs one, and orders it as soon as the records that it rests on are durable.
func (s *Server) takeSnapshot() (order *Snapshotting) {
	latest, at := s.node.Latest(), raft.Index(s.machine.Revision())
	heals := s.rot != 0 && at >= max(s.rot, latest.Index)
	if !s.snapping && (heals || s.unsnapped >= max(s.config.SnapshotBytes, len(latest.Data))) {
		s.snapping, s.unsnapped = true, 0
		s.statistics.Snapshots++
		s.taken = &Snapshotting{Snapshot: s.node.SnapshotAt(at), Machine: s.machine.Snapshot()}
		if heals {
			s.rot = 0
		}
	}
	if s.taken != nil && s.taken.Snapshot.Index <= s.node.Covered() {
		order, s.taken = s.taken, nil
	}
	return order
}
